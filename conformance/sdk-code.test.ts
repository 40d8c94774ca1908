import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type ArtifactFields, readRecord } from "@steelyard/protocol/records";
import { runCommand } from "./command.ts";
import { clientVersions, interpreterOf } from "./python.ts";
import { filesOf, logsOf, PROJECT, readLog, readRun } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";
import { witnessWire } from "./wire-witness.ts";

/** What a run keeps of its program: the code, the commit, what is not committed, and what it says of itself. */
const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
const STEELYARD = import.meta.resolve("steelyard");
let server: RunningServer;
/** A repository with two commits, of which the first is at its remote; `src/train.mjs` is the program. */
let dir: string;
let commits: string[];
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
    cwd: dir,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();

function write(path: string, content: string): string {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "steelyard-sdk-code-")));
  git("init", "-q", "-b", "main");
  write("a.txt", "one\n");
  write("src/model.ts", "export const model = 1;\n");
  write(".gitignore", "wandb/\nremote.git/\nout/\n");
  git("add", ".");
  git("commit", "-q", "-m", "first");
  git("init", "-q", "--bare", "remote.git");
  git("remote", "add", "origin", join(dir, "remote.git"));
  git("push", "-q", "-u", "origin", "main");
  write("a.txt", "two\n");
  git("commit", "-q", "-am", "second");
  write("a.txt", "three\n");
  commits = git("log", "--format=%H", "--reverse").split("\n");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface ScriptOptions {
  init?: string;
  body?: string;
  variables?: Record<string, string>;
  /** Where it runs; below the repository. */
  cwd?: string;
  path?: string;
}

/** The program, run to its end; standard error. */
async function runProgram(
  id: string,
  { init = "", body = "", variables, cwd = ".", path = "src/train.mjs" }: ScriptOptions = {},
): Promise<string> {
  const script = write(
    path,
    `import { init } from ${JSON.stringify(STEELYARD)};
const run = await init({ id: ${JSON.stringify(id)}, project: ${JSON.stringify(PROJECT)}, console: false, ${init} });
run.log({ loss: 1 });
${body}
await run.finish();
`,
  );
  const ran = await runCommand(process.execPath, [script, "--epochs", "3"], {
    cwd: join(dir, cwd),
    environment: {
      HOME: dir,
      WANDB_DIR: dir,
      WANDB_DATA_DIR: join(dir, "out/data"),
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      ...variables,
    },
  });
  assert.equal(ran.status, 0, ran.err);
  return ran.err;
}

const ofCode = (files: Record<string, string>) =>
  Object.keys(files).filter((name) => name.startsWith("code/") || name.endsWith(".patch"));
const metadataOf = async (id: string) =>
  JSON.parse((await filesOf(server, id))["wandb-metadata.json"] ?? "{}") as Record<string, unknown>;
const ownConfigOf = async (id: string) =>
  (JSON.parse((await readRun(server, id)).config) as { _wandb: { value: Record<string, unknown> } })._wandb
    .value;

interface HeldArtifact {
  state: string;
  versionIndex: number;
  artifactType: { name: string };
  artifactSequence: { name: string };
  files: { edges: { node: { displayName: string; directUrl: string } }[] };
}
async function artifactsOf(id: string): Promise<Record<string, Record<string, string>>> {
  const { project } = await server.query<{
    project: { run: { outputArtifacts: { edges: { node: HeldArtifact }[] } } };
  }>(
    `query Held($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) {
      outputArtifacts(first: 100) { edges { node { state versionIndex artifactType { name } artifactSequence { name }
        files(first: 100) { edges { node { displayName directUrl } } } } } } } } }`,
    { name: id },
  );
  const held: Record<string, Record<string, string>> = {};
  for (const { node } of project.run.outputArtifacts.edges) {
    assert.equal(node.state, "COMMITTED");
    const files: Record<string, string> = {};
    for (const { node: file } of node.files.edges)
      files[file.displayName] = await (await fetch(file.directUrl)).text();
    held[`${node.artifactType.name} ${node.artifactSequence.name}:v${node.versionIndex}`] = files;
  }
  return held;
}
const loggedArtifacts = (id: string): ArtifactFields[] =>
  readLog(logsOf(dir, id)[0])
    .records.map(readRecord)
    .flatMap((record) => (record.kind === "artifact" ? [record.artifact] : []));

/** The tree of a commit with a patch on it. */
function withPatch(commit: string, patch: string, file: string): string {
  const tree = join(dir, "out", commit);
  git("worktree", "add", "-q", "--detach", tree, commit);
  execFileSync("git", ["apply"], { cwd: tree, input: patch });
  return readFileSync(join(tree, file), "utf8");
}

test("WANDB_SAVE_CODE, WANDB_DISABLE_CODE: the program and what is not committed, as code, variables and account say", async () => {
  // The account at the server wants it.
  await runProgram("account");
  const files = await filesOf(server, "account");
  assert.deepEqual(ofCode(files).sort(), ["code/src/train.mjs", "diff.patch", `diff_${commits[0]}.patch`]);
  assert.equal(files["code/src/train.mjs"], readFileSync(join(dir, "src/train.mjs"), "utf8"));
  assert.equal((await ownConfigOf("account")).code_path, "code/src/train.mjs");
  assert.equal(withPatch(commits[1] ?? "", files["diff.patch"] ?? "", "a.txt"), "three\n");
  assert.equal(withPatch(commits[0] ?? "", files[`diff_${commits[0]}.patch`] ?? "", "a.txt"), "three\n");

  // An account that does not.
  const door = await witnessWire(server, ({ body }) =>
    body.includes("AccountFlags")
      ? { status: 200, body: '{"data":{"viewer":{"id":"u","flags":"{\\"code_saving_enabled\\":false}"}}}' }
      : undefined,
  );
  try {
    const variables = { WANDB_BASE_URL: door.url };
    await runProgram("unwanted", { variables });
    assert.deepEqual(ofCode(await filesOf(server, "unwanted")), []);
    await runProgram("wanted", { variables, init: "saveCode: true" });
    assert.ok(ofCode(await filesOf(server, "wanted")).includes("code/src/train.mjs"));
  } finally {
    door.close();
  }

  const cases: [id: string, stores: boolean, options: ScriptOptions][] = [
    ["by-init", true, { init: "saveCode: true" }],
    ["not-init", false, { init: "saveCode: false" }],
    ["not-var", false, { variables: { WANDB_SAVE_CODE: "false" } }],
    ["no-opinion", true, { variables: { WANDB_DISABLE_CODE: "false" } }],
    ["last-word", false, { init: "saveCode: true", variables: { WANDB_DISABLE_CODE: "true" } }],
    ["both", false, { variables: { WANDB_SAVE_CODE: "true", WANDB_DISABLE_CODE: "true" } }],
    // Nobody can be asked.
    ["offline", false, { init: 'mode: "offline"' }],
    ["offline-saved", true, { init: 'mode: "offline"', variables: { WANDB_SAVE_CODE: "true" } }],
  ];
  const said = await Promise.all(
    cases.map(([id, , options]) => runProgram(id, { path: `src/${id}.mjs`, ...options })),
  );
  for (const [at, [id, stores]] of cases.entries()) {
    const folder = join(dirname(logsOf(dir, id)[0] ?? ""), "files");
    assert.equal(existsSync(join(folder, `code/src/${id}.mjs`)), stores, id);
    assert.equal(existsSync(join(folder, "diff.patch")), stores, id);
    if (id === "last-word")
      assert.match(said[at] ?? "", /init\({ saveCode }\) does not count: WANDB_DISABLE_CODE/);
    if (!id.startsWith("offline")) {
      assert.equal(ofCode(await filesOf(server, id)).length > 0, stores, id);
      // The commit is kept, whatever is said of code.
      assert.equal(((await metadataOf(id)).git as { commit: string }).commit, commits[1], id);
    }
  }
});

test("WANDB_PROGRAM, WANDB_PROGRAM_RELPATH, WANDB_PROGRAM_ABSPATH: which program is shown and stored", async () => {
  await runProgram("shown", { cwd: "src" });
  const { program, codePath, codePathLocal, args } = await metadataOf("shown");
  assert.deepEqual(
    { program, codePath, codePathLocal, args },
    {
      program: join(dir, "src/train.mjs"),
      codePath: "src/train.mjs",
      codePathLocal: "train.mjs",
      args: ["--epochs", "3"],
    },
  );
  await runProgram("renamed", { cwd: "src", variables: { WANDB_PROGRAM: "model.ts" } });
  const renamed = await metadataOf("renamed");
  assert.equal(renamed.program, "model.ts");
  assert.equal(renamed.codePath, "src/model.ts");
  assert.equal((await filesOf(server, "renamed"))["code/src/model.ts"], "export const model = 1;\n");
  await runProgram("pathed", {
    variables: {
      WANDB_PROGRAM: "my training",
      WANDB_PROGRAM_RELPATH: "pkg/train.ts",
      WANDB_PROGRAM_ABSPATH: join(dir, "src/model.ts"),
    },
  });
  const pathed = await metadataOf("pathed");
  assert.equal(pathed.program, "my training");
  assert.equal(pathed.codePath, "pkg/train.ts");
  assert.equal((await filesOf(server, "pathed"))["code/pkg/train.ts"], "export const model = 1;\n");
  // Never out of the run's folder.
  await runProgram("escaping", { variables: { WANDB_PROGRAM_RELPATH: "../../../escaped.mjs" } });
  assert.deepEqual(
    ofCode(await filesOf(server, "escaping")).filter((name) => name.startsWith("code/")),
    [],
  );
  assert.ok(!readdirSync(join(dir, "wandb")).includes("escaped.mjs"));
});

test("WANDB_GIT_ROOT, WANDB_GIT_COMMIT, WANDB_GIT_REMOTE: one repository for root, commit and patch, from wherever the program runs", async () => {
  const outside = mkdtempSync(join(tmpdir(), "steelyard-outside-"));
  try {
    // The program's repository, where the working directory has none.
    await runProgram("outside", { cwd: `../${outside.split("/").at(-1)}` });
    const found = await metadataOf("outside");
    assert.deepEqual(found.git, { remote: join(dir, "remote.git"), commit: commits[1], branch: "main" });
    assert.equal(found.codePath, "src/train.mjs");
    assert.equal(found.codePathLocal, undefined);
    assert.match((await filesOf(server, "outside"))["diff.patch"] ?? "", /\+three/);
    // A program elsewhere, and a repository that is named.
    git("remote", "add", "fork", "https://user:secret@example.com/fork.git");
    const other = join(outside, "other.mjs");
    await runProgram("named", {
      cwd: `../${outside.split("/").at(-1)}`,
      path: `../${outside.split("/").at(-1)}/other.mjs`,
      variables: { WANDB_GIT_ROOT: dir, WANDB_GIT_REMOTE: "fork" },
    });
    const named = await metadataOf("named");
    assert.deepEqual(named.git, {
      remote: "https://example.com/fork.git",
      commit: commits[1],
      branch: "main",
    });
    assert.equal(named.program, realpathSync(other));
    assert.match((await filesOf(server, "named"))["diff.patch"] ?? "", /\+three/);
    await runProgram("given", { variables: { WANDB_GIT_COMMIT: "f".repeat(40) } });
    assert.equal(((await metadataOf("given")).git as { commit: string }).commit, "f".repeat(40));
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("WANDB_DISABLE_GIT, WANDB_X_DISABLE_MACHINE_INFO: no commit, no patch; machine info off leaves no code either", async () => {
  await runProgram("no-git", { variables: { WANDB_DISABLE_GIT: "true" } });
  assert.equal((await metadataOf("no-git")).git, undefined);
  assert.deepEqual(ofCode(await filesOf(server, "no-git")), ["code/src/train.mjs"]);
  await runProgram("no-machine", { variables: { WANDB_X_DISABLE_MACHINE_INFO: "true" } });
  assert.deepEqual(ofCode(await filesOf(server, "no-machine")), []);
});

test("WANDB_DISABLE_GIT_FORK_POINT: the patch against what is pushed, of this branch or of the one it forked from", async () => {
  git("checkout", "-q", "-b", "topic");
  await runProgram("default");
  assert.deepEqual(
    ofCode(await filesOf(server, "default")).filter((name) => name.startsWith("diff_")),
    [],
  );
  await runProgram("searched", { variables: { WANDB_DISABLE_GIT_FORK_POINT: "false" } });
  const files = await filesOf(server, "searched");
  const name = `diff_${commits[0]}.patch`;
  assert.deepEqual(ofCode(files).sort(), ["code/src/train.mjs", "diff.patch", name]);
  assert.equal(withPatch(commits[0] ?? "", files[name] ?? "", "a.txt"), "three\n");
});

test("logCode stores source files as an artifact, a version for each change, in the log and at the server", async () => {
  for (const path of [
    "package.json",
    "package-lock.json",
    "web/app.tsx",
    "web/data.bin",
    "web/wandb/reporter.js",
    "node_modules/x/index.js",
    "wandb/old.js",
  ])
    write(path, `content of ${path}`);
  await runProgram("coded", { init: "saveCode: false", body: 'console.log(await run.logCode("."));' });
  const name = `source-${PROJECT}-src_train.mjs`;
  const first = (await artifactsOf("coded"))[`code ${name}:v0`] ?? {};
  assert.deepEqual(Object.keys(first).sort(), [
    "package-lock.json",
    "package.json",
    "src/model.ts",
    "src/train.mjs",
    "web/app.tsx",
    "web/wandb/reporter.js",
  ]);
  assert.equal(first["web/app.tsx"], "content of web/app.tsx");
  assert.equal((await ownConfigOf("coded")).code_path, name);
  const [logged] = loggedArtifacts("coded");
  assert.deepEqual(
    [logged?.type, logged?.name, logged?.entity, logged?.project, logged?.aliases, logged?.entries.length],
    ["code", name, "admin", PROJECT, ["latest"], 6],
  );
  // The copies have done their work.
  assert.deepEqual(readdirSync(join(dir, "out/data/artifacts/staging")), []);

  const chosen = `await run.logCode("web", { name: "web", include: (path) => path.endsWith(".bin") || path.endsWith(".js"), exclude: (path) => path.startsWith("wandb/") || path.includes("old") });`;
  await runProgram("chosen", {
    init: "saveCode: false",
    body: `${chosen}
run.log({ nothing: (await run.logCode("src", { include: () => false })) === undefined });`,
  });
  assert.deepEqual(await artifactsOf("chosen"), { "code web:v0": { "data.bin": "content of web/data.bin" } });
  await runProgram("again", { init: "saveCode: false", body: chosen });
  assert.deepEqual(Object.keys(await artifactsOf("again")), ["code web:v0"]);
  write("web/data.bin", "other");
  await runProgram("changed", { init: "saveCode: false", body: chosen });
  assert.deepEqual(await artifactsOf("changed"), { "code web:v1": { "data.bin": "other" } });
});

test("WANDB_CODE_DIR: with saveCode the folder's source files are an artifact from the start", async () => {
  await runProgram("code-dir", { variables: { WANDB_CODE_DIR: "src" }, init: "saveCode: true" });
  const [[held = "", files = {}] = []] = Object.entries(await artifactsOf("code-dir"));
  assert.match(held, /^code source-sdk-src_train\.mjs:v\d$/);
  assert.deepEqual(Object.keys(files).sort(), ["model.ts", "train.mjs"]);
  await runProgram("code-dir-off", { variables: { WANDB_CODE_DIR: "src" }, init: "saveCode: false" });
  assert.deepEqual(await artifactsOf("code-dir-off"), {});
});

test("WANDB_DISABLE_JOB_CREATION, WANDB_JOB_NAME: a job of the run only when asked, and only of code that others can get", async () => {
  git("remote", "set-url", "origin", "https://example.com/me/repo.git");
  const jobs = async (id: string) =>
    Object.entries(await artifactsOf(id)).filter(([name]) => name.startsWith("job "));
  const wanted = { WANDB_DISABLE_JOB_CREATION: "false" };
  await runProgram("jobless");
  assert.deepEqual(await jobs("jobless"), []);
  const config = 'config: { lr: 0.1, layers: [1, "a"], nested: { deep: true }, nothing: null, empty: [] }';
  await runProgram("job", { variables: wanted, init: config });
  const [[name, files = {}] = [], ...others] = await jobs("job");
  assert.deepEqual(others, []);
  assert.equal(name, "job job-https___example.com_me_repo.git_src_train.mjs:v0");
  assert.deepEqual(Object.keys(files).sort(), ["diff.patch", "wandb-job.json"]);
  assert.match(files["diff.patch"] ?? "", /\+three/);
  const number = { wb_type: "number" };
  assert.deepEqual(JSON.parse(files["wandb-job.json"] ?? ""), {
    _version: "v0",
    source: {
      git: { remote: "https://example.com/me/repo.git", commit: commits[1] },
      entrypoint: ["node", "src/train.mjs"],
      notebook: false,
    },
    source_type: "repo",
    input_types: {
      wb_type: "typedDict",
      params: {
        type_map: {
          lr: number,
          layers: {
            wb_type: "list",
            params: {
              element_type: { wb_type: "union", params: { allowed_types: [number, { wb_type: "string" }] } },
              length: 2,
            },
          },
          nested: { wb_type: "typedDict", params: { type_map: { deep: { wb_type: "boolean" } } } },
          nothing: { wb_type: "none" },
          empty: { wb_type: "list", params: { element_type: { wb_type: "none" }, length: 0 } },
        },
      },
    },
    output_types: { wb_type: "typedDict", params: { type_map: { loss: number } } },
    runtime: `node ${process.versions.node}`,
  });
  // Without a repository: of the artifact of its code, or not at all.
  const noGit = { ...wanted, WANDB_DISABLE_GIT: "true" };
  await runProgram("job-codeless", { variables: noGit });
  assert.deepEqual(await jobs("job-codeless"), []);
  await runProgram("job-coded", {
    variables: { ...noGit, WANDB_JOB_NAME: "my.job" },
    body: 'await run.logCode("src", { name: "job-sources" });',
  });
  const [[named, coded = {}] = []] = await jobs("job-coded");
  assert.equal(named, "job my.job:v0");
  const { source, source_type } = JSON.parse(coded["wandb-job.json"] ?? "") as {
    source: { artifact: string; entrypoint: string[] };
    source_type: string;
  };
  assert.equal(source_type, "artifact");
  assert.match(source.artifact, /^wandb-artifact:\/\/_id\/[A-Za-z0-9+/=]+$/);
  assert.deepEqual(source.entrypoint, ["node", "src/train.mjs"]);
});

test("WANDB_DATA_DIR: files of artifacts wait there for their upload, as they were when they were stored", async () => {
  const body = 'await run.logCode("src", { name: "waiting" });';
  await runProgram("waiting", { init: 'mode: "offline", saveCode: false', body });
  const [artifact] = loggedArtifacts("waiting");
  const model = artifact?.entries.find(({ path }) => path === "model.ts");
  assert.ok(model?.localPath.startsWith(join(dir, "out/data/artifacts/staging/")), model?.localPath);
  write("src/model.ts", "changed since\n");
  assert.equal(readFileSync(model?.localPath ?? "", "utf8"), "export const model = 1;\n");
  const said = await runProgram("nowhere", {
    init: 'mode: "offline", saveCode: false',
    body,
    variables: { WANDB_DATA_DIR: join(dir, "a.txt") },
  });
  assert.match(said, /the code is not stored: .*a\.txt\/artifacts\/staging \(ENOTDIR\); set WANDB_DATA_DIR/);
});

/** Ways to send what an offline run left. */
const SYNCS: [name: string, program: string, args: string[]][] = [
  ["steelyard sync", process.execPath, [MAIN, "sync"]],
  ...clientVersions
    .slice(-1)
    .map((version): [string, string, string[]] => [
      `wandb sync ${version}`,
      interpreterOf(version),
      ["-m", "wandb", "sync"],
    ]),
];
for (const [name, program, args] of SYNCS)
  test(`${name} brings code, patch, artifact and environment of an offline run`, async () => {
    const id = name.replace(/[^a-z0-9]/g, "-");
    await runProgram(id, {
      init: 'mode: "offline", saveCode: true',
      body: `await run.logCode("src", { name: "${id}" });`,
    });
    const folder = dirname(logsOf(dir, id)[0] ?? "");
    const synced = await runCommand(program, [...args, folder], {
      cwd: dir,
      environment: {
        HOME: dir,
        WANDB_BASE_URL: server.url,
        WANDB_API_KEY: server.apiKey,
        WANDB_ERROR_REPORTING: "false",
      },
    });
    assert.equal(synced.status, 0, synced.err + synced.out);
    assert.deepEqual(await artifactsOf(id), {
      [`code ${id}:v0`]: {
        "model.ts": "export const model = 1;\n",
        "train.mjs": readFileSync(join(dir, "src/train.mjs"), "utf8"),
      },
    });
    assert.deepEqual(ofCode(await filesOf(server, id)).sort(), [
      "code/src/train.mjs",
      "diff.patch",
      `diff_${commits[0]}.patch`,
    ]);
    assert.equal((await ownConfigOf(id)).code_path, id);
    const { codePath, program: ran, git: facts } = await metadataOf(id);
    assert.deepEqual([codePath, ran], ["src/train.mjs", join(dir, "src/train.mjs")]);
    assert.equal((facts as { commit: string }).commit, commits[1]);
  });
