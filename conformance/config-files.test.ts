import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { type RunningServer, startServer } from "./server.ts";

/** Files that say something of a run's config, and a sweep that says where it goes: as the server has it in the end. */
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-config-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A process of its own in an empty folder with these files. */
async function run(files: Record<string, string>, environment: Record<string, string>, body: string) {
  const cwd = mkdtempSync(join(dir, "run-"));
  mkdirSync(join(cwd, "sub"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const sdk = new URL("../packages/sdk/src/index.ts", import.meta.url).href;
  return runCommand(
    process.execPath,
    ["--input-type=module", "-e", `import { init } from ${JSON.stringify(sdk)};\n${body}`],
    {
      cwd,
      environment: { HOME: cwd, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, ...environment },
    },
  );
}
interface Found {
  sweepName: string | null;
  config: string;
}
async function found(project: string, name: string): Promise<Found | null> {
  const { project: at } = await server.query<{ project: { run: Found | null } | null }>(
    `query ($p: String!, $n: String!) { project(name: $p, entityName: "admin") { run(name: $n) { sweepName config } } }`,
    { p: project, n: name },
  );
  return at?.run ?? null;
}
function valuesOf(run: Found | null): Record<string, unknown> {
  const entries = Object.entries(JSON.parse(run?.config ?? "{}") as Record<string, { value: unknown }>);
  return Object.fromEntries(
    entries.filter(([key]) => key !== "_wandb").map(([key, { value }]) => [key, value]),
  );
}

test("WANDB_CONFIG_PATHS: files over what the code says, the defaults file under it, the last file last", async () => {
  const { status, err } = await run(
    {
      "config-defaults.yaml": "a: { value: defaults }\nb: { value: defaults }\nc: defaults\nd: defaults\n",
      "one.yaml": "c: { value: one }\nd: { value: one }\n",
      "sub/two.yaml": "d: two\n",
    },
    { WANDB_CONFIG_PATHS: "one.yaml, sub/two.yaml,,missing.yaml", WANDB_RUN_ID: "paths" },
    `const run = await init({ project: "files", console: false, config: { b: "code", c: "code", d: "code", e: "code" } });
await run.finish();`,
  );
  assert.equal(status, 0, err);
  assert.match(err, /WANDB_CONFIG_PATHS names .*missing\.yaml, which is not there/);
  assert.deepEqual(valuesOf(await found("files", "paths")), {
    a: "defaults",
    b: "code",
    c: "one",
    d: "two",
    e: "code",
  });
});

test("a config that is a path; a file that is broken is refused by file and line before anything is made", async () => {
  const good = await run(
    { "my.yaml": "lr: 0.5\n" },
    {},
    `await (await init({ project: "files", id: "by-path", console: false, config: "my.yaml" })).finish();`,
  );
  assert.equal(good.status, 0, good.err);
  assert.deepEqual(valuesOf(await found("files", "by-path")), { lr: 0.5 });
  const broken = await run(
    { "my.yaml": "lr: 0.5\nlayers: [1\n" },
    {},
    `await init({ project: "files", id: "broken", config: "my.yaml" }).catch((error) => { console.log(error.name, error.message); process.exit(3); });`,
  );
  assert.equal(broken.status, 3);
  assert.match(broken.out, /my\.yaml:\d: no YAML/);
  assert.equal(await found("files", "broken"), null);
});

test("WANDB_SWEEP_PARAM_PATH: a trial's parameters are merged over the rest and locked", async () => {
  const { status, err } = await run(
    { "trial.yaml": "wandb_version: 1\nlr: { value: 0.1 }\nmodel: { value: { depth: 3 } }\n" },
    { WANDB_SWEEP_PARAM_PATH: "trial.yaml", WANDB_SWEEP_ID: "admin/files/sw33p", WANDB_RUN_ID: "trial" },
    `const run = await init({ project: "files", console: false, config: { lr: 1, model: { width: 8 }, free: 1 } });
run.config.lr = 2;
run.config.update({ free: 2, model: 0 });
console.log(JSON.stringify(run.config));
await run.finish();`,
  );
  assert.equal(status, 0, err);
  assert.equal(err.match(/config\.(lr|model) is set by the sweep, and stays as it is/g)?.length, 2);
});

test("WANDB_SWEEP_ID: the run goes where the sweep is; what the code says of project and id does not count, with a warning that names the variable", async () => {
  const { status, err } = await run(
    { "trial.yaml": "lr: 0.1\n" },
    {
      WANDB_SWEEP_PARAM_PATH: "trial.yaml",
      WANDB_SWEEP_ID: "admin/swept/sw33p",
      WANDB_PROJECT: "swept",
      WANDB_RUN_ID: "trial-1",
    },
    `const run = await init({ project: "mine", id: "my-id", entity: "nobody", console: false, config: { lr: 1 } });
await run.finish();`,
  );
  assert.equal(status, 0, err);
  for (const name of ["project", "id", "entity"])
    assert.match(err, new RegExp(`init\\(\\{ ${name} \\}\\) does not count: WANDB_SWEEP_ID`));
  const trial = await found("swept", "trial-1");
  assert.equal(trial?.sweepName, "sw33p");
  assert.deepEqual(valuesOf(trial), { lr: 0.1 });
  assert.equal(await found("mine", "my-id"), null);
});
