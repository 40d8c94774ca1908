import assert from "node:assert/strict";
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import { exitRecord, headerRecord, ProtoWriter, runRecord } from "@steelyard/protocol/records";
import { init } from "steelyard";
import { runCommand } from "./command.ts";
import { newestClient, runScript } from "./python.ts";
import { logsOf, PROJECT } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";
import { readArtifact, versionsOf } from "./synced-run.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let server: RunningServer;
let dir: string;
/** WANDB_DATA_DIR. */
let data: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-sync-artifacts-"));
  data = join(dir, "data");
  process.env.WANDB_DATA_DIR = data;
});
after(async () => {
  delete process.env.WANDB_DATA_DIR;
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const sync = (...args: string[]) =>
  runCommand(process.execPath, [MAIN, "sync", ...args], {
    cwd: dir,
    environment: {
      HOME: dir,
      WANDB_DATA_DIR: data,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
    },
  });
const copies = () => globSync("artifacts/staging/**/*.*", { cwd: data });

async function offlineCode(id: string): Promise<string> {
  const code = join(dir, "code");
  mkdirSync(code, { recursive: true });
  writeFileSync(join(code, "train.ts"), `export const id = ${JSON.stringify(id)};\n`);
  const run = await init({ id, mode: "offline", dir, project: PROJECT, console: false, silent: true });
  await run.logCode(code, { name: `code-${id}` });
  await run.finish();
  return dirname(logsOf(dir, id)[0] ?? "");
}

test("copies that waited for the sync of their log go with it, and those that another log needs stay", async () => {
  const one = await offlineCode("copied");
  const waiting = await offlineCode("waiting");
  const other = one.replace(/-copied$/, "-again");
  cpSync(one, other, { recursive: true });
  const owned = copies().length;
  assert.equal(owned, 2);

  const kept = await sync(one, "--no-mark-synced");
  assert.equal(kept.status, 0, kept.err);
  assert.equal(copies().length, owned);
  const needed = await sync(one);
  assert.equal(needed.status, 0, needed.err);
  assert.equal(copies().length, owned, "the log beside it needs them");

  const last = await sync(other, "--id", "copied-again");
  assert.equal(last.status, 0, last.err);
  assert.equal(copies().length, 1);
  // Of the artifact nothing is left, not even its folder.
  assert.equal(readdirSync(join(data, "artifacts/staging")).length, 1);
  const sent = await sync(waiting);
  assert.equal(sent.status, 0, sent.err);
  assert.deepEqual(readdirSync(join(data, "artifacts/staging")), []);
  for (const id of ["copied", "waiting"]) {
    const { contents } = await readArtifact(server, PROJECT, `code-${id}:v0`);
    assert.deepEqual(contents, { "train.ts": `export const id = ${JSON.stringify(id)};\n` });
  }
  // What the server has needs no copy.
  const again = await sync(one, "--include-synced");
  assert.equal(again.status, 0, again.err);
  assert.deepEqual(await versionsOf(server, PROJECT, "code-copied"), ["v0"]);
});

test("the official client's copies go too, and the files they were made of stay", {
  skip: !newestClient && "no official client is installed",
}, async () => {
  const made = await runScript(newestClient ?? "", "offline_run.py", server, {
    args: ["python-copies"],
    env: { WANDB_DIR: dir, WANDB_DATA_DIR: data },
  });
  assert.equal(made.code, 0, made.stderr);
  assert.ok(readdirSync(join(data, "artifacts/staging")).length > 4);
  const sent = await sync(dirname(logsOf(dir, "python-copies")[0] ?? ""));
  assert.equal(sent.status, 0, sent.err);
  // One more of the table, which no artifact in the log names: not ours to judge.
  assert.ok(readdirSync(join(data, "artifacts/staging")).length <= 1);
  assert.deepEqual(
    (await readArtifact(server, "offline", "set-python-copies:v1")).contents["data.txt"],
    "data of version 1",
  );
});

test("what a run was told to use is an input of the run that its log becomes; an id of another server is not", async () => {
  const folder = await offlineCode("input");
  assert.equal((await sync(folder)).status, 0);
  const { project } = await server.query<{ project: { artifact: { id: string } } }>(
    `query($p: String!) { project(name: $p, entityName: "admin") { artifact(name: "code-input:v0") { id } } }`,
    { p: PROJECT },
  );
  const use = (id: string, name: string) =>
    new ProtoWriter()
      .message(25, new ProtoWriter().string(1, id).string(2, "code").string(3, name).take())
      .take();
  const run = {
    ...{ runId: "user", entity: "", project: PROJECT, config: [], group: "", jobType: "", displayName: "" },
    ...{ notes: "", tags: [], host: "", sweepId: "", startTimeMs: Date.now() },
  };
  const log = join(dir, "wandb", "offline-run-20260101_000000-user", "run-user.wandb");
  mkdirSync(dirname(log));
  const writer = new RecordLogWriter();
  for (const record of [
    headerRecord(1, "test"),
    runRecord(2, run),
    use(project.artifact.id, "code-input:v0"),
    use(project.artifact.id, "code-input:v0"),
    use(`${project.artifact.id.slice(0, -4)}AAAA`, "elsewhere:v3"),
    exitRecord(6, 0, 1),
  ])
    writer.append(record);
  writeFileSync(log, writer.take());
  const sent = await sync(dirname(log), "--json");
  assert.equal(sent.status, 0, sent.err);
  const [{ losses = [] } = {}] = JSON.parse(sent.out) as { losses: string[] }[];
  assert.match(losses.join("\n"), /^(that )?the run used the artifact elsewhere:v3 \(code\)[^\n]*$/);
  const found = await server.query<{
    project: { run: { inputArtifacts: { edges: { node: { id: string } }[] } } };
  }>(
    `query($p: String!) { project(name: $p, entityName: "admin") { run(name: "user") { inputArtifacts { edges { node { id } } } } } }`,
    { p: PROJECT },
  );
  assert.deepEqual(
    found.project.run.inputArtifacts.edges.map(({ node }) => node.id),
    [project.artifact.id],
  );
});
