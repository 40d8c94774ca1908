import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What each variable does to a run, as the server and the terminal see it. */
let server: RunningServer;
let folder: string;
const scripts = join(import.meta.dirname, "..", "node_modules", ".sdk-test");
const MAIN = join(import.meta.dirname, "../packages/cli/src/main.ts");
before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "steelyard-variables-"));
  mkdirSync(scripts, { recursive: true });
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

let number = 0;

/** A program in a folder of its own; `environment` is all it has, beside the way to the server. */
async function program(
  environment: Record<string, string>,
  {
    init = "",
    body = "",
    cwd,
    settings,
    own = false,
  }: {
    init?: string;
    body?: string;
    cwd?: string;
    settings?: string;
    /** The id is found by the SDK. */
    own?: boolean;
  } = {},
) {
  const id = `v${number++}`;
  const dir = cwd ?? join(folder, id);
  mkdirSync(dir, { recursive: true });
  if (settings) {
    mkdirSync(join(dir, "wandb"));
    writeFileSync(join(dir, "wandb/settings"), settings);
  }
  const script = join(scripts, `variables-${id}.mjs`);
  writeFileSync(
    script,
    `import * as steelyard from "steelyard";
const run = await steelyard.init({ ${own ? "" : `id: "${id}",`} ${init} });
run.log({ a: 1 });
${body}
await run.finish();
console.log(JSON.stringify({ entity: run.entity, project: run.project, url: run.url }));\n`,
  );
  const { status, out, err } = await runCommand(process.execPath, [script], {
    cwd: dir,
    environment: {
      HOME: folder,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      ...environment,
    },
  });
  rmSync(script);
  const said = (status === 0 ? JSON.parse(out) : {}) as { entity: string; project: string; url: string };
  return { id, dir, status, err, ...said };
}

/** What the page of a run has. */
async function pageOf({ id, entity, project }: { id: string; entity: string; project: string }) {
  const answer = await server.query<{ project: { run: Record<string, unknown> } }>(
    `query ($entity: String, $project: String, $id: String!) { project(entityName: $entity, name: $project) { run(name: $id) {
      displayName notes tags group jobType host state } } }`,
    { entity, project, id },
  );
  return answer.project.run;
}

const THE_RUN = {
  WANDB_NAME: "My first run",
  WANDB_NOTES: "Smaller learning rate,\n**more** regularization.",
  WANDB_TAGS: " base , quick,,base",
  WANDB_RUN_GROUP: "ablation",
  WANDB_JOB_TYPE: "evaluation",
  WANDB_HOST: "the big one",
};

test("WANDB_NAME, WANDB_NOTES, WANDB_TAGS, WANDB_RUN_GROUP, WANDB_JOB_TYPE, WANDB_HOST: what the run's page has", async () => {
  const [named, plain, given] = await Promise.all([
    program({ ...THE_RUN, WANDB_PROJECT: "page" }),
    program({ WANDB_PROJECT: "page", WANDB_NAME: " ", WANDB_TAGS: "," }),
    program(
      { ...THE_RUN, WANDB_PROJECT: "page" },
      { init: 'name: "n", notes: "m", tags: ["t"], group: "g", jobType: "j"' },
    ),
  ]);
  assert.deepEqual(await pageOf(named), {
    displayName: "My first run",
    notes: "Smaller learning rate,\n**more** regularization.",
    tags: ["base", "quick"],
    group: "ablation",
    jobType: "evaluation",
    host: "the big one",
    state: "finished",
  });
  const { displayName, ...rest } = await pageOf(plain);
  assert.match(String(displayName), /^[a-z]+-[a-z]+-\d+$/);
  assert.deepEqual(rest, {
    notes: null,
    tags: [],
    group: null,
    jobType: null,
    host: hostname(),
    state: "finished",
  });
  assert.deepEqual(await pageOf(given), {
    displayName: "n",
    notes: "m",
    tags: ["t"],
    group: "g",
    jobType: "j",
    host: "the big one",
    state: "finished",
  });
  const long = await program({ WANDB_TAGS: `ok,${"x".repeat(65)}` });
  assert.notEqual(long.status, 0);
  assert.match(long.err, /WANDB_TAGS is .*allowed: tags of 1 to 64 characters; one has 65/);
});

test("WANDB_DESCRIPTION, WANDB_RUN_NAME: older words count, after today's; a typing error is told", async () => {
  const run = await program({
    WANDB_PROJECT: "page",
    WANDB_DESCRIPTION: "old",
    WANDB_NAME: "today",
    WANDB_RUN_NAME: "other",
    WANDB_GROUP: "g",
    WANDB_RUNID: "x",
    WANDB_SERVICE: "3-1-unix-/tmp/x",
  });
  const { notes, displayName, group } = await pageOf(run);
  assert.deepEqual([notes, displayName, group], ["old", "today", null]);
  const warnings = run.err.match(/WARNING .*/g);
  assert.deepEqual(warnings?.sort(), [
    "WARNING WANDB_GROUP means nothing; did you mean WANDB_RUN_GROUP?",
    "WARNING WANDB_RUNID means nothing; did you mean WANDB_RUN_ID?",
    "WARNING WANDB_RUN_NAME and WANDB_NAME differ; WANDB_NAME counts",
  ]);
});

test("WANDB_ENTITY, WANDB_PROJECT: where the run is; more than what `init` stored, less than the program", async () => {
  await server.fetch("/api/v1/admin/teams", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "lab", members: [{ username: "admin", role: "admin" }] }),
  });
  const settings = "[default]\nentity = admin\nproject = stored\n";
  const variables = { WANDB_ENTITY: "lab", WANDB_PROJECT: "a b.ü" };
  const [stored, variable, code, bad] = await Promise.all([
    program({}, { settings }),
    program(variables, { settings }),
    program(variables, { settings, init: 'entity: "admin", project: "code"' }),
    program({ WANDB_PROJECT: "a/b", WANDB_ENTITY: "x/y" }),
  ]);
  const place = ({ entity, project }: { entity: string; project: string }) => `${entity}/${project}`;
  assert.deepEqual([stored, variable, code].map(place), ["admin/stored", "lab/a b.ü", "admin/code"]);
  for (const run of [stored, variable, code]) assert.equal((await pageOf(run)).state, "finished");
  assert.match(stored.err, /Loading settings from .*wandb\/settings/);
  assert.match(bad.err, /WANDB_PROJECT is "a\/b"; allowed: a project name without/);
  assert.match(bad.err, /WANDB_ENTITY is "x\/y"/);

  const nobody = await program({ WANDB_MODE: "offline", WANDB_PROJECT: "sent" });
  const synced = await runCommand(process.execPath, [MAIN, "sync", "--json", join(nobody.dir, "wandb")], {
    cwd: folder,
    environment: {
      HOME: folder,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      WANDB_ENTITY: "lab",
    },
  });
  assert.deepEqual((JSON.parse(synced.out) as { entity: string; project: string }[]).map(place), [
    "lab/sent",
  ]);
});

test("WANDB_PROJECT, WANDB_DISABLE_GIT: with nothing said, the repository and the program's folder in it name the project", async () => {
  // The script's own folder is elsewhere: it is started from the repository by a link of its name.
  const repository = join(folder, "net: 50%");
  mkdirSync(repository);
  execFileSync("git", ["init", "-q", repository]);
  const project = async (environment: Record<string, string>) =>
    (await program(environment, { cwd: repository })).project;
  assert.deepEqual(
    await Promise.all([project({}), project({ WANDB_DISABLE_GIT: "true" }), project({ WANDB_PROJECT: "p" })]),
    ["net- 50-", "uncategorized", "p"],
  );
  const cli = await runCommand(process.execPath, [MAIN, "run", "ls", "--json"], {
    cwd: repository,
    environment: { HOME: folder, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });
  assert.equal(JSON.parse(cli.out).length, 1, cli.err);
  assert.equal((await program({})).project, "uncategorized");
});

test("WANDB_API_KEY, WANDB_BASE_URL: who says it, and to whom; without a key the run is not begun", async () => {
  const { host } = new URL(server.url);
  const home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(join(home, ".netrc"), `machine ${host} login user password ${server.apiKey}\n`, {
    mode: 0o600,
  });
  const [variable, netrc, none, foreign, short, nobody] = await Promise.all([
    program({ WANDB_API_KEY: `${server.apiKey}\n` }),
    program({ WANDB_API_KEY: "", HOME: home }),
    program({ WANDB_API_KEY: "" }),
    program({ WANDB_API_KEY: "x".repeat(40) }),
    program({ WANDB_API_KEY: "abc", HOME: home }),
    program({ WANDB_BASE_URL: "localhost:8080" }),
  ]);
  assert.match(variable.err, new RegExp(`Loaded credentials for ${host} from WANDB_API_KEY\\.`));
  assert.match(netrc.err, new RegExp(`Loaded credentials for ${host} from ${home}/.netrc\\.`));
  assert.match(variable.url, new RegExp(`^${server.url}/admin/`));
  assert.match(none.err, new RegExp(`no API key for ${server.url}: make one at ${server.url}/authorize`));
  assert.match(foreign.err, /API key/);
  assert.match(short.err, /WANDB_API_KEY invalid: API key must have 40\+ characters, has 3\./);
  assert.match(nobody.err, /WANDB_BASE_URL is "localhost:8080".*did you mean http:\/\/localhost:8080\?/);
  for (const { status } of [none, foreign, short, nobody]) assert.equal(status, 1);
  // The key is nobody else's business.
  for (const file of globSync(join(variable.dir, "wandb/**/*.*")).filter((path) => existsSync(path)))
    assert.ok(!readFileSync(file, "latin1").includes(server.apiKey), file);
});

test("WANDB_APP_URL: addresses that are printed are of the page, wherever the server is", async () => {
  const run = await program({ WANDB_PROJECT: "page", WANDB_APP_URL: "https://page.example/sub/" });
  assert.equal(run.url, `https://page.example/sub/admin/page/runs/${run.id}`);
  assert.match(run.err, /View project at https:\/\/page\.example\/sub\/admin\/page\n/);
  assert.equal((await pageOf(run)).state, "finished");
});

test("WANDB_CONFIG_DIR: the user's own settings file is there", async () => {
  const mine = join(folder, "mine");
  mkdirSync(mine);
  writeFileSync(join(mine, "settings"), "[default]\nproject = mine\nrun_notes = mine too\n");
  const run = await program({ WANDB_CONFIG_DIR: "~/mine" });
  assert.equal(run.project, "mine");
  assert.equal((await pageOf(run)).notes, "mine too");
  assert.match(run.err, new RegExp(`Loading settings from ${mine}/settings`));
});

test("WANDB_USE_DOT_WANDB: the folder of runs has a dot where it is asked for, or is there", async () => {
  const inDotted = async (environment: Record<string, string>, made = false) => {
    const cwd = join(folder, `dotted-${number}`);
    mkdirSync(made ? join(cwd, ".wandb") : cwd, { recursive: true });
    const { id } = await program({ WANDB_MODE: "offline", ...environment }, { cwd });
    return globSync(join(cwd, `.wandb/*-${id}/run-${id}.wandb`)).length === 1;
  };
  assert.deepEqual(
    await Promise.all([inDotted({}), inDotted({ WANDB_USE_DOT_WANDB: "true" }), inDotted({}, true)]),
    [false, true, true],
  );
});

test("WANDB_DATA_DIR: files of artifacts wait there for their upload, and beside the run where the default cannot be written", async () => {
  const body = `const { mkdirSync, writeFileSync } = await import("node:fs");
mkdirSync("source", { recursive: true });
writeFileSync("source/train.py", "print(1)");
await run.logCode("source");`;
  const offline = { WANDB_MODE: "offline" };
  const data = join(folder, "waiting");
  const staged = (where: string) => globSync(join(where, "artifacts/**/train.py")).length;
  const [given, none, blocked] = await Promise.all([
    program({ ...offline, WANDB_DATA_DIR: "~/waiting" }, { body }),
    program({ ...offline, HOME: "/dev/null" }, { body }),
    program({ ...offline, WANDB_DATA_DIR: "/dev/null/x" }, { body }),
  ]);
  assert.equal(staged(data), 1, given.err);
  assert.equal(staged(join(none.dir, "wandb/latest-run")), 1, none.err);
  assert.match(blocked.err, /cannot wait in \/dev\/null\/x.*set WANDB_DATA_DIR/);
});

test("WANDB_ARTIFACT_DIR: artifacts are downloaded there, by default into artifacts/ here, and only what is another", async () => {
  const body = `const { mkdirSync, writeFileSync } = await import("node:fs");
mkdirSync("source/deep", { recursive: true });
writeFileSync("source/train.py", "print(1)");
writeFileSync("source/deep/model.py", "print(2)");
await run.logCode("source", { name: "my-code" });`;
  const { dir, err } = await program({ WANDB_PROJECT: "code" }, { body });
  const get = (args: string[], environment: Record<string, string> = {}) =>
    runCommand(process.execPath, [MAIN, "artifact", "get", ...args], {
      cwd: dir,
      environment: { HOME: folder, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, ...environment },
    });
  const usual = await get(["admin/code/my-code"]);
  assert.equal(usual.status, 0, usual.err + err);
  assert.match(usual.err, /Artifact downloaded to .*artifacts\/my-code:v0/);
  assert.equal(readFileSync(join(dir, "artifacts/my-code:v0/deep/model.py"), "utf8"), "print(2)");
  const place = join(folder, "downloads/my-code:v0");
  const given = await get(["code/my-code:v0", "--type", "code", "--json"], {
    WANDB_ARTIFACT_DIR: "~/downloads",
  });
  const told = JSON.parse(given.out) as { root: string; files: { name: string }[] };
  assert.deepEqual([told.root, told.files.length], [place, 2]);
  assert.equal(readFileSync(join(place, "train.py"), "utf8"), "print(1)");
  writeFileSync(join(place, "train.py"), "changed");
  const kept = statSync(join(place, "deep/model.py")).mtimeMs;
  await get(["my-code"], { WANDB_ARTIFACT_DIR: "~/downloads", WANDB_PROJECT: "code" });
  assert.equal(readFileSync(join(place, "train.py"), "utf8"), "print(1)");
  assert.equal(statSync(join(place, "deep/model.py")).mtimeMs, kept);
  const wrong = [["code/none"], ["code/my-code:v0", "--type", "model"], ["a/b/c/d"]].map((args) => get(args));
  assert.deepEqual(
    (await Promise.all(wrong)).map(({ status, err }) => [
      status,
      err.match(/there is no artifact|not a model|is named by/)?.[0],
    ]),
    [
      [1, "there is no artifact"],
      [1, "not a model"],
      [2, "is named by"],
    ],
  );
});

test("WANDB_RELOGIN: `login` asks for a key although there is one", async () => {
  const login = (environment: Record<string, string>) =>
    runCommand(process.execPath, [MAIN, "login"], {
      cwd: folder,
      environment: { HOME: folder, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, ...environment },
    });
  const [usual, again] = await Promise.all([login({}), login({ WANDB_RELOGIN: "true" })]);
  assert.match(usual.err, /Loaded credentials for .* from WANDB_API_KEY/);
  assert.deepEqual([usual.status, again.status], [0, 1]);
  assert.match(again.err, /No API key configured/);
});

test("WANDB_MODE, WANDB_PROJECT: in Singularity and Apptainer, the variable with its prefix outside is the plain one inside", async () => {
  const outside = { WANDB_MODE: "offline", WANDB_PROJECT: "in container", WANDB_API_KEY: server.apiKey };
  const printed = await runCommand(process.execPath, [MAIN, "env", "--singularity"], {
    cwd: folder,
    environment: { HOME: folder, ...outside },
  });
  assert.equal(printed.status, 0, printed.err);
  // What the container's runtime does: a shell reads the lines, the prefix is taken off, nothing else comes along.
  const sourced = execFileSync("sh", ["-c", `${printed.out}\nenv`], {
    env: { PATH: process.env.PATH },
  }).toString();
  const inside = Object.fromEntries(
    Array.from(sourced.matchAll(/^SINGULARITYENV_(\w+)=(.*)$/gm), ([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
  assert.deepEqual(inside, outside);
  const [run, prefixed] = await Promise.all([
    program(inside),
    // Not read here: the runtime of the container does it.
    program({ SINGULARITYENV_WANDB_PROJECT: "outside", WANDB_PROJECT: "inside" }),
  ]);
  assert.deepEqual([run.project, run.url, prefixed.project], ["in container", "", "inside"]);
});

test("WANDB_API_KEY: on AWS Batch there is no terminal, no home, no name for the user, and the run is as ever", async () => {
  // Nobody's number: /etc/passwd has no line for it.
  const uid = 54321;
  const dir = join(folder, "batch");
  mkdirSync(dir, { mode: 0o777 });
  const script = join(scripts, "variables-batch.mjs");
  writeFileSync(
    script,
    `import * as steelyard from "steelyard";
if (process.getuid?.() === 0) { process.setgid?.(${uid}); process.setuid?.(${uid}); }
delete process.env.HOME;
const run = await steelyard.init({ project: "page" });
run.log({ a: 1 });
await run.finish();\n`,
  );
  chmodSync(dir, 0o777);
  const job = (cwd: string, id: string) =>
    runCommand(process.execPath, [script], {
      cwd,
      environment: {
        WANDB_BASE_URL: server.url,
        WANDB_API_KEY: server.apiKey,
        WANDB_RUN_ID: id,
        WANDB_RUN_GROUP: "job-1",
        AWS_BATCH_JOB_ID: "job-1",
        AWS_BATCH_JOB_ARRAY_INDEX: "3",
      },
    });
  chmodSync(folder, 0o755);
  const usual = await job(dir, "batch");
  chmodSync(folder, 0o700);
  const unwritable = await job("/", "batch-root");
  rmSync(script);
  for (const { status, err } of [usual, unwritable]) assert.equal(status, 0, err);
  assert.doesNotMatch(usual.err, /WARNING|ERROR/);
  if (process.getuid?.() === 0)
    assert.match(unwritable.err, /WARNING cannot write to \/wandb \(EACCES\); using .*\/wandb/);
  for (const id of ["batch", "batch-root"]) {
    const { state, group } = await pageOf({ id, entity: "admin", project: "page" });
    assert.deepEqual([state, group], ["finished", "job-1"]);
  }
});

test("WANDB_SAGEMAKER_DISABLE: in a training job of SageMaker, its secrets, name and hyperparameters count, or nothing of it", async () => {
  const job = {
    SM_TRAINING_ENV: JSON.stringify({ lr: 0.1, hosts: ["algo-1"], wandb_api_key: "hidden" }),
    TRAINING_JOB_NAME: "digits-2024",
    CURRENT_HOST: "algo-1",
    WANDB_API_KEY: "",
  };
  const started = (name: string, environment: Record<string, string>, init = "") => {
    const cwd = join(folder, name);
    mkdirSync(cwd);
    writeFileSync(
      join(cwd, "secrets.env"),
      `WANDB_API_KEY=${server.apiKey}\nWANDB_PROJECT=from-secrets\nOTHER=x\n`,
    );
    return program({ ...job, ...environment }, { cwd, init, own: true });
  };
  const [usual, named, disabled] = await Promise.all([
    started("job", {}),
    started(
      "named",
      { WANDB_PROJECT: "mine", WANDB_RUN_ID: "job-own", WANDB_RUN_GROUP: "g" },
      "config: { lr: 0.5 }",
    ),
    started("not-a-job", { WANDB_SAGEMAKER_DISABLE: "true" }),
  ]);
  assert.equal(usual.status, 0, usual.err);
  assert.equal(usual.project, "from-secrets");
  assert.match(usual.url, /\/runs\/digits-2024-[a-z0-9]{6}-algo-1$/);
  const usualRun = await pageOf({ ...usual, id: usual.url.split("/").at(-1) ?? "" });
  assert.equal(usualRun.group, "digits-2024");
  assert.deepEqual(await configOf({ ...usual, id: usual.url.split("/").at(-1) ?? "" }), {
    lr: 0.1,
    hosts: ["algo-1"],
  });
  const namedRun = await pageOf({ ...named, id: "job-own" });
  assert.deepEqual(
    [named.project, namedRun.group, (await configOf({ ...named, id: "job-own" })).lr],
    ["mine", "g", 0.5],
  );
  assert.equal(disabled.status, 1);
  assert.match(disabled.err, /no API key for/);
});

/** Without what the client notes for itself. */
async function configOf(where: { id: string; entity: string; project: string }) {
  const { project } = await server.query<{ project: { run: { config: string } } }>(
    "query ($entity: String, $project: String, $id: String!) { project(entityName: $entity, name: $project) { run(name: $id) { config } } }",
    { entity: where.entity, project: where.project, id: where.id },
  );
  const entries = Object.entries(JSON.parse(project.run.config) as Record<string, { value: unknown }>);
  return Object.fromEntries(
    entries.filter(([key]) => key !== "_wandb").map(([key, { value }]) => [key, value]),
  );
}
