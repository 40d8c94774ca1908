import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { newestClient, runScript } from "./python.ts";
import { exitOf, findRun, logsOf, PROJECT, readRun, rowsOf, runWhen, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** Several processes that write one run. */
const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-shared-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Seen {
  files: { edges: { node: { name: string } }[] };
  logLines: { edges: { node: { label: string | null; line: string } }[] };
  events: string[];
}
async function seen(name: string): Promise<Seen> {
  const { project } = await server.query<{ project: { run: Seen } }>(
    `query ($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) {
      files { edges { node { name } } } events
      logLines(first: 1000, useImprovedPagination: true) { edges { node { label line } } } } } }`,
    { name },
  );
  return project.run;
}

const ROWS = 400;
const body = (from: string) =>
  `console.log("from ${from}");
for (let n = 0; n < ${ROWS}; n++) { run.log({ from: "${from}", n }); if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 20)); }
console.log("logged");
const awake = setInterval(() => {}, 1000);
await new Promise((resolve) => process.once("SIGUSR2", resolve));
clearInterval(awake);
await run.finish();`;
const SECOND = `mode: "shared", label: "second", primary: false, updateFinishState: false, silent: true, config: { second: true }`;

test("WANDB_MODE, WANDB_X_LABEL, WANDB_X_PRIMARY, WANDB_X_UPDATE_FINISH_STATE: three processes on one run, one of them Python's, lose and double nothing", {
  skip: !newestClient && "no official client is installed",
}, async () => {
  const id = "three";
  process.env.RANK = "0";
  const first = startScript(server, dir, id, body("first"), {
    init: `mode: "shared", silent: true, config: { first: true }`,
    name: "three-first",
  });
  delete process.env.RANK;
  const second = startScript(server, dir, id, body("second"), { init: SECOND, name: "three-second" });
  const go = join(dir, "go");
  const python = runScript(newestClient ?? "", "shared_writer.py", server, { args: [id, String(ROWS), go] });
  const ends = [first, second].map(exitOf);
  const all = (run: { history: string[] }) => run.history.length >= 3 * ROWS;
  await runWhen(server, id, all);
  second.kill("SIGUSR2");
  assert.equal(await ends[1], 0);
  writeFileSync(go, "");
  const ended = await python;
  assert.equal(ended.code, 0, ended.stderr.slice(-2000));
  // Those that are through leave the run to its first writer.
  assert.equal((await readRun(server, id)).state, "running");
  first.kill("SIGUSR2");
  assert.equal(await ends[0], 0);

  const run = await readRun(server, id);
  assert.equal(run.state, "finished");
  const rows = rowsOf(run);
  assert.equal(rows.length, 3 * ROWS);
  for (const from of ["first", "second", "python"])
    assert.deepEqual(
      rows
        .filter((row) => row.from === from)
        .map(({ n }) => n)
        .sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: ROWS }, (_, n) => n),
      from,
    );
  const config = JSON.parse(run.config) as Record<string, { value: unknown }>;
  assert.deepEqual([config.first?.value, config.second?.value, config.python?.value], [true, true, true]);
  const { files, logLines, events } = await seen(id);
  const lines = logLines.edges.map(({ node }) => `${node.label}: ${node.line}`);
  for (const line of ["rank0: from first", "second: from second", "python: from python"])
    assert.equal(lines.filter((found) => found === line).length, 1, lines.join("\n"));
  for (const label of ["rank0", "second"])
    assert.ok(
      events.some((event) => event.includes(`"system.proc.memory.rssMB/l:${label}":`)),
      label,
    );
  const names = files.edges.map(({ node }) => node.name);
  for (const name of ["config.yaml", "wandb-summary.json", "wandb-metadata.json"])
    assert.equal(names.filter((found) => found === name).length, 1, names.join());
});

test("a writer that was killed is completed by sync; the others' rows stay, and the run goes on", async () => {
  const id = "one-killed";
  const first = startScript(server, dir, id, body("first"), {
    init: `mode: "shared", silent: true`,
    name: "killed-first",
  });
  const second = startScript(
    server,
    dir,
    id,
    `console.log("from second");
for (let n = 0; ; n++) { run.log({ from: "second", n }); if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5)); if (n === 5000) console.log("enough"); }`,
    { init: SECOND, name: "killed-second" },
  );
  const ends = [first, second].map(exitOf);
  let said = "";
  second.stdout?.on("data", (text) => {
    said += text;
  });
  await runWhen(server, id, ({ history }) => history.length > 1000);
  while (!said.includes("enough")) await once(second.stdout as NodeJS.ReadableStream, "data");
  second.kill("SIGKILL");
  assert.equal(await ends[1], "SIGKILL");
  const logs = logsOf(dir, id).join(" ");
  const sent = await runCommand(process.execPath, [MAIN, "sync", "--include-online", ...logs.split(" ")], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });
  assert.equal(sent.status, 0, sent.err);
  assert.equal((await findRun(server, id))?.state, "running");
  first.kill("SIGUSR2");
  assert.equal(await ends[0], 0);
  const run = await readRun(server, id);
  assert.equal(run.state, "finished");
  const of = (from: string) =>
    rowsOf(run)
      .filter((row) => row.from === from)
      .map(({ n }) => Number(n))
      .sort((a, b) => a - b);
  assert.deepEqual(
    of("first"),
    Array.from({ length: ROWS }, (_, n) => n),
  );
  const kept = of("second");
  assert.ok(kept.length > 4000, `${kept.length}`);
  assert.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, n) => n),
  );
  const { logLines } = await seen(id);
  const lines = logLines.edges.map(({ node }) => `${node.label}: ${node.line}`);
  assert.equal(lines.filter((line) => line === "second: from second").length, 1);
});

test("a shared run's steps are the server's: the run has none here, and one given by hand is ignored with a warning", async () => {
  const child = startScript(
    server,
    dir,
    "no-steps",
    `try { run.step; } catch (error) { console.log(error.message); }
run.log({ x: 1 }, { step: 70 });
run.log({ x: 2 }, { step: 7, commit: true });`,
    { init: `mode: "shared", console: false` },
  );
  let out = "";
  child.stdout?.on("data", (text) => {
    out += text;
  });
  let err = "";
  child.stderr?.on("data", (text) => {
    err += text;
  });
  assert.equal(await exitOf(child), 0);
  assert.match(out, /a shared run has no step here/);
  assert.equal(err.match(/steps are not given by hand in shared mode/g)?.length, 1);
  assert.deepEqual(
    rowsOf(await readRun(server, "no-steps")).map(({ _step, x }) => [_step, x]),
    [
      [0, 1],
      [1, 2],
    ],
  );
});

test("logs of the official client's writers are synced under their writer's id, and double nothing", {
  skip: !newestClient && "no official client is installed",
}, async () => {
  const go = join(dir, "go-synced");
  writeFileSync(go, "");
  const sync = (...args: string[]) =>
    runCommand(process.execPath, [MAIN, "sync", ...args], {
      cwd: dir,
      environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
    });
  const id = "python-log";
  const logs: string[] = [];
  for (const role of ["primary", "other"]) {
    const ended = await runScript(newestClient ?? "", "shared_writer.py", server, {
      args: [id, "7", go, role],
      env: { WANDB_DIR: dir },
    });
    assert.equal(ended.code, 0, ended.stderr.slice(-2000));
    logs.push(...logsOf(dir, id).filter((log) => !logs.includes(log)));
  }
  const [primary = "", other = ""] = logs;
  const again = await sync("--include-online", primary);
  assert.equal(again.status, 0, again.err);
  const refused = await sync("--include-online", other);
  assert.equal(refused.status, 1);
  assert.match(refused.err, /does not say which of the writers of python-log it is of/);
  const linesOf = async () =>
    (await seen(id)).logLines.edges.filter(({ node }) => node.line === "from python").length;
  assert.deepEqual([rowsOf(await readRun(server, id)).length, await linesOf()], [14, 2]);

  // To a server that has nothing of it, both go: each row has its own place.
  for (const log of [primary, other]) {
    const sent = await sync("--include-synced", log, "--id", "python-log-anew");
    assert.equal(sent.status, 0, sent.err);
  }
  const anew = await readRun(server, "python-log-anew");
  assert.deepEqual(
    rowsOf(anew).map(({ _step, n }) => [_step, n]),
    Array.from({ length: 14 }, (_, step) => [step, step % 7]),
  );
  const { logLines, events } = await seen("python-log-anew");
  assert.deepEqual(
    logLines.edges.filter(({ node }) => node.line === "from python").map(({ node }) => node.label),
    ["python", "python"],
  );
  assert.ok(events.every((event) => !event.includes("/l:python/l:")));
});
