import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";

const ASK = `query H($run: String!) { project(name: "p", entityName: "admin") { run(name: $run) {
  parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData } } } }`;

suite("the history of a run as a file", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
  });
  after(() => doors.close());

  async function run(
    name: string,
    content: string[],
    more: object = { complete: true, exitcode: 0 },
    offset = 0,
  ) {
    if (offset === 0) await makeRun(doors, doors.admin, { project: "p", name });
    const { status } = await doors.ask(doors.admin, "POST", `/files/admin/p/${name}/file_stream`, {
      files: { "wandb-history.jsonl": { offset, content } },
      ...more,
    });
    assert.equal(status, 200);
  }
  async function history(name: string): Promise<{ parquetUrls: string[]; liveData: unknown[] }> {
    const answer = await doors.graphql<{
      project: { run: { parquetHistory: { parquetUrls: string[]; liveData: unknown[] } } };
    }>(doors.admin, ASK, { run: name });
    return answer.project.run.parquetHistory;
  }
  const rows = (from: number, to: number) =>
    Array.from(
      { length: to - from },
      (_, at) => `{"_step":${from + at},"loss":${1 / (1 + from + at)},"on":true}`,
    );

  test("whole and by ranges, by its address alone, without a key", async () => {
    await run("ended", rows(0, 3000));
    const { parquetUrls, liveData } = await history("ended");
    assert.deepEqual([parquetUrls.length, liveData], [1, []]);
    const url = parquetUrls[0] ?? "";
    const head = await fetch(url, { method: "HEAD" });
    const size = Number(head.headers.get("content-length"));
    const whole = await (await fetch(url)).arrayBuffer();
    assert.deepEqual([head.status, whole.byteLength], [200, size]);
    const part = await fetch(url, { headers: { range: `bytes=${size - 4}-` } });
    assert.deepEqual([part.status, await part.text()], [206, "PAR1"]);
    assert.equal(part.headers.get("content-range"), `bytes ${size - 4}-${size - 1}/${size}`);
    const compressors = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };
    const read = await parquetReadObjects({ file: whole, compressors });
    assert.equal(read.length, 3000);
    assert.deepEqual(read[2999], { _step: 2999n, loss: 1 / 3000, on: true });
    assert.deepEqual((await history("ended")).parquetUrls.length, 1, "again the same");
    assert.equal((await fetch(url.replace(/\.[^./]+\/ended/, ".forged/ended"))).status, 403);
  });

  test("a run that goes on after its file was given out is read live, and its old address ends", async () => {
    await run("resumed", rows(0, 10));
    const [url = ""] = (await history("resumed")).parquetUrls;
    assert.equal((await fetch(url)).status, 200);
    await run("resumed", rows(10, 12), {}, 10);
    assert.deepEqual(await history("resumed"), { parquetUrls: [], liveData: [{ _step: 0 }] });
    const gone = await fetch(url);
    assert.equal(gone.status, 404);
    assert.match(await gone.text(), /ask for its history again/);
  });

  test("live while a run runs, and where a file would not give back the rows as they are", async () => {
    const live = { parquetUrls: [], liveData: [{ _step: 0 }] };
    await run("running", rows(0, 3), {});
    assert.deepEqual(await history("running"), live);
    const inexact: Record<string, string[]> = {
      sparse: ['{"_step":0,"a":1}', '{"_step":1,"b":1}'],
      nested: ['{"_step":0,"a":{"b":1}}'],
      // The directory at its end would have an entry for each key and group of rows.
      wide: [`{"_step":0${Array.from({ length: 2000 }, (_, key) => `,"w${key}":${key}`).join("")}}`],
      mixed: ['{"_step":0,"a":1}', '{"_step":1,"a":"one"}'],
      list: ['{"_step":0,"a":[1,2]}'],
      media: ['{"_step":0,"a":{"_type":"image-file","path":"x"}}'],
      large: ['{"_step":0,"a":9007199254740995}'],
    };
    for (const [name, content] of Object.entries(inexact)) {
      await run(name, content);
      assert.deepEqual(await history(name), live, name);
    }
  });
});
