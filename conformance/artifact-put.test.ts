import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { runCommand } from "./command.ts";
import { newestClient, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";
import { versionsOf } from "./synced-run.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
const skip = !newestClient && "no official client is installed";

let server: RunningServer;
/** Holds a home, the folder that commands run in, and a link named `wandb`. */
let dir: string;
let here: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-put-"));
  here = join(dir, "here");
  mkdirSync(here);
  symlinkSync(MAIN, join(dir, "wandb"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const environment = () => ({
  HOME: dir,
  WANDB_BASE_URL: server.url,
  WANDB_API_KEY: server.apiKey,
  WANDB_DATA_DIR: join(dir, "data"),
  WANDB_CACHE_DIR: join(dir, "cache"),
});
const put = (
  words: string[],
  { more = {}, program = MAIN }: { more?: Record<string, string>; program?: string } = {},
) =>
  runCommand(process.execPath, [program, "artifact", "put", ...words], {
    cwd: here,
    environment: { ...environment(), ...more },
  });

interface Read {
  name: string;
  type: string;
  description: string | null;
  aliases: string[];
  digest: string;
  files: Record<string, string>;
  references: Record<string, string>;
  cached: string[];
  run: { id: string; job: string; state: string; config: Record<string, unknown> };
}
async function script<T>(args: string[], env: Record<string, string> = {}): Promise<T> {
  const { code, stdout, stderr } = await runScript(newestClient ?? "", "artifacts.py", server, { args, env });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as T;
}
const reads = (...names: string[]) =>
  script<Record<string, Read>>(["read", ...names], { WANDB_CACHE_DIR: join(dir, "cache") });

/** A file below the folder of the commands, of this content. */
function file(path: string, content: string | Buffer): string {
  const whole = join(here, path);
  mkdirSync(join(whole, ".."), { recursive: true });
  writeFileSync(whole, content);
  return createHash("sha256").update(content).digest("hex");
}

test("artifact put: a folder and a file are what the official client makes of them, and it reads them back", {
  skip,
}, async () => {
  const sums = {
    "Z.txt": file("data/Z.txt", "capital"),
    "a b/é😀.txt": file("data/a b/é😀.txt", "name"),
    empty: file("data/empty", ""),
    ".hidden": file("data/.hidden", "h"),
    "large.bin": file("data/large.bin", randomBytes(3_000_000)),
    same: file("data/same", "capital"),
  };
  const outside = {
    "linked/one": file("elsewhere/one", "1"),
    "linked.txt": file("linked-to.txt", "one file"),
  };
  symlinkSync(join(here, "elsewhere"), join(here, "data/linked"));
  symlinkSync(join(here, "linked-to.txt"), join(here, "data/linked.txt"));
  const sum = file("alone.txt", "alone\n");

  const folder = await put(["data/", "-n", "puts/all", "-d", "what it is", "-a", "best", "-a", "checked"]);
  assert.deepEqual([folder.status, folder.out], [0, ""], folder.err);
  assert.match(folder.err, /Uploading directory data\/ to: "admin\/puts\/all:best" \(dataset\)\n/);
  assert.match(
    folder.err,
    /\nArtifact uploaded, use this artifact in a run by adding:\n\n {4}artifact = run\.use_artifact\("admin\/puts\/all:v0"\)\n\n$/,
  );
  const single = await put(["alone.txt", "--type", "text", "--skip_cache", "--policy", "immutable"], {
    program: join(dir, "wandb"),
    more: { WANDB_PROJECT: "puts" },
  });
  assert.equal(single.status, 0, single.err);
  assert.match(
    single.err,
    /^wandb: Uploading file alone\.txt to: "admin\/puts\/alone\.txt:latest" \(text\)$/m,
  );

  const read = await reads("puts/all:best", "puts/alone.txt:v0");
  const [all, alone] = [read["puts/all:best"], read["puts/alone.txt:v0"]];
  assert.ok(all && alone);
  assert.deepEqual(all.files, { ...sums, ...outside });
  assert.deepEqual(alone.files, { "alone.txt": sum });
  assert.deepEqual(
    [all.digest, alone.digest],
    await script(["digest", join(here, "data"), join(here, "alone.txt")]),
  );
  assert.deepEqual([all.name, all.type, all.description], ["all:v0", "dataset", "what it is"]);
  assert.deepEqual(all.aliases, ["best", "checked", "latest"]);
  assert.deepEqual([alone.type, alone.aliases], ["text", ["latest"]]);
  const { job, state, config } = all.run;
  assert.deepEqual([job, state, config], ["cli_put", "finished", { path: "data/" }]);
  // Whoever reads them here finds them in the cache, but for what was to be kept out of it.
  assert.deepEqual(all.cached, Object.keys(all.files).sort());
  assert.deepEqual(alone.cached, []);
  assert.deepEqual(globSync("artifacts/**/*", { cwd: join(dir, "data") }), ["artifacts/staging"]);
});

test("artifact put: the same content again is no new version, from either client, and its aliases move", {
  skip,
}, async () => {
  file("again/x", "first");
  const first = await put(["again", "-n", "same/again", "-a", "one", "--json"]);
  assert.equal(first.status, 0, first.err);
  const said = JSON.parse(first.out) as Record<string, unknown>;
  assert.deepEqual([said.name, said.isNew, said.files], ["again:v0", true, 1]);
  file("again/x", "second");
  assert.match(
    (await put(["again", "-n", "same/again", "-a", "one"])).err,
    /use_artifact\("admin\/same\/again:v1"\)/,
  );
  file("again/x", "first");
  const back = await put(["again", "-n", "same/again", "-a", "one"]);
  assert.match(back.err, /again:v0 is the same content: it has the aliases now, and there is no new version/);
  assert.match(back.err, /use_artifact\("admin\/same\/again:v0"\)/);
  assert.equal(await script(["put", join(here, "again"), "same", "again"]), "again:v0");
  assert.deepEqual(await versionsOf(server, "same", "again"), ["v0", "v1"]);
  const read = await reads("same/again:one", "same/again:latest", "same/again:v1");
  assert.deepEqual(
    ["one", "latest", "v1"].map((name) => read[`same/again:${name}`]?.name),
    ["again:v0", "again:v0", "again:v1"],
  );
  assert.deepEqual(read["same/again:v1"]?.aliases, []);
});

test("artifact put: addresses are referred to, with the digests that the official client takes", {
  skip,
}, async (t) => {
  const asked: (string | undefined)[] = [];
  const web = createServer((request, response) => {
    asked.push(request.headers.authorization);
    if (request.url === "/moved") response.writeHead(302, { location: "/data.csv" }).end();
    else if (request.url === "/data.csv") response.writeHead(200, { etag: '"tag-1"' }).end("1,2\n");
    else if (request.url === "/bare.csv") response.writeHead(200).end("3\n");
    else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(web, "listening");
  t.after(() => web.close());
  const base = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  file("tracked/deep/one", "1");
  file("tracked/two", "22");
  const urls = [
    `${base}/data.csv`,
    `${base}/moved`,
    `${base}/bare.csv`,
    pathToFileURL(join(here, "tracked")).href,
  ];
  const digests = await script<string[]>(["digest", ...urls]);
  const names = urls.map((_, at) => `refs/ref${at}:latest`);
  for (const [at, url] of urls.entries()) {
    const done = await put([url, "-n", `refs/ref${at}`]);
    assert.equal(done.status, 0, done.err);
    assert.match(done.err, /Logging reference artifact from \S+ to: "admin\/refs\/ref\d:latest" \(dataset\)/);
    assert.equal(/has no digest/.test(done.err), url.endsWith("bare.csv"));
  }
  const cloud = await put(["s3://bucket/sets/train.parquet", "-n", "refs/cloud"]);
  assert.match(cloud.err, /the content at s3:\S+ has no digest/);
  assert.deepEqual(asked.filter(Boolean), []);
  const found = await server.query<{ project: Record<string, { digest: string }> }>(
    `{ project(name: "refs", entityName: "admin") { ${urls.map((_, at) => `r${at}: artifact(name: "ref${at}:latest") { digest }`).join(" ")} } }`,
  );
  assert.deepEqual(
    Object.values(found.project).map(({ digest }) => digest),
    digests,
  );
  const read = await reads(names[0] ?? "", names[3] ?? "");
  assert.deepEqual(Object.keys(read[names[0] ?? ""]?.files ?? {}), ["data.csv"]);
  assert.deepEqual(Object.keys(read[names[3] ?? ""]?.files ?? {}).sort(), ["deep/one", "two"]);
  const gone = await put([`${base}/gone`, "-n", "refs/gone"]);
  assert.deepEqual(
    [gone.status, /\/gone is not uploaded: http:\S+\/gone answers 404/.test(gone.err)],
    [1, true],
    gone.err,
  );
});

test("artifact put --id adds to a run that is there, and changes nothing of it", async () => {
  await server.query(
    `mutation { upsertBucket(input: { name: "trained", modelName: "given", entityName: "admin", jobType: "train", config: "{}" }) { bucket { id } } }`,
  );
  await server.fetch("/files/admin/given/trained/file_stream", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ complete: true, exitcode: 1 }),
  });
  const facts = () =>
    server.query(
      `{ project(name: "given", entityName: "admin") { runCount run(name: "trained") { jobType state config heartbeatAt outputArtifacts(first: 9) { edges { node { artifactSequence { name } } } } } } }`,
    );
  const before = await facts();
  assert.match(JSON.stringify(before), /"state":"failed"/);
  file("model.bin", "weights");
  const done = await put(["model.bin", "-n", "given/model", "-t", "model", "--id", "trained"]);
  assert.equal(done.status, 0, done.err);
  const after = JSON.stringify(await facts());
  assert.equal(
    after.replace('"edges":[{"node":{"artifactSequence":{"name":"model"}}}]', '"edges":[]'),
    JSON.stringify(before),
  );
  assert.notEqual(after, JSON.stringify(before));
  const unknown = await put(["model.bin", "-n", "given/model", "--id", "nobody"]);
  assert.deepEqual([unknown.status, unknown.out], [1, ""]);
  assert.match(
    unknown.err,
    /ERROR there is no run admin\/given\/nobody to upload to, .*; without --id one is made\n$/,
  );
});

test("artifact put --resume goes on with the run of an upload that failed", async () => {
  file("parts/x", "x");
  const [made, failed] = [
    await put(["parts", "-n", "resumed/parts"]),
    await put(["parts", "-n", "resumed/parts", "-t", "other", "--resume"]),
  ];
  assert.deepEqual([made.status, failed.status], [0, 1], made.err + failed.err);
  file("parts/y", "y");
  const done = await put(["parts", "-n", "resumed/parts", "--resume"]);
  assert.equal(done.status, 0, done.err);
  assert.match(done.err, /use_artifact\("admin\/resumed\/parts:v1"\)/);
  const found = await server.query(
    `{ project(name: "resumed", entityName: "admin") { runs { edges { node { state jobType } } } } }`,
  );
  const node = { state: "finished", jobType: "cli_put" };
  assert.deepEqual(found, { project: { runs: { edges: [{ node }, { node }] } } });
});

test("artifact put says what is wrong before anything is made", async () => {
  file("fine.txt", "x");
  file("holed/x", "x");
  symlinkSync(join(here, "nothing"), join(here, "holed/broken"));
  file("round/x", "x");
  symlinkSync(join(here, "round"), join(here, "round/round"));
  for (const [words, status, said] of [
    [
      ["nothing", "-n", "p/n"],
      1,
      /ERROR Path argument must be a file or directory: there is no \/.*\/nothing\n$/,
    ],
    [
      ["fine.txt"],
      2,
      /ERROR no project is named; say it in the name, -n PROJECT\/NAME, or set WANDB_PROJECT\n$/,
    ],
    [["fine.txt", "-n", "p/a b"], 2, /"a b" does not; give one with -n, such as a_b\n$/],
    [
      ["fine.txt", "-n", "a/b/c/d"],
      2,
      /an artifact is named by name, project\/name or entity\/project\/name/,
    ],
    [
      ["fine.txt", "-n", "p/n", "-t", "job"],
      2,
      /cannot be of type "job", which runs have for their own; give another/,
    ],
    [["fine.txt", "-n", "p/n", "-a", "a:b"], 2, /none of them \/ or :, and "a:b" does not\n$/],
    [["fine.txt", "-n", "p/n", "--policy", "other"], 2, /Allowed choices are mutable, immutable/],
    [["holed", "-n", "p/n"], 1, /holed cannot be uploaded: \/.*\/broken is a link to nothing\n$/],
    [
      ["round", "-n", "p/n"],
      1,
      /round cannot be uploaded: \/.*\/round\/round is a link to a folder that it is in\n$/,
    ],
  ] as const) {
    const ended = await put([...words]);
    assert.deepEqual([ended.status, ended.out], [status, ""], `${words.join(" ")}: ${ended.err}`);
    assert.match(ended.err, said, words.join(" "));
  }
  const offline = await put(["fine.txt", "-n", "p/n"], { more: { WANDB_MODE: "offline" } });
  assert.deepEqual(
    [offline.status, /the mode is offline; `steelyard online` or/.test(offline.err)],
    [1, true],
  );
  const nobody = await put(["fine.txt", "-n", "p/n"], { more: { WANDB_API_KEY: "" } });
  assert.equal(nobody.status, 4);
  const found = await server.query<{ project: unknown }>(
    `{ project(name: "p", entityName: "admin") { id } }`,
  );
  assert.equal(found.project, null);
  assert.equal((await put(["fine.txt", "-n", "p/n"])).status, 0);
  const other = await put(["fine.txt", "-n", "p/n", "-t", "model"]);
  assert.equal(other.status, 1);
  assert.match(
    other.err,
    /fine\.txt is not uploaded: artifact n has another type in project admin\/p; use that type or another name\n$/,
  );
  assert.deepEqual(readdirSync(join(dir, "data/artifacts/staging")), []);
});

test("artifact put on a terminal asks for the project and shows how far it got", {
  skip: process.platform !== "linux" && "other systems' script takes other words",
}, async (t) => {
  file("shown.bin", randomBytes(200_000));
  const ended = await runCommand(
    "script",
    ["-qec", `"${process.execPath}" "${MAIN}" artifact put shown.bin`, "/dev/null"],
    { cwd: here, environment: { ...environment(), TERM: "xterm" }, input: "asked\n" },
  ).catch(() => undefined);
  if (!ended) return t.skip("no `script` here to make a terminal with");
  assert.equal(ended.status, 0, ended.out);
  assert.match(ended.out, /Enter the name of the project you want to use: /);
  assert.match(ended.out, /█[█░]*.* \d+ %, [\d.]+ KiB of 195\.3 KiB sent, 1 file\(s\)/);
  assert.match(ended.out, /use_artifact\("admin\/asked\/shown\.bin:v0"\)/);
});

test("artifact put is stopped by Ctrl+C, and nothing is made of it", async (t) => {
  const web = createServer().listen(0, "127.0.0.1");
  await once(web, "listening");
  t.after(() => web.closeAllConnections());
  t.after(() => web.close());
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/never`;
  const child = spawn(process.execPath, [MAIN, "artifact", "put", url, "-n", "stopped/n"], {
    cwd: here,
    env: { PATH: process.env.PATH, ...environment() },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let err = "";
  child.stderr.on("data", (part) => {
    err += part;
  });
  await once(web, "request");
  child.kill("SIGINT");
  assert.deepEqual(await once(child, "close"), [130, null]);
  assert.match(err, /ERROR stopped: nothing was added\n$/);
  assert.deepEqual(await server.query(`{ project(name: "stopped", entityName: "admin") { id } }`), {
    project: null,
  });
});
