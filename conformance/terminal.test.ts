import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";
import { type Ended, runCommand } from "./command.ts";
import { PATIENT } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What a program's terminal shows of its run: all of it, word by word. */
let server: RunningServer;
let folder: string;
const scripts = join(import.meta.dirname, "..", "node_modules", ".sdk-test");
before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "steelyard-terminal-"));
  mkdirSync(scripts, { recursive: true });
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ESCAPE = "\u001b[";
const TRAINING = `for (let n = 0; n < 60; n++) run.log({ loss: 1 / (n + 1), "val/accuracy": n / 60, up: n });
run.log({ note: "a long text that does not fit", nested: { a: 1 }, up: 60, flat: 1 });
console.log("the program's own line");
await run.finish();`;

interface Shown extends Ended {
  /** The folder given as WANDB_DIR. */
  dir: string;
}
let number = 0;

/** A program with a run of its own, its folder and address written as DIR, RUN and URL. */
async function program(body: string, environment: Record<string, string> = {}, tty = false): Promise<Shown> {
  const id = `t${number++}`;
  const dir = join(folder, id);
  mkdirSync(dir);
  const script = join(scripts, `terminal-${id}.mjs`);
  writeFileSync(
    script,
    `import * as steelyard from "steelyard";\nconst run = await steelyard.init({ name: "digits" });\n${body}\n`,
  );
  const command = [process.execPath, script];
  const [first = "", ...rest] = tty
    ? ["script", "-qec", command.map((word) => `"${word}"`).join(" "), "/dev/null"]
    : command;
  const ended = await runCommand(first, rest, {
    cwd: dir,
    environment: {
      HOME: dir,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      WANDB_RUN_ID: id,
      WANDB_PROJECT: "terminal",
      WANDB_DIR: dir,
      ...environment,
    },
  });
  rmSync(script);
  const plain = (text: string) =>
    text
      .replaceAll(/run-\d{8}_\d{6}-t\d+/g, "RUN")
      .replaceAll(dir, "DIR")
      .replaceAll(`/runs/${id}`, "/runs/ID")
      .replaceAll(server.url, "URL")
      .replaceAll(new URL(server.url).host, "HOST")
      .replaceAll(/version \d+\.\d+\.\d+/g, "version V")
      // Said of an end that takes more than a moment, as on a busy machine.
      .replaceAll(/^steelyard: Finishing up.*\n/gm, "");
  return { ...ended, out: plain(ended.out), err: plain(ended.err), dir };
}

const lines = (text: string) =>
  text.split("\n").map((line) => (line === "" ? "" : `steelyard: ${line}`.trimEnd()));
const said = (text: string) =>
  `${lines(text.trimStart()).join("\n")}`.replaceAll("steelyard: |", "steelyard:");

const START = `
Loaded credentials for HOST from WANDB_API_KEY.
Tracking run with steelyard version V
Run data is saved locally in DIR/wandb/RUN
Syncing run digits
View project at URL/admin/terminal
View run at URL/admin/terminal/runs/ID
`;
const GRIDS = `
|
Run history:
          flat ▁
          loss █▄▃▂▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
            up ▁▁▁▂▂▂▂▂▂▃▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇▇███
  val/accuracy ▁▁▁▂▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▄▅▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇▇███
|
Run summary:
          flat 1
          loss 0.01667
          note a long text that doe...
            up 60
  val/accuracy 0.98333
|
`;
const END = `
View run digits at: URL/admin/terminal/runs/ID
View project at: URL/admin/terminal
Synced 61 rows
Find logs at: DIR/wandb/RUN/logs
`;

test("a run tells where it is, how it went and where it was", async () => {
  const shown = await program(TRAINING);
  assert.equal(shown.err, said(START) + said(GRIDS) + said(END));
  assert.equal(shown.out, "the program's own line\n");
});

test("WANDB_QUIET: what is serious and where the run is, no more; debug.log has the rest", async () => {
  const shown = await program(`${TRAINING}\nrun.log({ late: 1 });`, { WANDB_QUIET: "true" });
  assert.equal(
    shown.err,
    said(`
View run at URL/admin/terminal/runs/ID
View run digits at: URL/admin/terminal/runs/ID
View project at: URL/admin/terminal
WARNING run ${basename(shown.dir)} is finished; what it is told now is not recorded
`),
  );
  wholeStory(shown);
});

test("WANDB_SILENT: not one byte, whatever happens; debug.log has the rest", async () => {
  const silent = { WANDB_SILENT: "true" };
  const shown = await program(`${TRAINING}\nrun.log({ late: 1 });`, silent);
  assert.deepEqual([shown.err, shown.out, shown.status], ["", "the program's own line\n", 0]);
  assert.ok(wholeStory(shown).includes("is finished; what it is told now is not recorded"));
  const others = await Promise.all([
    program("run.log({ a: 1 }); run.log({ a: 1 }, { step: 0 });", { ...silent, WANDB_MODE: "offline" }),
    program("run.log({ a: 1 }); process.exit(0);", { ...silent, ...PATIENT }),
    program("run.log({ a: 1 });", { ...silent, WANDB_DIR: "/dev/null/x", WANDB_GRUOP: "g" }),
    program("run.log({ a: 1 });", { ...silent, WANDB_SHOW_INFO: "true", WANDB_DEBUG: "1" }, true),
    program(CRASH, silent),
  ]);
  for (const { err, out, status } of others) assert.deepEqual([err, out, status], ["", "", 0]);
});

/** What `$WANDB_DIR/debug.log` says, by the link to the newest run. */
function wholeStory({ dir }: Shown): string {
  assert.equal(readlinkSync(join(dir, "debug.log")), "wandb/debug.log");
  const story = readFileSync(join(dir, "debug.log"), "utf8");
  assert.equal(readFileSync(join(dir, "wandb/debug.log"), "utf8"), story);
  for (const part of [
    "Tracking run with",
    "View project at",
    "Run history:",
    "Synced 61 rows",
    "Find logs at",
  ])
    assert.ok(story.includes(part), `${part} is not in\n${story}`);
  return story;
}

test("an offline run says so, and how to send it", async () => {
  const offline = { WANDB_MODE: "offline" };
  const shown = await program("run.log({ a: 1 });", offline);
  const where = "DIR/wandb/offline-RUN";
  assert.equal(
    shown.err,
    said(`
Tracking run with steelyard version V
This run is offline; it is saved in ${where}
|
Run history:
  a ▁
|
Run summary:
  a 1
|
You can send this run to the server by running:
steelyard sync ${where}
Find logs at: ${where}/logs
`),
  );
  const quiet = await program("run.log({ a: 1 });", { ...offline, WANDB_QUIET: "1" });
  assert.equal(quiet.err, said(`\nThis run is offline; it is saved in ${where}\n`));
});

test("a process that leaves without finish() still says where the run is", async () => {
  const shown = await program("run.log({ a: 1 }); process.exit(0);", PATIENT);
  assert.equal(
    shown.err,
    said(START) +
      said(`
View run digits at: URL/admin/terminal/runs/ID
View project at: URL/admin/terminal
Find logs at: DIR/wandb/RUN/logs
`),
  );
  const unsent = await program(
    `process.kill(${server.pid()}, "SIGSTOP"); run.log({ a: 1 }); process.exit(0);`,
  );
  process.kill(server.pid(), "SIGCONT");
  assert.equal(
    unsent.err,
    said(START) +
      said(`
WARNING the run did not get to the server whole before the process ended
You can send this run to the server by running:
steelyard sync DIR/wandb/RUN
Find logs at: DIR/wandb/RUN/logs
`),
  );
});

const LATE = "run.log({ a: 1 }); await run.finish(); run.log({ late: 1 });";
/** The run's thread finds a folder where it writes a file. */
const CRASH = `const { mkdirSync } = await import("node:fs");
mkdirSync(run.dir + "/config.yaml");
await run.finish();`;

test("WANDB_SHOW_INFO, WANDB_SHOW_WARNINGS, WANDB_SHOW_ERRORS: each kind alone can be left out", async () => {
  const [noInfo, noWarnings, noErrors, errors] = await Promise.all([
    program(LATE, { WANDB_SHOW_INFO: "false" }),
    program(LATE, { WANDB_SHOW_WARNINGS: "false" }),
    program(CRASH, { WANDB_SHOW_ERRORS: "false", WANDB_SHOW_INFO: "false" }),
    program(CRASH, { WANDB_SHOW_INFO: "false" }),
  ]);
  assert.match(noInfo.err, /^steelyard: WARNING run t\d+ is finished; .*\n$/);
  assert.doesNotMatch(noWarnings.err, /WARNING/);
  assert.match(noWarnings.err, /View run at/);
  assert.equal(noErrors.err, "");
  assert.match(errors.err, /^steelyard: ERROR the run cannot go on: EISDIR: .*\n$/);
});

test("WANDB_MAX_END_OF_RUN_HISTORY_METRICS, WANDB_MAX_END_OF_RUN_SUMMARY_METRICS: how much the end tells", async () => {
  const [few, none] = await Promise.all(
    ["2", "0"].map((most) =>
      program(TRAINING, {
        WANDB_MAX_END_OF_RUN_HISTORY_METRICS: most,
        WANDB_MAX_END_OF_RUN_SUMMARY_METRICS: most,
      }),
    ),
  );
  const bars = "[▁▂▃▄▅▆▇█]";
  assert.match(
    few?.err ?? "",
    new RegExp(
      `: Run history:\nsteelyard:   flat ${bars}+\nsteelyard:   loss ${bars}{40}\nsteelyard:     \\+2 \\.\\.\\.\nsteelyard:\n`,
    ),
  );
  assert.match(
    few?.err ?? "",
    /: Run summary:\nsteelyard: {3}flat 1\nsteelyard: {3}loss 0\.01667\nsteelyard: {5}\+3 \.\.\.\n/,
  );
  assert.equal(none?.err, said(START) + said(END));
});

test("WANDB_SHOW_COLORS, WANDB_SHOW_EMOJI: colours and emoji on a terminal, or where they are asked for", async (t) => {
  const looks = async (environment: Record<string, string>, tty = false) => {
    const { err, out } = await program("run.log({ a: 1 });", { TERM: "xterm", ...environment }, tty);
    return { coloured: (err + out).includes(`${ESCAPE}1;34m`), pictured: /🚀|⭐/u.test(err + out) };
  };
  const plain = { coloured: false, pictured: false };
  assert.deepEqual(await looks({}), plain);
  assert.deepEqual(await looks({ WANDB_SHOW_COLORS: "true", NO_COLOR: "1" }), {
    coloured: true,
    pictured: false,
  });
  assert.deepEqual(await looks({ WANDB_SHOW_EMOJI: "true" }), { coloured: false, pictured: true });
  if (process.platform !== "linux") return t.skip("`script` takes other words here");
  const all = await Promise.all([
    looks({}, true),
    looks({ NO_COLOR: "1" }, true),
    looks({ WANDB_SHOW_COLORS: "false", WANDB_SHOW_EMOJI: "false" }, true),
    looks({ TERM: "dumb" }, true),
  ]);
  assert.deepEqual(all, [
    { coloured: true, pictured: true },
    { coloured: false, pictured: true },
    plain,
    plain,
  ]);
});

test("a terminal shows what the end still waits for", async (t) => {
  if (process.platform !== "linux") return t.skip("`script` takes other words here");
  const pid = server.pid();
  const { out } = await program(
    `for (let n = 0; n < 5000; n++) run.log({ n });
process.kill(${pid}, "SIGSTOP");
setTimeout(() => process.kill(${pid}, "SIGCONT"), 2000);
await run.finish();`,
    { TERM: "xterm", NO_COLOR: "1" },
    true,
  );
  const shown = out.replaceAll(`\r${ESCAPE}K`, "<clear>");
  assert.match(shown, /<clear>steelyard: [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Finishing up(: [\d,]+ rows to send)?<clear>/);
  // Its place is empty again when the rest is told.
  assert.match(shown, /<clear>steelyard:\r\nsteelyard: Run history:/);
});

test("WANDB_DEBUG: stack traces, and every request in debug-internal.log", async () => {
  const requests = ({ dir }: Shown) =>
    readFileSync(join(dir, "wandb/debug-internal.log"), "utf8")
      .split("\n")
      .filter((line) => line.includes('"level":"DEBUG"'));
  const [usual, more] = await Promise.all(
    ["false", "true"].map((debug) => program(CRASH, { WANDB_DEBUG: debug, WANDB_SHOW_INFO: "false" })),
  );
  assert.ok(usual && more);
  assert.doesNotMatch(usual.err, /\n.* {4}at /);
  assert.match(more.err, /ERROR the run cannot go on: Error: EISDIR.*\nsteelyard: ERROR {5}at /);
  assert.deepEqual(requests(usual), []);
  assert.match(
    requests(await program(LATE, { WANDB_DEBUG: "true" })).join("\n"),
    /"msg":"request","method":"POST","path":"\/graphql","answer":200,"ms":\d+/,
  );
});

test("WANDB_ERROR_REPORTING: a crash of the SDK leaves a report beside the logs, and none when it is false", async () => {
  const reports = ({ dir }: Shown) => globSync(join(dir, "wandb/*/logs/crash.txt"));
  const [left, none, bad] = await Promise.all([
    program(CRASH),
    program(CRASH, { WANDB_ERROR_REPORTING: "false" }),
    program(CRASH, { WANDB_ERROR_REPORTING: "banana" }),
  ]);
  assert.equal(reports(left).length, 1);
  assert.ok(
    left.err.includes(
      "a report for the makers of steelyard is in DIR/wandb/RUN/logs/crash.txt, and nowhere else",
    ),
  );
  const text = readFileSync(reports(left)[0] ?? "", "utf8");
  assert.match(text, /EISDIR(.|\n)*\n +at (.|\n)*worker/);
  assert.ok(!text.includes(server.apiKey));
  assert.deepEqual(reports(none), []);
  assert.doesNotMatch(none.err, /report/);
  assert.match(bad.err, /WARNING WANDB_ERROR_REPORTING is "banana", which counts as false/);
  assert.deepEqual(reports(bad), []);
});

test("WANDB_SHOW_RUN: the browser opens the run's page, where somebody can see it", async () => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "xdg-open"), '#!/bin/sh\necho "$1" >> "$HOME/opened"\n', { mode: 0o755 });
  const opens = async (environment: Record<string, string>) => {
    const { dir, err } = await program(
      // The browser lives its own life: give it the time to begin.
      `const { existsSync } = await import("node:fs");
for (let n = 0; n < 1200 && !existsSync(process.env.HOME + "/opened"); n++) await new Promise((resolve) => setTimeout(resolve, Number(process.env.PATIENCE)));`,
      { PATH: `${bin}:${process.env.PATH}`, DISPLAY: ":9", PATIENCE: "0.1", ...environment },
    );
    assert.doesNotMatch(err, /ERROR|Error/);
    return globSync(join(dir, "opened")).map((path) => readFileSync(path, "utf8"));
  };
  const yes = { WANDB_SHOW_RUN: "true" };
  const id = number;
  assert.deepEqual(await opens({ ...yes, PATIENCE: "50" }), [`${server.url}/admin/terminal/runs/t${id}\n`]);
  const none = await Promise.all([
    opens({}),
    opens({ ...yes, CI: "true" }),
    opens({ ...yes, DISPLAY: "" }),
    opens({ ...yes, WANDB_MODE: "offline" }),
    opens({ ...yes, WANDB_SILENT: "true" }),
  ]);
  assert.deepEqual(none.flat(), []);
  await opens({ ...yes, PATH: join(folder, "nothing") });
});

/** A program at a terminal, with somebody who answers what it asks; the folder is its home too. */
async function withUser(answers: [question: string, answer: string][], environment: Record<string, string>) {
  const id = `t${number++}`;
  const dir = join(folder, id);
  mkdirSync(dir);
  const script = join(scripts, `terminal-${id}.mjs`);
  writeFileSync(
    script,
    `import * as steelyard from "steelyard";\nconst run = await steelyard.init({ id: "${id}", project: "terminal" });\nawait run.finish();\n`,
  );
  const child = spawn("script", ["-qec", `"${process.execPath}" "${script}"`, "/dev/null"], {
    cwd: dir,
    env: {
      PATH: process.env.PATH,
      ...COMPILE_CACHE,
      HOME: dir,
      TERM: "xterm",
      WANDB_BASE_URL: server.url,
      ...environment,
    },
  });
  let out = "";
  let seen = 0;
  child.stdout.on("data", (part) => {
    out += part;
    const [question = "", answer = ""] = answers[0] ?? [];
    if (question === "" || !out.slice(seen).includes(question)) return;
    seen = out.length;
    answers.shift();
    child.stdin.write(answer);
  });
  const [status] = (await once(child, "close")) as [number];
  rmSync(script);
  return { out, status, dir };
}
const CHOICE = "Enter your choice: ";
const PASTE = "Paste your API key and hit enter: ";

test("WANDB_API_KEY: without one, who sits at the terminal is asked, and the key is kept unseen", async (t) => {
  if (process.platform !== "linux") return t.skip("`script` takes other words here");
  const { out, status, dir } = await withUser(
    [
      [CHOICE, "x\n"],
      [CHOICE, "1\n"],
      [PASTE, "too short\n"],
      [PASTE, `${server.apiKey}\n`],
    ],
    {},
  );
  assert.equal(status, 0, out);
  assert.match(out, /Invalid API key: API key may only contain|Invalid API key: API key must have 40\+/);
  assert.ok(out.includes(`Make a key at: ${server.url}/authorize`) && out.includes("View run at"), out);
  assert.ok(!out.includes(server.apiKey), "the key is shown");
  const { host } = new URL(server.url);
  assert.equal(
    readFileSync(join(dir, ".netrc"), "utf8"),
    `machine ${host}\n  login user\n  password ${server.apiKey}\n`,
  );
});

test("WANDB_FORCE, WANDB_LOGIN_TIMEOUT: whether one may go on offline, and how long the question waits", async (t) => {
  if (process.platform !== "linux") return t.skip("`script` takes other words here");
  const [chosen, late, forced, broken] = await Promise.all([
    withUser([[CHOICE, "2\n"]], {}),
    withUser([], { WANDB_LOGIN_TIMEOUT: "0.3" }),
    withUser([[PASTE, `${server.apiKey}\n`]], { WANDB_FORCE: "true" }),
    // Ctrl+C.
    withUser([[PASTE, "\u0003"]], { WANDB_FORCE: "true" }),
  ]);
  for (const { out, status } of [chosen, late]) {
    assert.equal(status, 0, out);
    assert.match(out, /This run is offline; it is saved in/);
  }
  assert.match(late.out, /no answer in time: the run is offline; `steelyard sync` sends it later/);
  assert.ok(!forced.out.includes(CHOICE) && forced.out.includes("View run at"), forced.out);
  assert.equal(broken.status, 1);
  assert.match(broken.out, /no API key for/);
});
