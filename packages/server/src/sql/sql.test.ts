import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { withoutDuckdb } from "../../../../conformance/duckdb.ts";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { makeRoom } from "../metrics/kept-files.ts";
import { findProject } from "../projects/access.ts";
import { columnNames } from "./history-files.ts";
import { LEFT_OUT, type SqlResult, type ToProcess } from "./messages.ts";
import { SQL_LIMITS, SqlQueries } from "./run-query.ts";

suite("SQL over a project", { skip: withoutDuckdb }, () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    const upsert = (run: string, more: object) =>
      doors.graphql(
        doors.admin,
        "mutation U($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted } }",
        { i: { modelName: "p", name: run, ...more } },
      );
    await upsert("a", { config: '{"lr": {"value": 0.1}, "opt": {"value": "adam"}}', tags: ["x", "y"] });
    await upsert("a", { summaryMetrics: '{"loss": 0.25}' });
    await upsert("b", { config: '{"lr": {"value": 0.2}}', displayName: "second" });
    await log("a", [
      '{"_step":0,"loss":1,"Loss":5}',
      '{"_step":1,"loss":NaN}',
      '{"_step":2,"loss":0.25,"text":"é","b":{"c":[1]}}',
    ]);
    await log("b", ['{"_step":0,"loss":Infinity,"run":7}']);
    await makeRun(doors, doors.admin, { project: "q", name: "secret" });
    const secret = '{"_step":0,"hidden":42}';
    await doors.ask(doors.admin, "POST", "/files/admin/q/secret/file_stream", stream([secret]));
  });
  after(() => doors.close());

  function stream(content: string[], offset = 0) {
    return { files: { "wandb-history.jsonl": { offset, content } } };
  }
  const log = (run: string, lines: string[], offset = 0) =>
    doors.ask(doors.admin, "POST", `/files/admin/p/${run}/file_stream`, stream(lines, offset));
  const ask = (sql: string, more: object = {}, key: string | undefined = doors.admin) =>
    doors.ask(key, "POST", "/api/v1/sql", { entity: "admin", project: "p", sql, ...more });
  const project = { id: 1, name: "p", entityId: 1, entityName: "admin", access: "PRIVATE" };
  async function rows(sql: string, more: object = {}): Promise<unknown[][]> {
    const reply = await ask(sql, more);
    assert.equal(reply.status, 200, reply.text);
    return reply.json<SqlResult>().rows;
  }
  async function refused(sql: string, more: object = {}): Promise<string> {
    const reply = await ask(sql, more);
    assert.notEqual(reply.status, 200, `${sql} was answered: ${reply.text}`);
    assert.ok(!reply.text.includes(doors.dataDir), reply.text);
    return `${reply.status} ${reply.json<{ error: string }>().error}`;
  }

  test("runs, config, summary and history are tables, joined as one likes", async () => {
    assert.deepEqual(
      await rows(`SELECT r.run, r.name, c.number, r.tags, max(h.loss) FILTER (isfinite(h.loss)), count(*)
        FROM runs r JOIN config c USING (run) JOIN history h USING (run) WHERE c.key = 'lr' GROUP BY ALL ORDER BY r.run`),
      [
        ["a", (await rows("SELECT name FROM runs WHERE run = 'a'"))[0]?.[0], 0.1, ["x", "y"], 1, "3"],
        ["b", "second", 0.2, [], null, "1"],
      ],
    );
    assert.deepEqual(await rows("SELECT run, key, number, text FROM summary"), [["a", "loss", 0.25, null]]);
    assert.deepEqual(await rows("SELECT text FROM config WHERE key = 'opt'"), [["adam"]]);
    assert.deepEqual(await rows("SELECT config->'lr'->>'value' FROM runs ORDER BY run"), [["0.1"], ["0.2"]]);
    assert.deepEqual(await rows("SELECT count(*) FROM artifacts"), [["0"]]);
  });

  test("history has every value as it was logged", async () => {
    const reply = await ask("SELECT * FROM history ORDER BY run, _step");
    const { columns, rows: found } = reply.json<SqlResult>();
    const table = found.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
    assert.deepEqual(
      table.map(({ run, _step, loss, Loss_2, text, run_2, "b.c": list }) => [
        run,
        _step,
        loss,
        Loss_2,
        text,
        list,
        run_2,
      ]),
      [
        ["a", 0, 1, 5, null, null, null],
        ["a", 1, "NaN", null, null, null, null],
        ["a", 2, 0.25, null, "é", "[1]", null],
        ["b", 0, "Infinity", null, null, null, 7],
      ],
    );
    assert.deepEqual(await rows("SELECT DISTINCT run FROM history", { runs: ["b"] }), [["b"]]);
  });

  test("rows that the server has numbered have their step", async () => {
    await makeRun(doors, doors.admin, { project: "numbered", name: "n" });
    const lines = ['{"loss":3}', '{"_step":4,"loss":2}', '{"loss":1}'];
    await doors.ask(doors.admin, "POST", "/files/admin/numbered/n/file_stream", stream(lines));
    const steps = await rows("SELECT _step, loss FROM history ORDER BY _step", { project: "numbered" });
    assert.deepEqual(steps, [
      [0, 3],
      [4, 2],
      [5, 1],
    ]);
  });

  test("a key of several kinds is text", async () => {
    await makeRun(doors, doors.admin, { project: "kinds", name: "k" });
    const lines = [
      '{"_step":0,"kind":1.5}',
      '{"_step":1,"kind":"words"}',
      '{"_step":2,"kind":[1,"two"]}',
      '{"_step":3,"kind":true}',
      '{"_step":4,"kind":null}',
    ];
    await doors.ask(doors.admin, "POST", "/files/admin/kinds/k/file_stream", stream(lines));
    const kinds = [["1.5"], ["words"], ['[1,"two"]'], ["true"], [null]];
    const found = await rows("SELECT kind FROM history ORDER BY _step", { project: "kinds" });
    assert.deepEqual(found, kinds);
  });

  test("of a run of 20,000 keys a query has those it names, and says that there are more", async () => {
    const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, key) => [`m/${key}`, key / 2]));
    const project = "wide";
    const log = async (name: string, content: string[]) => {
      await makeRun(doors, doors.admin, { project, name });
      await doors.ask(doors.admin, "POST", `/files/admin/${project}/${name}/file_stream`, stream(content));
    };
    await log("wide", [
      JSON.stringify({ _step: 7, kind: "last", 'a"b': 3, ...keys }),
      '{"_step":8,"m/0":9,"Kind":1}',
    ]);
    await log("narrow", ['{"_step":0,"kind":"first","m/1":5}']);
    const named = `SELECT run, "m/0", h."M/19999", struct_extract(h, 'm/1'), KIND, "a""b" FROM history h ORDER BY _step`;
    const values = [
      ["narrow", null, null, 5, "first", null],
      ["wide", 0, 9999.5, 0.5, "last", 3],
      ["wide", 9, null, null, null, null],
    ];
    assert.deepEqual(await rows(named, { project }), values);
    // Each for itself: a file has what its query named.
    assert.deepEqual(await rows('SELECT count(*), sum("m/3") FROM history', { project }), [["3", 1.5]]);
    assert.deepEqual(await rows('SELECT max("m/5") FROM history', { project }), [[2.5]]);
    assert.deepEqual(await rows(named, { project }), values);

    const all = (await ask("SELECT * FROM history ORDER BY _step", { project })).json<SqlResult>();
    const names = ["run", "_step", "kind", "m/1", LEFT_OUT];
    assert.deepEqual(all.columns.map(({ name }) => name).sort(), names.sort());
    const at = all.columns.findIndex(({ name }) => name === LEFT_OUT);
    assert.deepEqual(
      all.rows.map((row) => row[at]),
      [null, 20_003, 20_003],
    );
    for (const sql of ["DESCRIBE history", "SUMMARIZE history"])
      assert.ok(
        (await rows(sql, { project })).some(([name]) => name === LEFT_OUT),
        sql,
      );
    const csv = await ask("FROM history", { project, format: "csv" });
    assert.ok(csv.text.startsWith("run,") && csv.text.includes(`,${LEFT_OUT}\n`), csv.text);
    for (const sql of ["SELECT COLUMNS('m/.*') FROM history", "SELECT * LIKE 'm/%' FROM history"]) {
      assert.match(await refused(sql, { project }), /400 .*of the run wide, of 20004 keys.*name the keys/);
      assert.equal((await ask(sql, { project, runs: ["narrow"] })).status, 200, sql);
    }
    const list = Object.keys(keys).slice(0, 2100);
    const many = `SELECT ${list.map((key) => `"${key}"`).join(", ")} FROM history`;
    assert.match(await refused(many, { project }), /names 2101 keys of the run wide.*at most 2000/);
    assert.ok(
      !(await rows("DESCRIBE history", { project, runs: ["narrow"] })).some(([name]) => name === LEFT_OUT),
    );
  });

  test("rows that come later are in the next answer", async () => {
    const count = "SELECT count(*) FROM history WHERE run = 'b'";
    assert.deepEqual(await rows(count), [["1"]]);
    await log("b", ['{"_step":1,"other":3}'], 1);
    assert.deepEqual(await rows(count), [["2"]]);
    assert.deepEqual(await rows("SELECT sum(other) FROM history"), [[3]]);
  });

  test("what a query can see is its project, nothing else", async () => {
    await rows("SELECT * FROM history");
    const kept = readdirSync(join(doors.dataDir, "query-files"));
    const { status } = await doors.ask(doors.admin, "POST", "/api/v1/sql", {
      entity: "admin",
      project: "q",
      sql: "SELECT hidden FROM history",
    });
    assert.equal(status, 200);
    const secret = readdirSync(join(doors.dataDir, "query-files")).find((name) => !kept.includes(name)) ?? "";
    assert.match(secret, /parquet$/);
    for (const [what, why] of [
      [`SELECT * FROM read_parquet('${join(doors.dataDir, "query-files", secret)}')`, /cannot access/i],
      [`SELECT * FROM read_parquet('${join(doors.dataDir, "query-files")}/*.parquet')`, /cannot access/i],
      ["SELECT * FROM read_text('/etc/passwd')", /cannot access/i],
      ["SELECT * FROM glob('/etc/*')", /cannot access/i],
      ["COPY (SELECT 1) TO '/tmp/x.csv'", /only questions|cannot access|cannot change/i],
      ["SET enable_external_access = true", /only questions|cannot access|cannot change/i],
      ["ATTACH '/tmp/x.db'", /only questions|cannot access|cannot change/i],
      ["INSTALL httpfs", /only questions|cannot access|cannot change/i],
      ["CREATE TABLE t (a INT)", /only questions|cannot access|cannot change/i],
      ["DELETE FROM runs", /only questions|cannot access|cannot change/i],
      ["SELECT 1; SELECT 2", /one statement/],
      ["SELECT * FROM elsewhere", /elsewhere/],
      ["SELEC 1", /syntax error/i],
    ] as const) {
      assert.match(await refused(what), why, what);
    }
    assert.match(await refused("SELECT * FROM history", { runs: ["secret"] }), /404 there is no run secret/);
  });

  test("nothing that a query can see says where the data is, and names lead nowhere else", async () => {
    const own = (await rows("SELECT file FROM history_files -- history")).map(([file]) => String(file));
    assert.equal(own.length, 2);
    for (const sql of [
      "SELECT * FROM history_files -- history",
      "SELECT sql FROM duckdb_views() -- history",
      "SELECT filename FROM read_parquet((SELECT list(file) FROM history_files)) -- history",
      "EXPLAIN ANALYZE SELECT * FROM history",
      "FROM duckdb_databases() -- history",
      `SELECT * FROM parquet_metadata('${own[0]}') -- history`,
      `SELECT filename FROM read_blob('${own[0]}') -- history`,
    ]) {
      const { text } = await ask(sql);
      assert.ok(!text.includes("query-files") && !text.includes(doors.dataDir), `${sql}: ${text}`);
    }
    for (const sql of [
      "SELECT value FROM duckdb_settings()",
      'FROM system.main."Duckdb_Settings"()',
      "SELECT current_setting('allowed_paths')",
      "FROM pg_catalog.pg_settings",
      "FROM query('SELECT current_' || 'setting(''allowed_paths'')')",
      "FROM query/* /* */ */('SELECT 1')",
      "FROM \"query\"\u00a0('SELECT 1')",
      "FROM query_table('pg_' || 'settings')",
      "FROM json_execute_serialized_sql(json_serialize_sql('SELECT current_' || 'setting(''allowed_paths'')'))",
      "EXPLAIN SELECT current_setting('allowed_paths')",
    ])
      assert.match(await refused(`${sql} -- history`), /400 a query sees no settings/, sql);
    assert.deepEqual(await rows("SELECT query FROM (SELECT 'q' AS query)"), [["q"]]);

    const [[secret]] = (await rows("SELECT file FROM history_files -- history", { project: "q" })) as [
      [string],
    ];
    assert.ok(existsSync(join(doors.dataDir, "query-files", secret)));
    for (const name of [secret, "../catalog.sqlite", `${own[0]}/../${secret}`])
      for (const sql of [
        `FROM read_parquet('${name}')`,
        `FROM read_blob('./${name}')`,
        `FROM read_text('../query-files/${name}')`,
      ])
        assert.match(await refused(`${sql} -- history`), /cannot access/i, sql);
    assert.match(await refused("FROM glob('*') -- history"), /cannot access/i);
  });

  test("describing, summarizing and explaining are questions too", async () => {
    assert.ok((await rows("DESCRIBE history")).length > 3);
    assert.ok((await rows("SUMMARIZE runs")).length > 3);
    assert.ok((await rows("EXPLAIN SELECT * FROM runs")).length > 0);
    assert.equal((await rows("FROM runs;")).length, 2);
    // Without its values DuckDB makes two statements of it.
    const pivot = (values: string) => `PIVOT (SELECT key, 1 AS n FROM config) ON key ${values} USING sum(n)`;
    assert.match(await refused(pivot("")), /ON key IN/);
    assert.deepEqual(await rows(pivot("IN ('lr', 'opt')")), [["2", "1"]]);
  });

  test("an answer is cut at the rows asked for, and says so; a file has them all", async () => {
    const sql = "SELECT i, 'a,b' AS t FROM range(2500) r(i) ORDER BY i";
    const { truncated, rows: some } = (await ask(sql, { maxRows: 10 })).json<SqlResult>();
    assert.deepEqual([truncated, some.length], [true, 10]);
    assert.equal((await ask("SELECT 1")).json<SqlResult>().truncated, false);
    const csv = await ask(sql, { format: "csv" });
    assert.match(csv.headers.get("content-type") ?? "", /text\/csv/);
    assert.equal(csv.text.split("\n").length, 2502);
    assert.match(csv.text, /^i,t\n0,"a,b"\n/);
    const jsonl = await ask("SELECT run, tags FROM runs ORDER BY run;", { format: "jsonl" });
    assert.equal(jsonl.text, '{"run":"a","tags":["x","y"]}\n{"run":"b","tags":[]}\n');
    assert.match((await ask("SELECT * FROM history", { format: "parquet" })).text, /^PAR1/);
  });

  test("a file for a download is made where the server's next start would find it, and removed when it was read", async () => {
    const { TMPDIR } = process.env;
    process.env.TMPDIR = join(doors.dataDir, "absent");
    try {
      const file = await ask("SELECT 1 AS one", { format: "csv" });
      assert.deepEqual([file.status, file.text], [200, "one\n1\n"]);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
    const left = () =>
      readdirSync(join(doors.dataDir, "query-files")).filter((name) => /^unfinished/.test(name));
    while (left().length > 0) await sleep(20);
    await refused("SELECT error('no') FROM range(3)", { format: "csv" });
    assert.deepEqual(left(), []);
  });

  test("nobody without a key asks, and no stranger hears of the project", async () => {
    assert.equal((await ask("SELECT 1", {}, "")).status, 401);
    const stranger = await doors.user("stranger");
    assert.equal((await ask("SELECT 1", {}, stranger)).status, 404);
    for (const body of [{ sql: "" }, { maxRows: 0 }, { maxRows: 1e9 }, { format: "xml" }, { more: 1 }])
      assert.equal((await ask("SELECT 1", body)).status, 400, JSON.stringify(body));
  });

  test("a query that takes too long is ended, with its process, and the next one is answered", async () => {
    const { services } = doors.server;
    assert.equal(
      await findProject(services, undefined, "admin", "p", "read").catch(() => undefined),
      undefined,
    );
    const limits = { ...SQL_LIMITS, queryMs: 1500, atOnce: 1, waiting: 1 };
    const queries = new SqlQueries(services, limits);
    const endless = "SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) % 1000003 = 1000004";
    const idle = new AbortController().signal;
    const slow = queries.run(project, { sql: endless, maxRows: 1 }, idle);
    const next = queries.run(project, { sql: "SELECT 1", maxRows: 1 }, idle);
    await assert.rejects(queries.run(project, { sql: "SELECT 2", maxRows: 1 }, idle), {
      code: "too-many-requests",
    });
    await assert.rejects(slow, { code: "too-large", message: /took longer than 1.5 s/ });
    limits.queryMs = SQL_LIMITS.queryMs;
    assert.deepEqual((await next)?.rows, [[1]]);
    const left = new AbortController();
    const abandoned = queries.run(project, { sql: endless, maxRows: 1 }, left.signal);
    setTimeout(() => left.abort(new Error("gone")), 300);
    await assert.rejects(abandoned, /gone/);
  });

  test("of a query whose process cannot start nothing is left to watch", async (t) => {
    const set = t.mock.method(globalThis, "setInterval");
    const cleared = t.mock.method(globalThis, "clearInterval");
    const { execPath } = process;
    process.execPath = join(doors.dataDir, "absent");
    try {
      assert.match(await refused("SELECT 1"), /^500 /);
    } finally {
      process.execPath = execPath;
    }
    const watching = set.mock.calls.map(({ result }) => result);
    assert.ok(watching.length > 0);
    const ended = new Set(cleared.mock.calls.map(({ arguments: [timer] }) => timer));
    assert.deepEqual(
      watching.map((timer) => ended.has(timer)),
      watching.map(() => true),
    );
  });

  test("explaining a statement does not do it: what others read stays as it is", async () => {
    const sum = "SELECT sum(_step) FROM history WHERE run = 'a'";
    assert.deepEqual(await rows(sum), [[3]]);
    const kept = join(doors.dataDir, "query-files");
    const before = readdirSync(kept).map((name) => [name, readFileSync(join(kept, name))] as const);
    for (const [name] of before)
      for (const explain of [
        "EXPLAIN ANALYZE",
        "explain",
        "EXPLAIN (ANALYZE, FORMAT json)",
        "EXPLAIN/**/ANALYZE",
      ])
        assert.match(
          await refused(`${explain} COPY (SELECT 1 AS _step) TO '${join(kept, name)}'
            (FORMAT parquet, USE_TMP_FILE false) -- history`),
          /only questions|cannot access/i,
        );
    assert.match(await refused("EXPLAIN ANALYZE DELETE FROM runs"), /only questions/);
    // Rows that were sealed meanwhile are in another file beside.
    for (const [name, content] of before) assert.ok(content.equals(readFileSync(join(kept, name))), name);
    assert.deepEqual(await rows(sum), [[3]]);
    for (const explain of ["EXPLAIN ANALYZE", "EXPLAIN (FORMAT json)"])
      assert.equal((await rows(`${explain} SELECT * FROM runs`)).length, 1);
  });

  test("an answer and a file have a bound of bytes, too", async () => {
    const wide = "SELECT repeat('x', 1000000) || i AS t FROM range(60) r(i)";
    assert.match(await refused(wide), /answer is larger than 32 MB/);
    assert.equal((await ask(wide, { maxRows: 10 })).json<SqlResult>().rows.length, 10);
    const queries = new SqlQueries(doors.server.services, { ...SQL_LIMITS, fileBytes: 1e6 });
    const output = { format: "csv", file: "unfinished-large.csv" } as const;
    const asked = queries.run(project, { sql: wide, maxRows: 100, output }, new AbortController().signal);
    await assert.rejects(asked, { code: "too-large", message: /file would be larger/ });
    rmSync(join(doors.dataDir, "query-files", output.file));
  });

  test("where DuckDB is not installed, what to do is said", async () => {
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ resolve: (name, context, next) => next(name.replace(/^@duckdb.*/, "@duckdb/absent"), context) });`;
    const before = process.execArgv;
    process.execArgv = [...before, "--import", `data:text/javascript,${encodeURIComponent(hook)}`];
    try {
      assert.match(await refused("SELECT 1"), /^503 .*DuckDB.*not installed.*npm install @duckdb\/node-api/);
    } finally {
      process.execArgv = before;
    }
    assert.deepEqual(await rows("SELECT 1"), [[1]]);
  });

  test("a query has the memory that the server was told, and is told when it wants more", async () => {
    const { config } = doors.server.services;
    config.sqlMemory = "300MB";
    const limit = "SELECT memory_limit FROM pragma_database_size()";
    assert.match(String(await rows(limit)), /^28\d\.\d MiB$/);
    config.sqlMemory = "1GB";

    assert.match(
      await refused("SELECT list(repeat('x', 1000000) || i) FROM range(100000) r(i)"),
      /more than the \w+ of memory/,
    );
  });
});

test("keys that differ by case alone, or have a name of ours, get a number", () => {
  const names = columnNames(["Loss", "loss", "LOSS", "run", "Filename", "loss_2", "loss"]);
  assert.deepEqual(
    ["loss", "Loss", "LOSS", "loss_2", "run", "Filename"].map((key) => names.get(key)),
    ["loss", "Loss_3", "LOSS_4", "loss_2", "run_2", "Filename_2"],
  );
});

test("files of queries used longest ago go first, what a killed one left behind before them", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-query-files-"));
  const files = [
    ["1.parquet", 90],
    ["2.parquet", 60],
    ["3.parquet", 30],
    ["4.parquet", 1],
    ["unfinished-5.csv", 40],
    ["unfinished-6.parquet", 20],
    ["unfinished-7.csv", 1],
  ] as const;
  for (const [name, minutesAgo] of files) {
    writeFileSync(join(folder, name), "x".repeat(1000));
    const at = Date.now() / 1000 - minutesAgo * 60;
    utimesSync(join(folder, name), at, at);
  }
  makeRoom(folder, Date.now(), 3_500);
  assert.deepEqual(readdirSync(folder).sort(), ["2.parquet", "3.parquet", "4.parquet", "unfinished-7.csv"]);
  makeRoom(folder, Date.now(), 0);
  assert.deepEqual(readdirSync(folder).sort(), ["4.parquet", "unfinished-7.csv"]);
  rmSync(folder, { recursive: true });
});

test("what a killed server's queries were writing is gone when it starts again, what is kept is not", async () => {
  const first = await openDoors();
  const { dataDir } = first;
  await first.server.close();
  const kept: string[] = [];
  const left: string[] = [];
  for (const name of ["query-files", "history-files"]) {
    const folder = join(dataDir, name);
    mkdirSync(folder, { recursive: true });
    kept.push(join(folder, "1-abc.parquet"));
    left.push(join(folder, "unfinished-1.csv"), join(folder, "unfinished-2.parquet"));
  }
  for (const path of [...kept, ...left]) writeFileSync(path, "x");
  const second = await openDoors({ dataDir });
  assert.deepEqual(left.filter(existsSync), []);
  assert.deepEqual(kept.filter(existsSync), kept);
  await second.close();
});

test("a query ends with the server that asked it", { skip: withoutDuckdb }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-query-"));
  const child = fork(fileURLToPath(new URL("./query-process.ts", import.meta.url)), {
    serialization: "advanced",
  });
  const sql = "SELECT i FROM range(1000000000000) t(i) WHERE hash(i) % 1000003 = 1000004";
  const output = { format: "csv", file: "unfinished-1.csv" } as const;
  child.send({ kind: "ask", sql, folder, history: undefined, maxRows: 1, output } satisfies ToProcess);
  const [message] = await once(child, "message");
  assert.deepEqual(message, { kind: "started" });
  child.disconnect();
  await once(child, "exit");
  rmSync(folder, { recursive: true });
});
