import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type LogRecord, readRecord } from "@steelyard/protocol/records";
import { type InitOptions, init, type Run } from "steelyard";
import { runCommand } from "./command.ts";
import { filesOf, logsOf, PROJECT, readLog, readRun, until } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";
import { type WireWitness, witnessWire } from "./wire-witness.ts";

/** The files of a run: placed in its folder, named in its log, told on the wire, served by the server. */
const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
});
after(() => server.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "steelyard-sdk-files-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const start = (options: InitOptions = {}) =>
  init({
    baseUrl: server.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    console: false,
    silent: true,
    // The program of these runs is this file.
    saveCode: false,
    ...options,
  });

async function withVariables<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

function write(path: string, content: string): string {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** Policies of the user's files, as the log has them. */
function loggedFiles(id: string): Record<string, string> {
  const records = readLog(logsOf(dir, id)[0]).records.map(readRecord);
  const files = records.filter((record): record is LogRecord & { kind: "files" } => record.kind === "files");
  const ofUser = files.flatMap((record) => record.files).filter(({ type }) => type === "other");
  return Object.fromEntries(ofUser.map(({ path, policy }) => [path, policy]));
}

const names = (run: Run, paths: string[]) => paths.map((path) => relative(run.dir, path));
const userFiles = async (id: string) =>
  Object.fromEntries(
    Object.entries(await filesOf(server, id)).filter(
      ([name]) => !/^(config\.yaml|requirements\.txt|wandb-.*\.json)$/.test(name),
    ),
  );
/** Of the file stream's requests, the names of files that arrived. */
const toldFiles = ({ requests }: WireWitness) =>
  requests
    .filter(({ path }) => path.endsWith("/file_stream"))
    .flatMap(({ body }) => (JSON.parse(body) as { uploaded?: string[] }).uploaded ?? []);

test("saved files are where their path below the base says, in the log with their policy, and at the server", async () => {
  write("out/a.txt", "a");
  write("out/deep/b.txt", "b");
  write("out/deep/.hidden.txt", "no");
  write("out/deep/c.bin", "");
  write("model[1].txt", "literal");
  const run = await start({ id: "saved" });
  const save = (...args: Parameters<Run["save"]>) => names(run, run.save(...args));
  assert.deepEqual(save(join(dir, "out/*.txt"), { basePath: dir }), ["out/a.txt"]);
  assert.deepEqual(save(join(dir, "out/**/*.txt"), { basePath: join(dir, "out"), policy: "now" }), [
    "a.txt",
    "deep/b.txt",
    // Saved before, in the run's folder: it matches too.
    "out/a.txt",
  ]);
  assert.deepEqual(save(join(dir, "out/deep/c.bin"), { policy: "end" }), ["deep/c.bin"]);
  assert.deepEqual(save(join(dir, "model[1].txt"), { basePath: dir }), ["model[1].txt"]);
  assert.deepEqual(save(join(dir, "out"), { basePath: dir, policy: "now" }), [
    "out/a.txt",
    "out/deep/.hidden.txt",
    "out/deep/b.txt",
    "out/deep/c.bin",
  ]);
  assert.deepEqual(save(join(dir, "nothing*"), { basePath: dir }), []);
  // What the program writes there itself.
  writeFileSync(join(run.dir, "own.txt"), "own");
  assert.deepEqual(save("own.txt", { policy: "end" }), ["own.txt"]);
  for (const outside of ["../x.txt", dirname(dir), "."])
    assert.throws(() => run.save(outside, { basePath: dir }), /is not below/, outside);
  assert.throws(
    () => run.save("x", { policy: "later" as "end" }),
    /"later" is not known; use live, now, end/,
  );
  await run.finish();
  assert.ok(lstatSync(join(run.dir, "deep/b.txt")).isSymbolicLink());
  assert.deepEqual(loggedFiles("saved"), {
    "out/a.txt": "now",
    "a.txt": "now",
    "deep/b.txt": "now",
    "deep/c.bin": "end",
    "model[1].txt": "live",
    "out/deep/.hidden.txt": "now",
    "out/deep/b.txt": "now",
    "out/deep/c.bin": "now",
    "own.txt": "end",
  });
  assert.deepEqual(await userFiles("saved"), {
    "out/a.txt": "a",
    "a.txt": "a",
    "deep/b.txt": "b",
    "deep/c.bin": "",
    "model[1].txt": "literal",
    "out/deep/.hidden.txt": "no",
    "out/deep/b.txt": "b",
    "out/deep/c.bin": "",
    "own.txt": "own",
  });
});

test("live files follow their source, now is once, end waits, and nothing is sent twice unchanged", async () => {
  const wire = await witnessWire(server);
  try {
    const live = write("live.txt", "1");
    const now = write("now.txt", "1");
    const end = write("end.txt", "1");
    const run = await start({ id: "policies", baseUrl: wire.url });
    run.save(live, { basePath: dir });
    run.save(now, { basePath: dir, policy: "now" });
    run.save(end, { basePath: dir, policy: "end" });
    await until("live and now arrived", async () => Object.keys(await userFiles("policies")).length === 2);
    assert.deepEqual(await userFiles("policies"), { "live.txt": "1", "now.txt": "1" });
    appendFileSync(live, "2");
    appendFileSync(now, "2");
    run.save(end, { basePath: dir, policy: "end" });
    await until("the change arrived", async () => (await userFiles("policies"))["live.txt"] === "12");
    appendFileSync(live, "3");
    await run.finish();
    assert.deepEqual(await userFiles("policies"), { "live.txt": "123", "now.txt": "1", "end.txt": "1" });
    const puts = wire.requests.filter(({ method, path }) => method === "PUT" && path.endsWith(".txt"));
    assert.deepEqual(
      puts
        .map(({ path }) => path.split("/").at(-1))
        .filter((name) => name !== "requirements.txt")
        .sort(),
      ["end.txt", "live.txt", "live.txt", "live.txt", "now.txt"],
    );
    const told = toldFiles(wire);
    assert.deepEqual([...new Set(told)].filter((name) => /^(live|now|end)/.test(name)).sort(), [
      "end.txt",
      "live.txt",
      "now.txt",
    ]);
    assert.ok(told.includes("config.yaml") && told.includes("wandb-metadata.json"), told.join());
  } finally {
    wire.close();
  }
});

test("a saved file waits for a server that is away, and one it refuses costs only itself", async () => {
  const big = write("big.bin", "b".repeat(3_000_000));
  const gone = write("gone.txt", "gone");
  const door = await witnessWire(server, (request) =>
    request.method === "PUT" && request.path.endsWith("/refused.txt") ? { status: 413 } : undefined,
  );
  try {
    const run = await start({ id: "patient", baseUrl: door.url });
    run.save(write("refused.txt", "too much"), { basePath: dir });
    run.save(gone, { basePath: dir, policy: "end" });
    rmSync(gone);
    await server.crashAndRestart();
    run.save(big, { basePath: dir });
    run.log({ loss: 1 });
    await run.finish();
    const { "big.bin": arrived = "", ...others } = await userFiles("patient");
    assert.equal(arrived.length, 3_000_000);
    assert.deepEqual(others, {});
    assert.equal((await readRun(server, "patient")).state, "finished");
    const story = readFileSync(join(run.dir, "../logs/debug.log"), "utf8");
    assert.match(story, /refused\.txt did not get to the server \(413 .*`steelyard sync .*` sends it again/);
  } finally {
    door.close();
  }
});

test("WANDB_SYMLINK: false links saved files hard, and what cannot be linked is a copy that is not followed", async () => {
  const source = write("weights.txt", "w");
  await withVariables({ WANDB_SYMLINK: "false" }, async () => {
    const run = await start({ id: "hard" });
    run.save(source, { basePath: dir });
    const placed = join(run.dir, "weights.txt");
    assert.ok(!lstatSync(placed).isSymbolicLink());
    assert.equal(statSync(placed).ino, statSync(source).ino);
    assert.ok(!existsSync(join(dir, "wandb", "latest-run")));
    await run.finish();
  });
  // Another file system cannot be linked to.
  const elsewhere = mkdtempSync("/dev/shm/steelyard-");
  try {
    writeFileSync(join(elsewhere, "far.txt"), "far");
    try {
      linkSync(join(elsewhere, "far.txt"), join(dir, "probe"));
      return;
    } catch {
      // As it must be for what follows.
    }
    await withVariables({ WANDB_SYMLINK: "false" }, async () => {
      const run = await start({ id: "copied" });
      run.save(join(elsewhere, "far.txt"), { basePath: elsewhere });
      appendFileSync(join(elsewhere, "far.txt"), " and changed");
      await run.finish();
      assert.deepEqual(loggedFiles("copied"), { "far.txt": "now" });
      assert.equal((await userFiles("copied"))["far.txt"], "far");
      assert.match(
        readFileSync(join(run.dir, "../logs/debug.log"), "utf8"),
        /1 saved file is a copy: .*later changes are not uploaded/,
      );
    });
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test("a saved file named as one of the run's own is not written into", async () => {
  const config = write("config.yaml", "mine\n");
  const output = write("output.log", "mine too\n");
  const run = await start({ id: "ownnames", config: { lr: 1 }, console: true });
  run.save(config, { basePath: dir });
  run.save(output, { basePath: dir });
  process.stdout.write("");
  run.writeLogs("a line");
  await run.finish();
  assert.equal(readFileSync(config, "utf8"), "mine\n");
  assert.equal(readFileSync(output, "utf8"), "mine too\n");
  assert.match(readFileSync(join(run.dir, "config.yaml"), "utf8"), /"lr":/);
});

test("WANDB_IGNORE_GLOBS: what matches stays on the disk, the run's own files among it, also when the log is synced", async () => {
  const globs = "output.log, *.yaml,wandb-summary.json, media/**, secret/[a-c]?.txt";
  const files = ["secret/a1.txt", "secret/d1.txt", "secret/deep/a1.txt", "media/x/y.png", "kept.txt"];
  for (const name of files) write(name, name);
  const kept = ["kept.txt", "secret/d1.txt", "secret/deep/a1.txt"];
  await withVariables({ WANDB_IGNORE_GLOBS: globs }, async () => {
    const run = await start({ id: "ignoring" });
    run.writeLogs("printed");
    for (const name of files) run.save(join(dir, name), { basePath: dir });
    await run.finish();
    for (const name of [...files, "output.log", "config.yaml", "wandb-summary.json"])
      assert.ok(existsSync(join(run.dir, name)), name);
    assert.deepEqual(Object.keys(await userFiles("ignoring")).sort(), kept);
    assert.ok(!("config.yaml" in (await filesOf(server, "ignoring"))));
    assert.ok("wandb-metadata.json" in (await filesOf(server, "ignoring")));
  });
  const run = await start({ id: "ignoring-later", mode: "offline" });
  run.writeLogs("printed");
  for (const name of files) run.save(join(dir, name), { basePath: dir });
  await run.finish();
  const synced = await runCommand(process.execPath, [MAIN, "sync", dirname(run.dir)], {
    cwd: dir,
    environment: {
      HOME: dir,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      WANDB_IGNORE_GLOBS: globs,
    },
  });
  assert.equal(synced.status, 0, synced.err);
  assert.deepEqual(Object.keys(await userFiles("ignoring-later")).sort(), kept);
  await assert.rejects(
    withVariables({ WANDB_IGNORE_GLOBS: "a,[b" }, () => start()),
    /WANDB_IGNORE_GLOBS is "a,\[b"; allowed: patterns with every \[ closed by \]/,
  );
});

test("the console is in output.log as a terminal shows it, and at the server when the run ended", async () => {
  const script = write(
    "prints.mjs",
    `import { init } from ${JSON.stringify(import.meta.resolve("steelyard"))};
const run = await init({ id: "printing", project: ${JSON.stringify(PROJECT)} });
console.log("one");
for (const share of [10, 50, 100]) process.stdout.write("\\r" + share + "%");
process.stdout.write("\\n");
console.error("\\x1b[31mred\\x1b[0m");
process.stdout.write("no end of line");
run.writeLogs("from a logger");
await run.finish();`,
  );
  const ran = await runCommand(process.execPath, [script], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, WANDB_QUIET: "true" },
  });
  assert.equal(ran.status, 0, ran.err);
  const text = (await filesOf(server, "printing"))["output.log"];
  assert.equal(text, "one\n100%\n\x1b[31mred\x1b[0m\nno end of line\nfrom a logger\n");
  const path = logsOf(dir, "printing")[0] ?? "";
  assert.equal(readFileSync(join(dirname(path), "files/output.log"), "utf8"), text);
});

test("WANDB_CONSOLE_MULTIPART, WANDB_CONSOLE_CHUNK_MAX_BYTES, WANDB_CONSOLE_CHUNK_MAX_SECONDS: the console in parts of that size, each uploaded when it is full", async () => {
  await withVariables({ WANDB_CONSOLE_MULTIPART: "true", WANDB_CONSOLE_CHUNK_MAX_BYTES: "100" }, async () => {
    const run = await start({ id: "parts" });
    const lines = Array.from({ length: 30 }, (_, at) => `line ${String(at).padStart(4, "0")}`);
    run.writeLogs(lines.join("\n"));
    await run.finish();
    const parts = Object.entries(await userFiles("parts")).sort(([a], [b]) => a.localeCompare(b));
    assert.deepEqual(
      parts.map(([, text]) => text.split("\n").length - 1),
      [10, 10, 10],
    );
    assert.equal(parts.map(([, text]) => text).join(""), `${lines.join("\n")}\n`);
    for (const [name] of parts) assert.match(name, /^logs\/output_\d{8}_\d{6}_\d{9}\.log$/);
  });
  await withVariables({ WANDB_CONSOLE_MULTIPART: "true", WANDB_CONSOLE_CHUNK_MAX_SECONDS: "1" }, async () => {
    const run = await start({ id: "timed" });
    run.writeLogs("early");
    await until("the first part is written", async () => {
      run.writeLogs("again");
      return Object.keys(await userFiles("timed")).length > 0;
    });
    await run.finish();
    const parts = await userFiles("timed");
    assert.ok(Object.keys(parts).length > 1, Object.keys(parts).join());
    assert.match(Object.values(parts).join(""), /^early\n(again\n)+$/);
  });
});
