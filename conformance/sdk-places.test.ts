import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type Ended, runCommand } from "./command.ts";
import { readRun } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** Where a run writes: on machines that have no such place, where the settings want another, and where nothing is wanted. */
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
});
after(() => server.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "steelyard-places-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const SDK = new URL("../packages/sdk/src/index.ts", import.meta.url).href;

/** A process of its own; what it finds in its own folder and in TMPDIR stays there. */
function run(body: string, environment: Record<string, string> = {}, home = true): Promise<Ended> {
  const temporary = join(dir, "tmp");
  const cwd = join(dir, "cwd");
  for (const folder of [temporary, cwd]) mkdirSync(folder, { recursive: true });
  return runCommand(
    process.execPath,
    ["--input-type=module", "-e", `import { init } from ${JSON.stringify(SDK)};\n${body}`],
    {
      cwd,
      environment: {
        ...(home ? { HOME: dir } : {}),
        TMPDIR: temporary,
        WANDB_BASE_URL: server.url,
        WANDB_API_KEY: server.apiKey,
        ...environment,
      },
    },
  );
}
const ROWS = (id: string, options = "") =>
  `const run = await init({ project: "sdk", id: "${id}", console: false, ${options} });
for (let x = 0; x < 10; x++) run.log({ x });
await run.finish();`;
const logs = (pattern: string) => globSync(join(dir, pattern));

test("WANDB_DIR: a folder that is missing is made, with what keeps runs out of git", async () => {
  const place = join(dir, "deep/er");
  const { status, err } = await run(ROWS("made"), { WANDB_DIR: place });
  assert.equal(status, 0, err);
  assert.equal(logs("deep/er/wandb/run-*-made/run-made.wandb").length, 1);
  assert.equal(readFileSync(join(place, "wandb/.gitignore"), "utf8"), "*\n!settings\n");
  // Whoever took it away or changed it has a reason.
  rmSync(join(place, "wandb/.gitignore"));
  await run(ROWS("again"), { WANDB_DIR: place });
  assert.equal(existsSync(join(place, "wandb/.gitignore")), false);
});

test("WANDB_DIR: where nothing can be made a temporary folder is used, with a line that says why", async () => {
  writeFileSync(join(dir, "file"), "");
  const { status, err } = await run(ROWS("no-place"), { WANDB_DIR: join(dir, "file") });
  assert.equal(status, 0, err);
  assert.match(err, /cannot write to .*file\/wandb \((ENOTDIR|EEXIST)\); using .*tmp\/wandb/);
  assert.equal(logs("tmp/wandb/run-*-no-place/run-no-place.wandb").length, 1);
  assert.equal((await readRun(server, "no-place")).history.length, 10);
});

const mounted = join(tmpdir(), `steelyard-mount-${process.pid}`);
for (const [what, options, code] of [
  ["can only be read", "size=1m,ro", "EROFS"],
  ["is full", "size=64k", "ENOSPC"],
] as const)
  test(`WANDB_DIR: a disk that ${what} is left for a temporary folder`, async (t) => {
    mkdirSync(mounted, { recursive: true });
    if (spawnSync("mount", ["-t", "tmpfs", "-o", options, "none", mounted]).status !== 0)
      return t.skip("nothing can be mounted here (not root)");
    try {
      const id = `mounted-${code}`;
      const { status, err } = await run(ROWS(id), { WANDB_DIR: mounted });
      assert.equal(status, 0, err);
      assert.match(err, new RegExp(`cannot write to .*wandb \\(${code}\\); using .*tmp/wandb`));
      assert.equal(logs(`tmp/wandb/run-*-${id}/run-${id}.wandb`).length, 1);
      assert.equal((await readRun(server, id)).history.length, 10);
    } finally {
      spawnSync("umount", ["-l", mounted]);
      rmSync(mounted, { recursive: true, force: true });
    }
  });

test("without a home folder everything works", async () => {
  const { status, err } = await run(ROWS("homeless"), {}, false);
  assert.equal(status, 0, err);
  assert.equal((await readRun(server, "homeless")).history.length, 10);
});

test("WANDB_USE_DOT_WANDB: true hides the folder, and what is there is found again", async () => {
  assert.equal((await run(ROWS("dotted"), { WANDB_USE_DOT_WANDB: "true" })).status, 0);
  assert.equal(logs("cwd/.wandb/run-*-dotted/run-dotted.wandb").length, 1);
  await run(ROWS("dotted-too"));
  assert.equal(logs("cwd/.wandb/run-*-dotted-too").length, 1);
  assert.equal(existsSync(join(dir, "cwd/wandb")), false);
});

test("WANDB_SYMLINK: false leaves no links, else latest-run and the logs of the newest are found by name", async () => {
  await run(ROWS("unlinked"), { WANDB_SYMLINK: "false" });
  for (const name of ["latest-run", "debug.log"])
    assert.equal(existsSync(join(dir, "cwd/wandb", name)), false);
  await run(ROWS("linked"));
  assert.ok(existsSync(join(dir, "cwd/wandb/latest-run/run-linked.wandb")));
  assert.match(readFileSync(join(dir, "cwd/wandb/debug.log"), "utf8"), /linked/);
});

test("WANDB_X_SKIP_TRANSACTION_LOG: an online run sends everything and leaves no log; what cannot be is refused", async () => {
  const { status, err } = await run(ROWS("logless"), { WANDB_X_SKIP_TRANSACTION_LOG: "true" });
  assert.equal(status, 0, err);
  assert.deepEqual(logs("cwd/wandb/run-*-logless/*.wandb*"), []);
  const got = await readRun(server, "logless");
  assert.deepEqual([got.state, got.history.length], ["finished", 10]);
  for (const [name, value] of [
    ["WANDB_MODE", "offline"],
    ["WANDB_STRICT", "true"],
  ] as const) {
    const refused = await run(ROWS("never"), { WANDB_X_SKIP_TRANSACTION_LOG: "true", [name]: value });
    assert.notEqual(refused.status, 0);
    assert.match(refused.err, /WANDB_X_SKIP_TRANSACTION_LOG cannot be true then/);
  }
});

test("WANDB_MODE: disabled makes no file, no thread, no connection, and every call does nothing", async () => {
  // What the system shows of the process, before and after.
  const { status, out, err } = await run(
    `import { readdirSync, readlinkSync } from "node:fs";
const seen = () => ({
  threads: readdirSync("/proc/self/task").length,
  files: readdirSync("/proc/self/fd").flatMap((fd) => { try { return [readlinkSync("/proc/self/fd/" + fd)]; } catch { return []; } }).sort(),
});
// The first use opens what Node needs for it.
console.error("begins");
const before = seen();
const run = await init({ project: "sdk", id: "off", config: { lr: 1 } });
for (let x = 0; x < 1000; x++) run.log({ x });
run.config.lr = 2;
run.defineMetric("x", { summary: "max" });
console.error(run.summary.x, run.config.lr);
const after = seen();
await run.finish();
console.log(JSON.stringify([before, after]));`,
    { WANDB_MODE: "disabled", WANDB_BASE_URL: "http://127.0.0.1:9" },
  );
  assert.equal(status, 0, err);
  assert.equal(err, "begins\n999 2\n");
  const [before, later] = JSON.parse(out) as [object, object];
  assert.deepEqual(later, before);
  assert.deepEqual(
    globSync(join(dir, "**/*"))
      .map((path) => path.slice(dir.length))
      .sort(),
    ["/cwd", "/tmp"],
  );
  await assert.rejects(readRun(server, "off"));
});
