import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { rowPages } from "./row-pages.ts";

const AT = "entity=admin&project=p&run=r";

suite("charts and exports over HTTP", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    await makeRun(doors, doors.admin, { project: "p", name: "r" });
    const content = [
      '{"_step":0,"a":NaN,"text":"=1+1"}',
      '{"_step":1,"a":Infinity,"text":"say \\"hi\\", you\\nthere"}',
      '{"_step":1000000000000,"a":-Infinity,"b":{"c":[1,null]}}',
    ];
    await doors.ask(doors.admin, "POST", "/files/admin/p/r/file_stream", {
      files: {
        "wandb-history.jsonl": { offset: 0, content },
        "output.log": { offset: 1_000_000_000, content: ["far line"] },
      },
    });
  });
  after(() => doors.close());
  const get = (path: string) => doors.ask(doors.admin, "GET", path);

  test("an export has every row, however far their steps lie apart", async () => {
    const csv = await get(`/api/v1/export?${AT}`);
    assert.equal(
      csv.text,
      '_step,a,b.c,text\n0,NaN,,\'=1+1\n1,Infinity,,"say ""hi"", you\nthere"\n1000000000000,-Infinity,"[1,null]",\n',
    );
    const jsonl = await get(`/api/v1/export?${AT}&format=jsonl`);
    assert.equal(jsonl.text.split("\n").length, 4);
    assert.match(jsonl.text, /"_step":1000000000000,"a":-Infinity/);
    assert.equal((await get(`/api/v1/console/download?${AT}`)).text, "far line\n");
  });

  test("an export that fails on its way is cut off, and logged: nobody takes it for whole", async (t) => {
    const { metrics } = doors.server.services;
    const lines = Array.from({ length: 12_000 }, (_, step) => `{"_step":${step},"a":1}`);
    await makeRun(doors, doors.admin, { project: "p", name: "long" });
    await doors.ask(doors.admin, "POST", "/files/admin/p/long/file_stream", {
      files: {
        "wandb-history.jsonl": { offset: 0, content: lines },
        "output.log": { offset: 0, content: lines },
      },
    });
    const ask = async (path: string) => {
      const headers = { authorization: `Bearer ${doors.admin}` };
      return (await fetch(`${doors.server.url}${path}&entity=admin&project=p&run=long`, { headers })).text();
    };
    for (const [path, asked] of [
      ["/api/v1/export?format=jsonl", "rows"],
      ["/api/v1/export?format=csv", "columns"],
      ["/api/v1/export?format=parquet", "columns"],
      ["/api/v1/console/download?", "consoleLines"],
    ] as const) {
      const whole = await ask(path);
      const second = t.mock.method(metrics, asked);
      second.mock.mockImplementationOnce(() => Promise.reject(new Error("a damaged chunk")), 1);
      await assert.rejects(ask(path), path);
      second.mock.restore();
      const told = doors.log.at(-1);
      assert.deepEqual(
        [told?.level, (told?.err as Error | undefined)?.message],
        [50, "a damaged chunk"],
        path,
      );
      assert.equal(await ask(path), whole);
    }
  });

  test("the keys of a run, NaN and infinite values included, or none of them", async () => {
    const { text, headers } = await get(`/api/v1/run-keys?${AT}`);
    assert.match(headers.get("content-type") ?? "", /^application\/json/);
    const shared = '"lastStep":1000000000000,"monotonic"';
    assert.equal(
      text,
      `{"keys":[${[
        `{"key":"_step","types":{"number":3},"count":3,${shared}:true,"min":0,"max":1000000000000,"last":1000000000000}`,
        `{"key":"a","types":{"number":3},"count":3,${shared}:false,"last":-Infinity}`,
        `{"key":"b.c","types":{"list":1},"count":1,${shared}:false,"last":[1,null]}`,
        `{"key":"text","types":{"string":2},"count":2,"lastStep":1,"monotonic":false,"last":"say \\"hi\\", you\\nthere"}`,
      ].join()}]}`,
    );
    assert.equal((await get(`/api/v1/run-keys?${AT}&stream=events`)).text, '{"keys":[]}');
  });

  test("keys of histograms, and which runs have them, are known by the runs' summaries", async () => {
    const histogram = { _type: "histogram", values: [1, 2], bins: [0, 1, 2] };
    const summaries = {
      x: { grads: histogram, layer: { w: histogram }, note: "histogram", loss: 1 },
      y: { grads: histogram, other: { _type: "image-file" } },
      z: { note: "a histogram" },
    };
    for (const [name, summary] of Object.entries(summaries)) {
      await makeRun(doors, doors.admin, { project: "histograms", name });
      await doors.ask(doors.admin, "POST", `/files/admin/histograms/${name}/file_stream`, {
        files: { "wandb-summary.json": { offset: 0, content: [JSON.stringify(summary)] } },
      });
    }
    const asked = await get("/api/v1/histogram-keys?entity=admin&project=histograms&run=x&run=y&run=z");
    assert.deepEqual(JSON.parse(asked.text), {
      keys: [
        { key: "grads", runs: ["x", "y"] },
        { key: "layer.w", runs: ["x"] },
      ],
    });
    const one = await get("/api/v1/histogram-keys?entity=admin&project=histograms&run=y");
    assert.deepEqual(JSON.parse(one.text), { keys: [{ key: "grads", runs: ["y"] }] });
  });

  test("many runs in one table, which has all of their keys", async () => {
    await makeRun(doors, doors.admin, { project: "many", name: "x" });
    await makeRun(doors, doors.admin, { project: "many", name: "y" });
    await makeRun(doors, doors.admin, { project: "many", name: "empty" });
    const rows = {
      x: ['{"_step":0,"loss":0.5,"run":"named so"}'],
      y: ['{"_step":0,"acc":1}', '{"_step":1,"loss":0.25}'],
    };
    for (const [name, content] of Object.entries(rows))
      await doors.ask(doors.admin, "POST", `/files/admin/many/${name}/file_stream`, {
        files: { "wandb-history.jsonl": { offset: 0, content } },
      });
    const all = "/api/v1/export?entity=admin&project=many";
    assert.equal(
      (await get(`${all}&runs=all`)).text,
      "run,_step,acc,loss,run_2\nx,0,,0.5,named so\ny,0,1,,\ny,1,,0.25,\n",
    );
    assert.equal((await get(`${all}&run=y&run=empty`)).text, "run,_step,acc,loss\ny,0,1,\ny,1,,0.25\n");
    assert.equal(
      (await get(`${all}&runs=all&format=jsonl`)).text,
      '{"run":"x","_step":0,"loss":0.5,"run":"named so"}\n{"run":"y","_step":0,"acc":1}\n{"run":"y","_step":1,"loss":0.25}\n',
    );
    const ranged = await get(`${all}&runs=all&minStep=1&maxStep=2`);
    assert.equal(ranged.text, "run,_step,acc,loss,run_2\ny,1,,0.25,\n");
    assert.equal((await get(`${all}&run=y&format=jsonl&maxStep=1`)).text, '{"_step":0,"acc":1}\n');
    assert.match((await get(`${all}&run=y&minStep=`)).text, /minStep must be a step/);
    assert.match((await get(`${all}&run=y&run=gone`)).text, /no run admin\/many\/gone/);
    assert.equal((await get(`${all}&runs=some`)).status, 400);
    const stranger = await doors.user("passer-by");
    assert.equal((await doors.ask(stranger, "GET", `${all}&runs=all`)).status, 404);
  });

  test("Parquet has the values that were logged, by their types", async () => {
    await makeRun(doors, doors.admin, { project: "parquet", name: "r" });
    const count = 1000;
    const content = Array.from({ length: count }, (_, step) => {
      const sometimes = step % 3 ? "" : `,"eval/acc":${step === 3 ? "NaN" : step / 7}`;
      const rare =
        step === 5 ? ',"note":"fünf","on":true,"list":[1,2],"mixed":"a"' : step === 6 ? ',"mixed":6' : "";
      return `{"_step":${step * 2},"loss":${1 / (1 + step)}${sometimes}${rare},"deep":{"er":${step}}}`;
    });
    await doors.ask(doors.admin, "POST", "/files/admin/parquet/r/file_stream", {
      files: { "wandb-history.jsonl": { offset: 0, content } },
    });
    const answer = await fetch(
      `${doors.server.url}/api/v1/export?entity=admin&project=parquet&run=r&format=parquet`,
      { headers: { authorization: `Bearer ${doors.admin}` } },
    );
    assert.equal(answer.headers.get("content-type"), "application/vnd.apache.parquet");
    const file = await answer.arrayBuffer();
    const { parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
    const metadata = await parquetMetadataAsync(file);
    assert.deepEqual(
      metadata.schema.slice(1).map(({ name, type }) => [name, type]),
      [
        ["_step", "INT64"],
        ["deep.er", "DOUBLE"],
        ["eval/acc", "DOUBLE"],
        ["list", "BYTE_ARRAY"],
        ["loss", "DOUBLE"],
        ["mixed", "BYTE_ARRAY"],
        ["note", "BYTE_ARRAY"],
        ["on", "BOOLEAN"],
      ],
    );
    const zstd = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };
    const rows = await parquetReadObjects({ file, compressors: zstd });
    assert.equal(rows.length, count);
    for (const step of [0, 3, 5, 6, 999]) {
      assert.deepEqual(rows[step], {
        _step: BigInt(step * 2),
        "deep.er": step,
        "eval/acc": step % 3 ? null : step === 3 ? Number.NaN : step / 7,
        list: step === 5 ? "[1,2]" : null,
        loss: 1 / (1 + step),
        mixed: step === 5 ? '"a"' : step === 6 ? "6" : null,
        note: step === 5 ? "fünf" : null,
        on: step === 5 ? true : null,
      });
    }
  });

  test("questions have bounds, and say which was passed", async () => {
    assert.equal((await get(`/api/v1/export?${AT}&format=xml`)).status, 400);
    assert.equal((await get(`/api/v1/run-keys?${AT}&stream=console`)).status, 400);
    for (const query of ["from=-1", "limit=x", "from=1e9"])
      assert.equal((await get(`/api/v1/console?${AT}&${query}`)).status, 400, query);
    assert.equal((await get(`/api/v1/console/search?${AT}`)).status, 400);
    assert.equal((await get(`/api/v1/console/search?${AT}&q=${"q".repeat(1001)}`)).status, 400);
  });

  test("a stranger hears of a run what they hear of none", async () => {
    const stranger = await doors.user("stranger");
    for (const door of ["run-keys", "export", "console", "console/search", "console/download"]) {
      const there = await doors.ask(stranger, "GET", `/api/v1/${door}?${AT}&q=x`);
      const none = await doors.ask(stranger, "GET", `/api/v1/${door}?entity=admin&project=p&run=none&q=x`);
      assert.deepEqual([there.status, none.status], [404, 404], door);
      assert.equal(there.text, none.text.replace("p/none", "p/r"), door);
    }
  });
});

test("pages end between steps, whatever number of rows a step has", async () => {
  const rows = [0, 1, 1, 1, 1, 1, 2, 5, 5, 9].map((step, at) => `{"_step":${step},"at":${at}}`);
  const steps = rows.map((row) => JSON.parse(row)._step as number);
  const metrics = {
    rows: async ({
      minStep = 0,
      maxStep = 10,
      limit,
    }: {
      minStep?: number;
      maxStep?: number;
      limit?: number;
    }) => rows.filter((_, at) => (steps[at] ?? 0) >= minStep && (steps[at] ?? 0) < maxStep).slice(0, limit),
    lineCounts: async () => ({ history: rows.length, events: 0, console: 0 }),
  };
  for (const size of [1, 2, 3, 9, 10, 11]) {
    const found: string[] = [];
    for await (const page of rowPages(metrics, 1, "history", size)) found.push(...page);
    assert.deepEqual(found, rows, `pages of ${size}`);
    const some: string[] = [];
    for await (const page of rowPages(metrics, 1, "history", size, { minStep: 1, maxStep: 5 }))
      some.push(...page);
    assert.deepEqual(some, rows.slice(1, 7), `pages of ${size}, a range`);
  }
});
