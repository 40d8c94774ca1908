import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type InitOptions, init } from "steelyard";
import { exitOf, PATIENT, PROJECT, startScript, until } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What a run leaves on the disk of the machine it ran on. */
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
});
after(() => server.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "steelyard-sdk-folder-"));
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
    ...options,
  });

const inRoot = (...parts: string[]) => join(dir, "wandb", ...parts);
const foldersOf = (id: string) =>
  readdirSync(inRoot()).filter((name) => /^(offline-)?run-/.test(name) && name.includes(id));

async function withVariables<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

/** Messages of `debug-internal.log` with their facts. */
const internals = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map(
      (line) => JSON.parse(line) as { time: string; level: string; msg: string } & Record<string, unknown>,
    );

test("debug.log tells the whole story, silent or not, and no secret", async () => {
  const run = await start({ id: "story", config: { lr: 0.5 } });
  run.defineMetric("loss", { summary: "min" });
  run.log({ loss: 1 });
  run.log({ loss: 1 }, { step: 5 });
  run.log({ loss: 2 }, { step: 3 });
  await server.crashAndRestart();
  run.log({ loss: 3 });
  await run.finish(2);
  run.log({ late: 1 });
  const [folder = ""] = foldersOf("story");
  assert.match(folder, /^run-\d{8}_\d{6}-story$/);
  assert.deepEqual(
    [
      readlinkSync(inRoot("latest-run")),
      readlinkSync(inRoot("debug.log")),
      readlinkSync(inRoot("debug-internal.log")),
    ],
    [folder, `${folder}/logs/debug.log`, `${folder}/logs/debug-internal.log`],
  );
  assert.equal(readlinkSync(join(dir, "debug.log")), "wandb/debug.log");
  const text = readFileSync(join(dir, "debug.log"), "utf8");
  for (const line of text.trimEnd().split("\n"))
    assert.match(
      line,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR) +MainThread:\d+ \[\w+\] ./,
    );
  for (const part of [
    "Current SDK version is",
    "Logging user logs to",
    'init called with config: {"lr": 0.5}',
    `opening the run at ${server.url}`,
    `run admin/${PROJECT}/story started, returning control`,
    'defineMetric {"name":"loss"',
    `View run`,
    "a row for step 3 was not recorded",
    "finishing run story with exit code 2",
    "the server has everything",
    "run story is finished",
  ])
    assert.ok(text.includes(part), `${part} is not in\n${text}`);
  const told = internals(inRoot("debug-internal.log"));
  const messages = told.map(({ msg }) => msg);
  for (const message of ["using version", "the run is open", "finishing", "the log is closed"])
    assert.ok(messages.includes(message), `${message} is not in ${messages.join(", ")}`);
  const end = told.find(({ msg }) => msg === "the server has everything");
  assert.deepEqual([end?.exitCode, end?.historyLines], [2, 2]);
  for (const name of readdirSync(inRoot(folder), { recursive: true, withFileTypes: true })) {
    if (name.isFile())
      assert.ok(!readFileSync(join(name.parentPath, name.name), "latin1").includes(server.apiKey), name.name);
  }
});

test("WANDB_X_EXTRA_HTTP_HEADERS, WANDB_HTTP_PROXY, WANDB_HTTPS_PROXY, WANDB_GIT_REMOTE_URL: what is secret in them stays out of every file", async () => {
  const login = "somebody:hush-hush@";
  const secrets: Record<string, string> = {
    WANDB_X_EXTRA_HTTP_HEADERS: '{"x-token": "hush-hush"}',
    WANDB_HTTP_PROXY: `http://${login}proxy.example:3128`,
    WANDB_HTTPS_PROXY: `http://${login}proxy.example:3128`,
    WANDB_GIT_REMOTE_URL: `https://${login}git.example/r.git`,
  };
  const run = await withVariables(secrets, () => start({ id: "hush", mode: "offline" }));
  await run.finish();
  const [folder = ""] = foldersOf("hush");
  assert.match(
    readFileSync(inRoot(folder, "logs", "debug.log"), "utf8"),
    /"httpProxy":"http:\/\/proxy\.example:3128"/,
  );
  for (const { name, parentPath } of readdirSync(inRoot(folder), {
    recursive: true,
    withFileTypes: true,
  }).filter((entry) => entry.isFile()))
    assert.ok(!readFileSync(join(parentPath, name), "latin1").includes("hush-hush"), name);
});

test("WANDB_GIT_ROOT, WANDB_GIT_REMOTE, WANDB_GIT_REMOTE_URL, WANDB_GIT_COMMIT: what is recorded of the repository", async () => {
  const repository = join(dir, "repository");
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" }).trim();
  mkdirSync(repository);
  git("init", "-q", "-b", "work/lr");
  git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty", "-m", "first");
  git("remote", "add", "fork", "ssh://me:hush@git.example/fork.git");
  const recorded = async (id: string, variables: Record<string, string>) => {
    const run = await withVariables(variables, () => start({ id, mode: "offline" }));
    await run.finish();
    const { git: found } = JSON.parse(readFileSync(join(run.dir, "wandb-metadata.json"), "utf8"));
    return found as { remote: string; commit: string; branch?: string };
  };
  assert.deepEqual(
    await recorded("git-found", {
      WANDB_GIT_ROOT: repository,
      WANDB_GIT_REMOTE: "fork",
      // As in a hook of another repository.
      GIT_DIR: join(dir, "nowhere"),
    }),
    { remote: "ssh://me@git.example/fork.git", commit: git("rev-parse", "HEAD"), branch: "work/lr" },
  );
  git("checkout", "-q", "--detach");
  assert.deepEqual(await recorded("git-detached", { WANDB_GIT_ROOT: repository }), {
    remote: "",
    commit: git("rev-parse", "HEAD"),
  });
  assert.deepEqual(
    await recorded("git-given", {
      WANDB_GIT_REMOTE_URL: "https://token@git.example/r.git",
      WANDB_GIT_COMMIT: "0123456789abcdef0123456789abcdef01234567",
    }),
    { remote: "https://git.example/r.git", commit: "0123456789abcdef0123456789abcdef01234567" },
  );
});

test("WANDB_X_DISABLE_META, WANDB_X_SAVE_REQUIREMENTS, WANDB_X_DISABLE_STATS: what they leave out", async () => {
  const run = await withVariables(
    { WANDB_X_DISABLE_META: "true", WANDB_X_SAVE_REQUIREMENTS: "false", WANDB_X_DISABLE_STATS: "true" },
    () => start({ id: "little", saveCode: false }),
  );
  run.log({ x: 1 });
  await run.finish();
  assert.deepEqual(readdirSync(run.dir).sort(), ["config.yaml", "wandb-summary.json"]);
  const { project } = await server.query<{
    project: { run: { eventsLineCount: number; files: { edges: { node: { name: string } }[] } } };
  }>(
    `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "little") { eventsLineCount files { edges { node { name } } } } } }`,
  );
  assert.equal(project.run.eventsLineCount, 0);
  assert.deepEqual(project.run.files.edges.map(({ node }) => node.name).sort(), [
    "config.yaml",
    "wandb-summary.json",
  ]);
});

test("WANDB_X_STATS_SAMPLING_INTERVAL, WANDB_X_STATS_CPU_COUNT, WANDB_X_STATS_CPU_LOGICAL_COUNT, WANDB_X_STATS_GPU_COUNT, WANDB_X_STATS_GPU_TYPE, WANDB_DOCKER: what is said of the machine", async () => {
  const run = await withVariables(
    {
      WANDB_X_STATS_SAMPLING_INTERVAL: "0.1",
      WANDB_X_STATS_CPU_COUNT: "3",
      WANDB_X_STATS_CPU_LOGICAL_COUNT: "6",
      WANDB_X_STATS_GPU_COUNT: "2",
      WANDB_X_STATS_GPU_TYPE: "A100",
      WANDB_DOCKER: "image@sha256:1",
    },
    () => start({ id: "machine" }),
  );
  const events = async () => {
    const { project } = await server.query<{ project: { run: { eventsLineCount: number } } }>(
      `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "machine") { eventsLineCount } } }`,
    );
    return project.run.eventsLineCount;
  };
  // All 15 seconds, as it is by itself, they would take a minute, and more.
  await until("there are eight samples", async () => (await events()) >= 8);
  await run.finish();
  const metadata = JSON.parse(readFileSync(join(run.dir, "wandb-metadata.json"), "utf8"));
  assert.deepEqual(
    [metadata.cpu_count, metadata.cpu_count_logical, metadata.gpu_count, metadata.gpu, metadata.docker],
    [3, 6, 2, "A100", "image@sha256:1"],
  );
});

test("what fails is in the story too: no answer, a refusal, an error of the program", async () => {
  await assert.rejects(
    start({ id: "nobody", baseUrl: "http://127.0.0.1:9", initTimeoutMs: 300 }),
    /did not answer/,
  );
  assert.match(
    readFileSync(inRoot("debug.log"), "utf8"),
    /ERROR .*the server at http:\/\/127\.0\.0\.1:9 did not answer/,
  );
  assert.match(readFileSync(inRoot("debug.log"), "utf8"), /WARNING .*no answer \(E\w+\), trying again/);
  await assert.rejects(start({ id: "refused", resume: "must" }), /there is no run refused/);
  assert.match(readFileSync(inRoot("debug.log"), "utf8"), /ERROR .*there is no run refused/);
  assert.equal(
    await exitOf(
      startScript(server, dir, "thrown", "run.log({ x: 1 }); throw new Error('mine')", {
        environment: PATIENT,
      }),
    ),
    1,
  );
  assert.match(
    readFileSync(inRoot("debug.log"), "utf8"),
    /got exitcode: 1; the process is leaving[\s\S]*the run's thread is done/,
  );
});

test("links: none when not wanted, and a file of somebody else stays", async () => {
  writeFileSync(join(dir, "debug.log"), "mine");
  await (await start({ mode: "offline", id: "one" })).finish();
  assert.equal(readFileSync(join(dir, "debug.log"), "utf8"), "mine");
  assert.equal(basename(readlinkSync(inRoot("latest-run"))), foldersOf("one")[0]);
  const unlinked = await withVariables({ WANDB_SYMLINK: "false" }, () =>
    start({ mode: "offline", id: "two" }),
  );
  await unlinked.finish();
  assert.equal(basename(readlinkSync(inRoot("latest-run"))), foldersOf("one")[0]);
});

test("folders: .wandb where it is, a number for a second start in the same second, letters of every script", async () => {
  mkdirSync(join(dir, ".wandb"));
  // From outside the id is made fit; from code it would be refused.
  const runs = await withVariables({ WANDB_RUN_ID: "한글 run/1" }, () =>
    Promise.all([1, 2, 3].map(() => start({ mode: "offline" }))),
  );
  await assert.rejects(start({ mode: "offline", id: "한글 run/1" }), /init\(\{ id \}\) is .*an id without/);
  await Promise.all(runs.map((run) => run.finish()));
  assert.equal(existsSync(inRoot()), false);
  const folders = readdirSync(join(dir, ".wandb")).filter((name) => name.startsWith("offline-run-"));
  assert.equal(folders.length, 3);
  for (const name of folders) {
    assert.match(name, /^offline-run-\d{8}_\d{6}-한글-run-1(-\d)?$/);
    assert.ok(lstatSync(join(dir, ".wandb", name, "run-한글-run-1.wandb")).isFile());
  }
});
