import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { readRecord } from "@steelyard/protocol/records";
import { init } from "steelyard";
import { runCommand } from "./command.ts";
import { exitOf, logsOf, PATIENT, PROJECT, readLog, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-console-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What the page shows of a run's console, what the SDK itself printed left out. */
async function shownOf(name: string): Promise<string[]> {
  const { project } = await server.query<{
    project: { run: { logLines: { edges: { node: { level: string | null; line: string } }[] } | null } };
  }>(
    `query($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) {
      logLines(first: 10000, useImprovedPagination: true) { edges { node { level line } } } } } }`,
    { name },
  );
  return (project.run.logLines?.edges ?? [])
    .map(({ node }) => (node.level === "error" ? `! ${node.line}` : node.line))
    .filter((line) => !line.includes("steelyard: "));
}

/** Runs the script to its end; what reached its own terminal. */
async function printed(id: string, body: string, init = "", code = 0): Promise<{ out: string; err: string }> {
  const child = startScript(server, dir, id, body, { init, environment: PATIENT });
  const got = { out: "", err: "" };
  child.stdout?.on("data", (part) => {
    got.out += part;
  });
  child.stderr?.on("data", (part) => {
    got.err += part;
  });
  assert.equal(await exitOf(child), code, got.err);
  got.err = got.err.replace(/^steelyard: .*\n/gm, "");
  return got;
}

const FROM_CHILD = `
const { spawn } = await import("node:child_process");
console.log("own");
await new Promise((end) => spawn(process.execPath, ["-e", "console.log('child 한글'); console.error('child wrong')"], { stdio: "inherit" }).on("exit", end));
console.error("own wrong");`;

test("WANDB_CONSOLE: which output the server's console has, by its value", async () => {
  const own = ["own", "! own wrong"];
  const all = ["own", "child 한글", "! child wrong", "! own wrong"];
  const cases: [value: string | undefined, shown: string[]][] = [
    [undefined, own],
    ["on", own],
    ["wrap_raw", own],
    ["wrap_emu", own],
    ["redirect", all],
    ["off", []],
  ];
  const before = process.env.WANDB_CONSOLE;
  const runs = cases.map(([value, shown]) => {
    if (value === undefined) delete process.env.WANDB_CONSOLE;
    else process.env.WANDB_CONSOLE = value;
    const id = `console-${value ?? "unset"}`.replace("_", "-");
    return { id, value, shown, ended: printed(id, FROM_CHILD) };
  });
  if (before === undefined) delete process.env.WANDB_CONSOLE;
  else process.env.WANDB_CONSOLE = before;
  for (const { id, value, shown, ended } of runs) {
    const { out, err } = await ended;
    // The terminal has everything in every case.
    assert.deepEqual(
      [out.split("\n"), err.split("\n")],
      [
        ["own", "child 한글", ""],
        ["child wrong", "own wrong", ""],
      ],
    );
    assert.deepEqual((await shownOf(id)).sort(), [...shown].sort(), value);
  }
});

test("children in every way they are started, and none of their output lost", async () => {
  const { out } = await printed(
    "children",
    `const { spawn, fork, exec, spawnSync } = await import("node:child_process");
const cluster = (await import("node:cluster")).default;
const ended = (child) => new Promise((end) => child.on("exit", end));
const flood = "for (let n = 0; n < 3000; n++) console.log(n + ' 한글한글한글한글'); process.stdout.write('last of flood')";
await ended(spawn(process.execPath, ["-e", flood], { stdio: ["ignore", 1, process.stderr] }));
console.log();
const piped = spawn(process.execPath, ["-e", "console.log('not shown')"]);
let got = ""; piped.stdout.on("data", (part) => { got += part; }); await new Promise((end) => piped.on("close", end));
if (got !== "not shown\\n") throw new Error(got);
const inherits = spawn(process.execPath, ["-e", "console.log(process.stdout.isTTY)"], { stdio: "inherit" });
if (inherits.stdout !== null || inherits.stdio[1] !== null) throw new Error("not as without us");
await ended(inherits);
const away = spawn(process.execPath, ["-e", "console.log('detached')"], { stdio: "inherit", detached: true });
await ended(away);
await new Promise((end) => exec("echo hidden", end));
const { Worker } = await import("node:worker_threads");
await new Promise((end) => new Worker("console.log('from a thread')", { eval: true }).on("exit", end));
// Whoever exits with its child has shown all of it.
spawn(process.execPath, ["-e", "process.stdout.write('x'.repeat(60000) + '\\\\n'); console.log('the end')"], { stdio: "inherit" }).on("exit", () => process.exit(7));`,
    `console: "redirect"`,
    7,
  );
  const shown = await shownOf("children");
  assert.deepEqual(shown.slice(0, 3001), [
    ...Array.from({ length: 3000 }, (_, n) => `${n} 한글한글한글한글`),
    "last of flood",
  ]);
  assert.deepEqual(
    shown.slice(3001).map((line) => line.slice(0, 20)),
    ["undefined", "from a thread", "x".repeat(20), "the end"],
  );
  const lines = out.split("\n");
  assert.equal(lines.at(-2), "the end");
  assert.equal(lines.at(-3)?.length, 60_000);
  assert.ok(lines.includes("detached") && !lines.includes("hidden"));
});

test("writes keep their encodings, callbacks, answers and errors; what others wrapped stays wrapped", async () => {
  const { out } = await printed(
    "writes",
    `process.stdout.write("68690a", "hex");
process.stdout.write(Buffer.from("h\\xe9llo\\n", "latin1").toString("latin1"), "utf8");
const [a, b] = [new Uint8Array([0xed, 0x95]), new Uint8Array([0x9c, 0x0a])];
process.stdout.write(a); process.stdout.write(b);
await new Promise((called) => process.stdout.write("with a callback\\n", called));
await new Promise((called) => process.stdout.write("with both\\n", "utf8", called));
if (typeof process.stdout.write("answers\\n") !== "boolean") throw new Error("no answer");
try { process.stdout.write(7); } catch (error) { console.log(error.code); }
console.table([{ a: 1 }]);
console.dir({ b: 2 });
const ours = process.stdout.write;
process.stdout.write = function (chunk, ...rest) { return ours.call(this, "[mine] " + chunk, ...rest); };
console.log("wrapped");
await run.finish();
console.log("after the run");
run.writeLogs("ignored now");`,
  );
  const lines = ["hi", "héllo", "한", "with a callback", "with both", "answers", "ERR_INVALID_ARG_TYPE"];
  const shown = await shownOf("writes");
  assert.deepEqual(shown.slice(0, lines.length), lines);
  assert.deepEqual(shown.slice(-2), ["{ b: 2 }", "[mine] wrapped"]);
  assert.ok(out.endsWith("[mine] wrapped\n[mine] after the run\n"), out);
});

test("spinners, bars and colours are on the server as a terminal shows them", async () => {
  await printed(
    "bars",
    `const { cursorTo, clearLine, moveCursor } = await import("node:readline");
for (let n = 1; n <= 3; n++) { cursorTo(process.stdout, 0); clearLine(process.stdout, 1); process.stdout.write("\\x1b[32m" + "#".repeat(n) + "\\x1b[39m " + n + "/3"); await new Promise((next) => setTimeout(next, 60)); }
process.stdout.write("\\nepoch 1\\nepoch 1 val\\n");
moveCursor(process.stdout, 0, -2); clearLine(process.stdout, 0); process.stdout.write("epoch 2\\n\\n");
run.writeLogs("by a logging library\\nin two lines\\n");
console.log("end");`,
  );
  assert.deepEqual(await shownOf("bars"), [
    "\x1b[32m###\x1b[0m 3/3",
    "epoch 2",
    "epoch 1 val",
    "by a logging library",
    "in two lines",
    "end",
  ]);
});

test("lines that the program wrote itself are in the log, and on the server when it is sent later", async () => {
  const run = await init({
    baseUrl: server.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    id: "lines-offline",
    mode: "offline",
    console: false,
  });
  run.writeLogs("first");
  assert.throws(() => run.writeLogs(7 as unknown as string), /takes a text/);
  run.writeLogs("second\nthird\n");
  await run.finish();
  const [log = ""] = logsOf(dir, "lines-offline");
  assert.deepEqual(
    readLog(log)
      .records.map((bytes) => readRecord(bytes))
      .filter(({ kind }) => kind === "lines"),
    [
      { kind: "lines", text: "first" },
      { kind: "lines", text: "second\nthird\n" },
    ],
  );
  const { status, err } = await runCommand(process.execPath, [MAIN, "sync", dirname(log)], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });
  assert.equal(status, 0, err);
  assert.deepEqual(await shownOf("lines-offline"), ["first", "second", "third"]);
});
