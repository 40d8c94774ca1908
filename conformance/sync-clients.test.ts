import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { init } from "steelyard";
import { runCommand } from "./command.ts";
import { type LogResult, writeLogResults } from "./compatibility.ts";
import { clientVersions, hasLogReader, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";
import {
  configOf,
  contentAt,
  fileUrls,
  readArtifact,
  readSyncedRun,
  rowsOf,
  type SyncedRun,
  valuesOf,
  versionsOf,
} from "./synced-run.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
const PROJECT = "offline";
const ROWS = 300;

/** Rows of `docs/compatibility.md`. */
const DIRECTIONS = {
  theirs: "the client's log, sent by `steelyard sync`",
  read: "the SDK's log, read by the client's reader",
  ours: "the SDK's log, sent by the client's `sync`",
} as const;

/** What `scripts/offline_run.py` says of its run. */
interface OfflineRun {
  log: string;
  rows: Record<string, unknown>[];
  /** SHA-256 of the run's files. */
  files: Record<string, string>;
  /** Contents of files by artifact. */
  artifacts: Record<string, Record<string, string>>;
}

/** Logs of each release and of the SDK, brought to a server by the other's `sync`, everything compared by content. */
suite("logs both ways", {
  concurrency: 3,
  skip: clientVersions.length === 0 && "no official client is installed",
}, () => {
  let server: RunningServer;
  let dir: string;
  /** Of the SDK's run. */
  let own: string;
  const results: LogResult[] = [];
  before(async () => {
    server = await startServer();
    dir = mkdtempSync(join(tmpdir(), "steelyard-sync-clients-"));
    own = await ownLog(dir);
  });
  after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
    writeLogResults(Object.values(DIRECTIONS), results);
  });

  const steelyard = (...args: string[]) =>
    runCommand(process.execPath, [MAIN, ...args], {
      cwd: dir,
      environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
    });
  const sync = (...args: string[]) => steelyard("sync", ...args);

  async function noted(
    version: string,
    direction: keyof typeof DIRECTIONS,
    run: () => Promise<string | undefined>,
  ) {
    let result = "differs";
    try {
      result = (await run()) ?? "works";
    } finally {
      results.push({ version, direction: DIRECTIONS[direction], result });
    }
  }

  for (const version of clientVersions) {
    test(`a log of the official client ${version} is sent whole`, () =>
      noted(version, "theirs", () => theirs(version)));
    test(`a log of the SDK is read by the official client ${version}`, () =>
      noted(version, "read", () => readByClient(version)));
    test(`a log of the SDK is sent whole by the official client ${version}`, () =>
      noted(version, "ours", () => ours(version)));
  }

  async function theirs(version: string): Promise<undefined> {
    const id = `py-${version.replaceAll(".", "-")}`;
    const place = join(dir, id);
    mkdirSync(place);
    const { stdout, stderr, code } = await runScript(version, "offline_run.py", server, {
      args: [id],
      // What its artifacts are made of waits there for a sync.
      env: { WANDB_DIR: place, WANDB_DATA_DIR: join(place, "data") },
    });
    const result = /^RESULT (.*)$/m.exec(stdout)?.[1];
    assert.ok(result, `${code}: ${stderr.slice(-2000)}`);
    const logged = parseExtendedJson(result) as OfflineRun;
    const { log, rows } = logged;

    const sent = await sync(log);
    assert.equal(sent.status, 0, sent.err);
    assert.match(sent.err, /Finished syncing .*: 201 rows/);
    assert.doesNotMatch(sent.err, /WARNING/);
    const run = await readSyncedRun(server, PROJECT, id);
    const media = rowsOf(run).at(-1) ?? {};
    assert.deepEqual(rowsOf(run).slice(0, -1).map(valuesOf), rows);
    await assertFiles(run, logged, media);
    for (const [name, files] of Object.entries(logged.artifacts)) {
      const { aliases, contents } = await readArtifact(server, PROJECT, name);
      assert.deepEqual(contents, files, name);
      if (name.startsWith("set-")) assert.ok(aliases.includes(`round-${name.at(-1)}`), `${aliases}`);
    }
    const { contents } = await readArtifact(server, PROJECT, `run-${id}-table:v0`);
    assert.deepEqual((JSON.parse(contents["table.table.json"] ?? "") as { data: unknown }).data, [
      [1, "x"],
      [2.5, "한글"],
      [null, "z"],
    ]);
    assert.deepEqual(configOf(run), {
      lr: 0.1,
      nested: { a: [1, { b: null }] },
      text: "한글",
      late: true,
    });
    assert.deepEqual(
      [run.displayName, run.notes, run.group, run.jobType, run.tags],
      ["named", "noted", "g", "train", ["one", "two"]],
    );
    const summary = parseExtendedJson(run.summaryMetrics) as Record<string, unknown>;
    assert.equal(summary.loss, 1 / 202);
    assert.deepEqual(summary.acc, { max: Math.max(...rows.map(({ acc }) => acc as number)) });
    assert.deepEqual(summary.best, { value: 3 });
    assert.deepEqual(summary.deep, { a: 199, b: { c: "199" } });
    assert.equal(run.state, "failed");
    assert.ok(run.logLineCount >= 2);
    const files = run.files.edges.map(({ node }) => node.name);
    for (const name of ["own.txt", "config.yaml", "wandb-summary.json"])
      assert.ok(files.includes(name), `${name} of ${files}`);

    assert.ok(existsSync(`${log}.synced`));
    // That sending again changes nothing does not depend on who wrote the log: the oldest and the newest will do.
    if (version !== clientVersions[0] && version !== clientVersions.at(-1)) return undefined;
    assert.match((await sync(dirname(log))).err, /Skipped 1 synced run\(s\)/);
    assert.equal((await sync("--include-synced", log)).status, 0);
    const again = await readSyncedRun(server, PROJECT, id);
    assert.deepEqual(await versionsOf(server, PROJECT, `set-${id}`), ["v0", "v1"]);
    const verified = await steelyard("run", "verify", log);
    assert.equal(verified.status, 0, verified.out);
    assert.equal(again.historyLineCount, 201);
    assert.equal(again.logLineCount, run.logLineCount);
    assert.deepEqual(again.history, run.history);
    return undefined;
  }

  /** Every file that the client left, what its values name among them, by content. */
  async function assertFiles(run: SyncedRun, { files }: OfflineRun, media: Record<string, unknown>) {
    const urls = fileUrls(run);
    for (const key of ["table", "page", "shape", "clip", "molecule"])
      assert.ok(urls.has((media[key] as { path: string }).path), `${key} of ${[...urls.keys()]}`);
    for (const [name, digest] of Object.entries(files)) {
      // A sync writes its own.
      if (/^(config.yaml|wandb-summary.json|wandb-metadata.json|output.log)$/.test(name)) continue;
      const url = urls.get(name);
      assert.ok(url, `${name} of ${[...urls.keys()]}`);
      const content = await contentAt(url);
      assert.equal(createHash("sha256").update(content).digest("hex"), digest, name);
    }
  }

  async function readByClient(version: string): Promise<string | undefined> {
    // Later releases have none in Python.
    if (!hasLogReader(version)) return "–";
    const { stdout, stderr } = await runScript(version, "read_log.py", server, { args: [own] });
    assert.notEqual(stdout, "", stderr);
    const read = JSON.parse(stdout) as {
      rows: [number, Record<string, string>][];
      code: number;
      run: unknown[];
    };
    assert.equal(read.rows.length, ROWS);
    for (const [at, [step, row]] of read.rows.entries()) {
      assert.equal(step, at);
      assert.deepEqual([row.x, row.odd], [String(at / 3), at % 7 === 0 ? "NaN" : String(at)]);
    }
    assert.equal(read.code, 0);
    return undefined;
  }

  async function ours(version: string): Promise<undefined> {
    const id = `own-${version.replaceAll(".", "-")}`;
    const folder = join(dir, id, basename(dirname(own)));
    cpSync(dirname(own), folder, { recursive: true });
    const { stdout, stderr, code } = await runScript(version, "sync_log.py", server, {
      args: ["--id", id, folder],
    });
    assert.equal(code, 0, stderr + stdout);
    const run = await readSyncedRun(server, PROJECT, id);
    assert.ok(run, stderr + stdout);
    assert.deepEqual(
      rowsOf(run).map(valuesOf),
      Array.from({ length: ROWS }, (_, step) => rowAt(step)),
    );
    assert.deepEqual(configOf(run), { lr: 0.1, deep: { a: [1, "한글"] } });
    assert.deepEqual([run.notes, run.group, run.tags, run.state], ["noted", "g", ["one"], "finished"]);
    const summary = parseExtendedJson(run.summaryMetrics) as Record<string, unknown>;
    assert.deepEqual([summary.x, summary.best], [(ROWS - 1) / 3, { value: 3 }]);
    const url = fileUrls(run).get("notes.txt");
    assert.ok(url, `${[...fileUrls(run).keys()]}`);
    assert.equal((await contentAt(url)).toString(), "saved");
    return undefined;
  }
});

const rowAt = (step: number) => ({
  x: step / 3,
  odd: step % 7 === 0 ? Number.NaN : step,
  inner: { text: `row ${step}` },
});

/** Path of the log of an offline run of the SDK. */
async function ownLog(dir: string): Promise<string> {
  const place = join(dir, "own");
  mkdirSync(place);
  const run = await init({
    id: "own",
    mode: "offline",
    dir: place,
    project: PROJECT,
    silent: true,
    console: false,
    config: { lr: 0.1, deep: { a: [1, "한글"] } },
    tags: ["one"],
    notes: "noted",
    group: "g",
  });
  for (let step = 0; step < ROWS; step++) run.log(rowAt(step));
  run.summary.update({ best: { value: 3 } });
  writeFileSync(join(place, "notes.txt"), "saved");
  run.save(join(place, "notes.txt"), { basePath: place });
  await run.finish(0);
  return join(dirname(run.dir), "run-own.wandb");
}
