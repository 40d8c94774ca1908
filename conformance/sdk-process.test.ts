import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { init } from "steelyard";
import { readLoggedRun } from "steelyard/command-line";
import {
  exitOf,
  logsOf,
  PATIENT,
  PROJECT,
  readLog,
  readRun,
  rowsOf,
  runWhen,
  startScript,
  valuesOf,
} from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** How a process that has a run ends, and what the server says of the run then. */
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-sdk-process-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const FOREVER = "await new Promise(() => setInterval(() => {}, 1000))";
const ENDS = [
  { end: "", code: 0, state: "finished" },
  { end: "process.exit(0)", code: 0, state: "finished" },
  { end: "process.exit(3)", code: 3, state: "failed" },
  { end: "process.exitCode = 4", code: 4, state: "failed" },
  { end: "throw new Error('x')", code: 1, state: "failed" },
  { end: `Promise.reject(new Error('x')); ${FOREVER}`, code: 1, state: "failed" },
  { end: `process.kill(process.pid, 'SIGINT'); ${FOREVER}`, code: 130, state: "failed" },
  { end: `process.kill(process.pid, 'SIGTERM'); ${FOREVER}`, code: 143, state: "failed" },
];
const ROWS = "for (let step = 0; step < 200; step++) run.log({ step });\n";

for (const [index, { end, code, state }] of ENDS.entries()) {
  test(`a process that ends by ${end.replace(FOREVER, "") || "its last line"}`, async () => {
    const id = `end-${index}`;
    assert.equal(await exitOf(startScript(server, dir, id, ROWS + end, { environment: PATIENT })), code);
    const got = await readRun(server, id);
    assert.equal(got.state, state);
    assert.deepEqual(
      rowsOf(got).map((row) => row.step),
      Array.from({ length: 200 }, (_, step) => step),
    );
  });
}

test("a process that leaves while the server is away ends soon, with a whole log", async () => {
  const began = performance.now();
  // Stopped, not ended: its connections are taken and never answered.
  const child = startScript(
    server,
    dir,
    "away",
    `${ROWS}process.kill(${server.pid()}, "SIGSTOP"); run.log({ step: 200 }); process.exit(2)`,
  );
  const code = await exitOf(child);
  process.kill(server.pid(), "SIGCONT");
  assert.equal(code, 2);
  // It would be minutes till it gave up by itself.
  assert.ok(performance.now() - began < 60_000);
  const { records, damage } = readLog(logsOf(dir, "away")[0]);
  assert.deepEqual(damage, []);
  assert.ok(records.length >= 204);
});

for (const mode of ["online", "offline"]) {
  test(`a disk that is full does not stop the program, ${mode}`, async () => {
    const id = `full-${mode}`;
    const child = startScript(
      server,
      dir,
      id,
      "for (let step = 0; step < 100_000; step++) { run.log({ step }); if (step % 1000 === 0) await new Promise(setImmediate); }",
      { init: `mode: "${mode}"`, fileLimitKb: 100 },
    );
    let printed = "";
    child.stderr?.on("data", (text) => {
      printed += text;
    });
    assert.equal(await exitOf(child), 0);
    assert.match(printed, /run-full-\w+\.wandb cannot be written \(EFBIG.*Make room on the disk/);
    const [log = ""] = logsOf(dir, id);
    const { records } = readLog(log);
    assert.ok(records.length > 100);
    if (mode === "online") {
      const got = await readRun(server, id);
      assert.equal(got.state, "finished");
      assert.deepEqual(
        rowsOf(got).map(({ step }) => step),
        Array.from({ length: 100_000 }, (_, step) => step),
      );
    }
  });
}

/** `value_json` of a label in a history record's bytes; the test's own reading, from the wire format. */
function valueIn(record: Uint8Array, label: string): string | undefined {
  const bytes = Buffer.from(record);
  const head = Buffer.concat([
    Buffer.from([0x0a, label.length]),
    Buffer.from(label),
    Buffer.from([0x82, 0x01]),
  ]);
  const at = bytes.indexOf(head);
  if (at < 0) return undefined;
  const length = bytes[at + head.length] as number;
  return bytes.toString("utf8", at + head.length + 1, at + head.length + 1 + length);
}

test("kill -9 leaves a whole log: every row but those of the last moments", async () => {
  // Each row says when it was logged; the process says so too, after the call.
  const child = startScript(
    server,
    dir,
    "killed",
    `const { writeSync } = await import("node:fs");
for (let step = 0; ; step++) {
  const nowMs = Date.now();
  run.log({ step, nowMs });
  if (step % 100 === 0) { writeSync(1, step + " " + nowMs + "\\n"); await new Promise((resolve) => setTimeout(resolve, 1)); }
}`,
    { init: "console: false" },
  );
  let said = "";
  let lastMs = 0;
  const ended = exitOf(child);
  await new Promise<void>((resolve) => {
    child.stdout?.on("data", (text) => {
      said += text;
      lastMs = Number(said.trimEnd().split(/\s/).at(-1));
      // The run's thread is up: it has written for a while.
      const [log] = logsOf(dir, "killed");
      if (log && (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 300_000) resolve();
    });
  });
  child.kill("SIGKILL");
  assert.equal(await ended, "SIGKILL");
  const { records, damage } = readLog(logsOf(dir, "killed")[0]);
  assert.ok(
    damage.every((text) => /the log is cut/.test(text)),
    damage.join(),
  );
  const rows = records.filter((record) => valueIn(record, "nowMs") !== undefined);
  for (const [step, row] of rows.entries()) assert.equal(valueIn(row, "step"), String(step));
  assert.ok(rows.length > 0);
  const writtenMs = Number(valueIn(rows.at(-1) ?? new Uint8Array(), "nowMs"));
  // 20 ms is the promise on an idle machine; here others share it.
  assert.ok(lastMs - writtenMs < 10_000, `${lastMs - writtenMs} ms of rows are not in the log`);
});

const STOP = "mutation ($id: ID!) { stopRun(input: {id: $id}) { success } }";

test("stopped from the page: the process is interrupted and the run killed", async () => {
  const child = startScript(
    server,
    dir,
    "stopped",
    "for (let x = 0; ; x++) { run.log({ x }); await new Promise((resolve) => setTimeout(resolve, 5)); }",
  );
  const { id } = await runWhen(server, "stopped", ({ historyLineCount }) => historyLineCount > 10);
  await server.query(STOP, { id });
  assert.equal(await exitOf(child), 130);
  const got = await readRun(server, "stopped");
  assert.equal(got.state, "killed");
  assert.deepEqual(
    rowsOf(got).map(({ x }) => x),
    got.history.map((_, index) => index),
  );
});

test("stopped from the page: a process that listens decides for itself", async () => {
  const child = startScript(
    server,
    dir,
    "stops-itself",
    `process.on("SIGINT", () => {});
let heard = 0;
run.signal.addEventListener("abort", () => heard++);
for (let x = 0; !run.stopRequested; x++) { run.log({ x }); await new Promise((resolve) => setTimeout(resolve, 5)); }
run.summary.set("heard", heard);
await run.finish();
process.exit(7);`,
  );
  const { id } = await runWhen(server, "stops-itself", ({ historyLineCount }) => historyLineCount > 10);
  await server.query(STOP, { id });
  assert.equal(await exitOf(child), 7);
  const got = await readRun(server, "stops-itself");
  // It ended as it should, by its own account.
  assert.equal(got.state, "finished");
  assert.equal((JSON.parse(got.summaryMetrics) as { heard: number }).heard, 1);
});

test("one run, continued by process after process", async () => {
  let expected = 0;
  for (const [index, exit] of ["", "process.exit(1)", "process.kill(process.pid, 'SIGTERM')"].entries()) {
    const child = startScript(
      server,
      dir,
      "relay",
      `for (let n = 0; n < 300; n++) run.log({ at: run.step, part: ${index} });
console.log("logged by ${index}");
${exit}`,
      { init: `resume: "allow", config: { part${index}: true }`, environment: PATIENT },
    );
    await exitOf(child);
    expected += 300;
    const got = await readRun(server, "relay");
    assert.equal(got.historyLineCount, expected);
    assert.deepEqual(
      rowsOf(got).map(({ _step, at, part }) => [_step, at, part]),
      Array.from({ length: expected }, (_, step) => [step, step, Math.floor(step / 300)]),
    );
    assert.deepEqual(
      Object.keys(JSON.parse(got.config) as object)
        .filter((key) => key.startsWith("part"))
        .sort(),
      Array.from({ length: index + 1 }, (_, part) => `part${part}`),
    );
    const runtimes = rowsOf(got).map((row) => row._runtime as number);
    // The clock of a resumed run goes on where it stood.
    for (let row = 1; row < runtimes.length; row++)
      assert.ok((runtimes[row] as number) >= (runtimes[row - 1] as number), `runtime at row ${row}`);
  }
});

test("what the process prints is on the server, line by line, a progress bar as one, across a resume", async () => {
  const lines = async () => {
    const { project } = await server.query<{
      project: { run: { logLines: { edges: { node: { number: number; level: string; line: string } }[] } } };
    }>(
      `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "prints") {
        logLines(first: 10000, useImprovedPagination: true) { edges { node { number level line } } } } } }`,
    );
    return project.run.logLines.edges.map(({ node }) => [node.number, node.level, node.line]);
  };
  const first = startScript(
    server,
    dir,
    "prints",
    `console.log("한글 😀");
for (let n = 0; n <= 10; n++) { process.stdout.write("\\r" + n * 10 + "%"); await new Promise((resolve) => setTimeout(resolve, 50)); }
process.stdout.write("\\n");
console.error("wrong");
process.stdout.write(new TextEncoder().encode("bytes\\n"));
for (let n = 0; n < 500; n++) console.log("line " + n);`,
    { init: `resume: "allow"` },
  );
  assert.equal(await exitOf(first), 0);
  const numbered = Array.from({ length: 500 }, (_, n) => [4 + n, "", `line ${n}`]);
  const expected = [
    [0, "", "한글 😀"],
    [1, "", "100%"],
    [2, "error", "wrong"],
    [3, "", "bytes"],
    ...numbered,
  ];
  // What the SDK itself prints is there too, as with the official client.
  const shown = (await lines()).filter(([, , line]) => !String(line).startsWith("steelyard: "));
  assert.deepEqual(
    shown.map(([, level, line]) => [level ?? "", line]),
    expected.map(([, level, line]) => [level, line]),
  );
  const before = (await lines()).length;
  assert.equal(
    await exitOf(startScript(server, dir, "prints", `console.log("again")`, { init: `resume: "must"` })),
    0,
  );
  const all = await lines();
  assert.ok(all.length > before);
  assert.deepEqual(
    all.map(([number]) => number),
    all.map((_, number) => number),
  );
  assert.ok(all.slice(before).some(([, , line]) => line === "again"));
});

test("a flood of output arrives whole", async () => {
  const child = startScript(
    server,
    dir,
    "flood",
    `for (let n = 0; n < 3000; n++) process.stdout.write(n + " " + "\\u001b\\"한".repeat(1000) + "\\n");`,
  );
  child.stdout?.resume();
  assert.equal(await exitOf(child), 0);
  const { project } = await server.query<{
    project: { run: { state: string; tail: { edges: { node: { number: number; line: string } }[] } } };
  }>(
    `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "flood") { state
      tail: logLines(last: 10000) { edges { node { number line } } } } } }`,
  );
  const lines = project.run.tail.edges
    .map(({ node }) => node.line)
    .filter((line) => !line.startsWith("steelyard: "));
  assert.equal(project.run.state, "finished");
  assert.equal(lines.length, 3000);
  for (const [index, line] of lines.entries()) assert.equal(line, `${index} ${'\u001b"한'.repeat(1000)}`);
});

test("one run, two processes at once: both end well, every line is one of theirs, both logs are whole", async () => {
  const first = await init({
    baseUrl: server.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    id: "both",
    console: false,
  });
  first.log({ from: "start", n: 0 });
  await first.finish();
  const body = (from: string) =>
    `const begin = new Promise((resolve) => process.once("SIGUSR2", resolve)); console.log("open"); const awake = setInterval(() => {}, 1000); await begin; clearInterval(awake);
for (let n = 0; n < 2000; n++) { run.log({ from: "${from}", n }); if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5)); }`;
  const children = ["a", "b"].map((from) =>
    startScript(server, dir, "both", body(from), {
      init: `resume: "must", console: false`,
      name: `both-${from}`,
    }),
  );
  const ends = children.map(exitOf);
  await Promise.all(children.map((child) => once(child.stdout as NodeJS.ReadableStream, "data")));
  for (const child of children) child.kill("SIGUSR2");
  assert.deepEqual(await Promise.all(ends), [0, 0]);
  const got = await readRun(server, "both");
  assert.equal(got.state, "finished");
  // As with the official client: both count from the same line, and what was sent last stands there.
  assert.equal(got.historyLineCount, 2001);
  const rows = rowsOf(got);
  assert.equal(rows.length, 2001);
  for (const row of rows.slice(1)) {
    assert.ok(row.from === "a" || row.from === "b");
    assert.equal(row.n, row._step - 1);
    assert.deepEqual(Object.keys(valuesOf(row)).sort(), ["from", "n"]);
  }
  const logs = logsOf(dir, "both");
  assert.equal(logs.length, 3);
  for (const log of logs.slice(1)) {
    const { history, losses } = readLoggedRun(new Uint8Array(readFileSync(log)));
    assert.deepEqual(losses, []);
    assert.deepEqual(
      history.map((line) => (JSON.parse(line) as { n: number }).n),
      Array.from({ length: 2000 }, (_, n) => n),
    );
  }
});
