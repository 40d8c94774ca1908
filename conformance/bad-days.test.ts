import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { until } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What the official client never sends again; everything else it tries for minutes or days. */
const FINAL = new Set([400, 401, 403, 404, 409, 410, 413, 422, 501]);

const CREATE = `mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { id name } } }`;

interface Answer {
  status: number;
  text: string;
}
async function post(server: RunningServer, path: string, body: BodyInit, headers = {}): Promise<Answer> {
  const response = await server.fetch(path, { method: "POST", body, headers });
  return { status: response.status, text: await response.text() };
}
const stream = (server: RunningServer, run: string, offset: number, content: string[], project = "p") =>
  post(
    server,
    `/files/admin/${encodeURIComponent(project)}/${encodeURIComponent(run)}/file_stream`,
    JSON.stringify({ files: { "wandb-history.jsonl": { offset, content } } }),
  );

/** Every line of a run's history as the server has it. */
async function lines(server: RunningServer, run: string, project = "p"): Promise<string[]> {
  const found = await server.query<{ project: { run: { history: string[] } } }>(
    `query($p: String!, $r: String!) { project(name: $p, entityName: "admin") { run(name: $r) {
      history(minStep: 0, maxStep: 100000000, samples: 100000000) } } }`,
    { p: project, r: run },
  );
  return found.project.run.history;
}

suite("a disk that is full", () => {
  const place = mkdtempSync(join(tmpdir(), "steelyard-small-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "none", place]).status === 0;
  const resize = (size: string) =>
    assert.equal(spawnSync("mount", ["-o", `remount,size=${size}`, place]).status, 0);
  after(() => {
    if (mounted) spawnSync("umount", ["-l", place]);
    rmSync(place, { recursive: true, force: true });
  });

  test("refuses a file with a status that is tried again, keeps no half of it, and takes it when there is room", {
    skip: mounted ? false : "a small disk cannot be mounted here (not root)",
  }, async () => {
    const dataDir = join(place, "files");
    mkdirSync(dataDir);
    const server = await startServer({ dataDir });
    try {
      await server.query(CREATE, { i: { modelName: "p", name: "r" } });
      const { createRunFiles } = await server.query<{ createRunFiles: { files: { uploadUrl: string }[] } }>(
        `mutation { createRunFiles(input: {entityName: "admin", projectName: "p", runName: "r", files: ["big.bin", "small.txt"]}) { files { uploadUrl } } }`,
      );
      const [big = "", small = ""] = createRunFiles.files.map(({ uploadUrl }) => uploadUrl);
      const content = randomBytes(40 * 2 ** 20);
      const put = (url: string, body: Uint8Array<ArrayBuffer>) => fetch(url, { method: "PUT", body });
      const refused = await put(big, content);
      assert.equal(refused.status, 507);
      assert.ok(Number(refused.headers.get("retry-after")) > 0);
      assert.match(await refused.text(), /disk .*full/);
      await until("a line in the log", () => /"code":"storage-full"/.test(server.log()));
      // No half of it takes the room of others, and none is listed.
      const kept = globSync("files/**", { cwd: dataDir, withFileTypes: true }).filter((one) => one.isFile());
      assert.deepEqual(
        kept.map(({ name }) => name),
        [],
      );
      assert.equal((await put(small, Buffer.from("small"))).status, 200);
      const listed = async () => {
        const found = await server.query<{
          project: {
            run: { files: { edges: { node: { name: string; sizeBytes: number; directUrl: string } }[] } };
          };
        }>(
          `{ project(name: "p", entityName: "admin") { run(name: "r") { files { edges { node { name sizeBytes directUrl } } } } } }`,
        );
        return found.project.run.files.edges.map(({ node }) => node);
      };
      assert.deepEqual(
        (await listed()).map(({ name }) => name),
        ["small.txt"],
      );
      resize("96m");
      assert.equal((await put(big, content)).status, 200);
      const file = (await listed()).find(({ name }) => name === "big.bin");
      const read = await fetch(file?.directUrl ?? "");
      assert.ok(content.equals(Buffer.from(await read.arrayBuffer())));
    } finally {
      await server.stop();
      rmSync(dataDir, { recursive: true });
      resize("24m");
    }
  });

  test("is said so with a status that is tried again; nothing is lost or doubled when there is room", {
    skip: mounted ? false : "a small disk cannot be mounted here (not root)",
  }, async () => {
    const dataDir = join(place, "data");
    mkdirSync(dataDir);
    const server = await startServer({ dataDir });
    try {
      await server.query(CREATE, { i: { modelName: "p", name: "r" } });
      const batch = (at: number) =>
        Array.from(
          { length: 500 },
          (_, i) => `{"_step":${at + i},"x":${Math.sin(at + i)},"t":"${"x".repeat(200)}"}`,
        );
      let sent = 0;
      let refused: Answer | undefined;
      while (!refused) {
        const answer = await stream(server, "r", sent, batch(sent));
        if (answer.status === 200) sent += 500;
        else refused = answer;
        assert.ok(sent < 1_000_000, "the disk never fills");
      }
      assert.ok(!FINAL.has(refused.status) && refused.status >= 500, `${refused.status} ${refused.text}`);
      assert.match(refused.text, /disk .*full/);
      await until("a line in the log", () => /"code":"storage-full"/.test(server.log()));
      assert.ok(sent > 0);
      // Reading goes on, and what was acknowledged is there.
      assert.ok((await lines(server, "r")).length >= sent);
      assert.equal((await server.fetch("/healthz")).status, 200);

      resize("96m");
      // The client sends the same again until it is taken, then goes on.
      for (let at = sent; at < sent + 2500; at += 500)
        assert.equal((await stream(server, "r", at, batch(at))).status, 200);
      const expected = Array.from({ length: sent / 500 + 5 }, (_, i) => batch(i * 500)).flat();
      assert.deepEqual(await lines(server, "r"), expected);
      await server.crashAndRestart();
      assert.deepEqual(await lines(server, "r"), expected);
    } finally {
      await server.stop();
    }
  });
});

suite("what clients send on bad days", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
    await server.query(CREATE, { i: { modelName: "p", name: "r" } });
  });
  after(() => server.stop());

  const MALFORMED: [string, BodyInit, Record<string, string>, number][] = [
    ["no JSON", "{", {}, 400],
    ["a list", "[]", {}, 400],
    ["nothing", "", {}, 400],
    ["files that are a list", '{"files":[]}', {}, 400],
    [
      "a chunk without content of texts",
      '{"files":{"wandb-history.jsonl":{"offset":0,"content":[1]}}}',
      {},
      400,
    ],
    ["a negative offset", '{"files":{"wandb-history.jsonl":{"offset":-1,"content":["{}"]}}}', {}, 400],
    [
      "an offset that is no whole number",
      '{"files":{"wandb-history.jsonl":{"offset":1.5,"content":["{}"]}}}',
      {},
      400,
    ],
    [
      "an offset beyond all numbers",
      '{"files":{"wandb-history.jsonl":{"offset":1e20,"content":["{}"]}}}',
      {},
      400,
    ],
    [
      "an offset that is a text",
      '{"files":{"wandb-history.jsonl":{"offset":"0","content":["{}"]}}}',
      {},
      400,
    ],
    ["an exit code that is none", '{"complete":true,"exitcode":"x"}', {}, 400],
    ["gzip that is none", "not gzip", { "content-encoding": "gzip" }, 400],
    ["half of a gzip", gzipSync('{"files":{}}').subarray(0, 12), { "content-encoding": "gzip" }, 400],
    ["a coding nobody knows", "x", { "content-encoding": "br" }, 400],
  ];
  for (const [name, body, headers, status] of MALFORMED) {
    test(`file_stream with ${name}: ${status}, a plain line, and a line in the log`, async () => {
      const answer = await post(server, "/files/admin/p/r/file_stream", body, headers);
      assert.equal(answer.status, status, answer.text);
      const { error } = JSON.parse(answer.text) as { error: string };
      assert.ok(error.length > 10 && !error.includes("\n"), error);
      await until("the log names the cause", () => server.log().includes(JSON.stringify(error)));
    });
  }

  test("GraphQL that cannot be: 400 with the reason", async () => {
    for (const body of [
      "{",
      "[]",
      '{"query":1}',
      '{"query":"{"}',
      '{"query":"{ nonsense }"}',
      '{"query":"{ viewer { id } }","variables":[]}',
    ]) {
      const answer = await post(server, "/graphql", body, { "content-type": "application/json" });
      assert.equal(answer.status, 400, `${body}: ${answer.text}`);
      const { errors } = JSON.parse(answer.text) as { errors: { message: string }[] };
      assert.ok(errors[0]?.message, body);
    }
  });

  test("of lines of which one is no row, the others are stored and the log names the one", async () => {
    await server.query(CREATE, { i: { modelName: "p", name: "one-bad" } });
    const content = ['{"_step":0,"x":1}', "{nonsense", '{"_step":2,"x":3}'];
    assert.equal((await stream(server, "one-bad", 0, content)).status, 200);
    assert.deepEqual(await lines(server, "one-bad"), [content[0], content[2]]);
    const line = /"run":"one-bad","stream":"history","line":1,"reason":"not JSON/;
    await until("the log names the line", () => line.test(server.log()));
  });

  test("rows of 10 MB, of 10,000 keys, nested, empty, with NaN and infinities come back as they were", async () => {
    await server.query(CREATE, { i: { modelName: "p", name: "odd" } });
    const rows = [
      `{"_step":0,"text":"${"가".repeat(3_400_000)}"}`,
      `{"_step":1,${Array.from({ length: 10_000 }, (_, i) => `"layer${i}/w":${i / 3}`).join()}}`,
      `{"_step":2,"a":{"b":{"c":{"d":1}}},"list":[1,[2,{"x":null}]],"empty":{},"none":null,"":0}`,
      `{"_step":3,"nan":NaN,"up":Infinity,"down":-Infinity,"big":1e308,"tiny":5e-324,"zero":-0}`,
      `{"_step":4}`,
      `{"_step":5,"__proto__":1,"constructor":2,"a.b":3,"😀":4}`,
    ];
    for (const [at, row] of rows.entries()) {
      const answer = await stream(server, "odd", at, [row]);
      assert.equal(answer.status, 200, answer.text);
    }
    assert.deepEqual(await lines(server, "odd"), rows);
    await server.crashAndRestart();
    assert.deepEqual(await lines(server, "odd"), rows);
  });

  test("a body over the limit is 413, which is final", async () => {
    const answer = await post(server, "/files/admin/p/r/file_stream", new Uint8Array(65 * 2 ** 20));
    assert.equal(answer.status, 413, answer.text);
    assert.match(answer.text, /larger than 64 MiB/);
  });

  test("names: Hangul, emoji, blanks and 128 characters work in addresses; what would break them is refused", async () => {
    for (const [project, run] of [
      ["한글 프로젝트", "실행-1"],
      ["😀", "r 1"],
      ["a".repeat(128), "b".repeat(128)],
      ["a+b&c=d", "e~f!g"],
    ] as const) {
      await server.query(CREATE, { i: { modelName: project, name: run } });
      assert.equal((await stream(server, run, 0, ['{"_step":0}'], project)).status, 200, project);
      assert.deepEqual(await lines(server, run, project), ['{"_step":0}']);
    }
    for (const input of [
      { modelName: "a/b", name: "r" },
      { modelName: "p", name: "a/b" },
      { modelName: "a".repeat(129), name: "r" },
      { modelName: "p", name: "x".repeat(129) },
      { modelName: "..", name: "r" },
      { modelName: "p", name: "a:b" },
      { modelName: "p", name: "r", displayName: "d".repeat(2001) },
    ]) {
      await assert.rejects(
        server.query(CREATE, { i: input }),
        /^Error: 400/,
        JSON.stringify(input).slice(0, 80),
      );
    }
    // A name for people may be nearly anything.
    const displayName = `<b>${"한".repeat(900)}/?#%`;
    await server.query(CREATE, { i: { modelName: "p", name: "r", displayName } });
  });

  test("a client whose clock is wrong: its times stay in its rows, the server's clock says whether it lives", async () => {
    await server.query(CREATE, { i: { modelName: "p", name: "skew" } });
    const rows = [4_102_444_800, 0, -1e9, 1e12].map((time, step) => `{"_step":${step},"_timestamp":${time}}`);
    assert.equal((await stream(server, "skew", 0, rows)).status, 200);
    assert.deepEqual(await lines(server, "skew"), rows);
    const { project } = await server.query<{
      project: { run: { state: string; heartbeatAt: string; createdAt: string } };
    }>(`{ project(name: "p", entityName: "admin") { run(name: "skew") { state heartbeatAt createdAt } } }`);
    assert.equal(project.run.state, "running");
    for (const time of [project.run.heartbeatAt, project.run.createdAt])
      assert.ok(Math.abs(Date.parse(`${time}Z`.replace("ZZ", "Z")) - Date.now()) < 60_000, time);
  });

  test("two ordinary clients on one run: each line is where its client put it, none is twice", async () => {
    await server.query(CREATE, { i: { modelName: "p", name: "shared" } });
    const row = (client: string, step: number) => `{"_step":${step},"client":"${client}"}`;
    const send = async (client: string, from: number, to: number) => {
      for (let at = from; at < to; at += 5) {
        const answer = await stream(
          server,
          "shared",
          at,
          Array.from({ length: 5 }, (_, i) => row(client, at + i)),
        );
        assert.equal(answer.status, 200);
      }
    };
    await Promise.all([send("a", 0, 200), send("b", 100, 300)]);
    // Whoever wrote a place last has it: between 100 and 200 either, and whole requests of either.
    const found = (await lines(server, "shared")).map(
      (line) => JSON.parse(line) as { _step: number; client: string },
    );
    assert.deepEqual(
      found.map(({ _step }) => _step),
      Array.from({ length: 300 }, (_, step) => step),
    );
    for (const { _step, client } of found) {
      if (_step < 100) assert.equal(client, "a");
      if (_step >= 200) assert.equal(client, "b");
      assert.equal(client, found[_step - (_step % 5)]?.client);
    }
  });
});
