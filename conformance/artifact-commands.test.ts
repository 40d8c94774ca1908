import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { interpreterOf, newestClient, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
const skip = !newestClient && "no official client is installed";

let server: RunningServer;
/** Holds a home, the folder that commands run in, and a link named `wandb`. */
let dir: string;
let here: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-artifacts-"));
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
  LANG: "C.UTF-8",
  WANDB_BASE_URL: server.url,
  WANDB_API_KEY: server.apiKey,
  WANDB_ERROR_REPORTING: "false",
  WANDB__SERVICE_WAIT: "300",
});
const called =
  (program: string) =>
  (words: string[], more: Record<string, string> = {}) =>
    runCommand(process.execPath, [program, "artifact", ...words], {
      cwd: here,
      environment: { ...environment(), ...more },
    });
const artifact = called(MAIN);
const wandbArtifact = (words: string[]) => called(join(dir, "wandb"))(words);
/** The official client's own command. */
const official = (words: string[], more: Record<string, string> = {}) =>
  runCommand(join(dirname(interpreterOf(newestClient ?? "")), "wandb"), ["artifact", ...words], {
    cwd: here,
    environment: { ...environment(), ...more },
  });
/** Runs of spaces are one: a long type is set apart from what follows. */
const linesOf = (text: string) =>
  text
    .split("\n")
    .map((line) =>
      line
        .replace(/^wandb: /, "")
        .replace(/ +/g, " ")
        .trim(),
    )
    .filter(Boolean);

async function script(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runScript(newestClient ?? "", "artifacts.py", server, { args });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("artifact ls lists what the official client's does, on standard output", { skip }, async () => {
  await script("log", "listed");
  const theirs = await official(["ls", "admin/listed"]);
  assert.equal(theirs.status, 0, theirs.err);
  const ours = await artifact(["ls", "admin/listed"]);
  assert.deepEqual([ours.status, ours.err], [0, ""]);
  const listed = linesOf(theirs.err).filter((line) => !line.startsWith("WARNING"));
  assert.equal(listed.length, 3, theirs.err);
  assert.deepEqual(
    linesOf(ours.out),
    listed.map((line) => line.replace("-column2", "-column 2")),
  );
  assert.deepEqual((await wandbArtifact(["ls", "listed"])).out, ours.out);
  assert.match(ours.out, /^dataset +N\/A +0 B gone +\(no versions\)$/m);
  assert.match(ours.out, /^a-type\S+ \S+ +2\.0KB net:v0$/m);

  const some = await artifact(["ls", "listed", "-t", "dataset", "--json"]);
  const found = JSON.parse(some.out) as Record<string, unknown>[];
  assert.deepEqual(
    found.map(({ type, name, version, sizeBytes }) => [type, name, version, sizeBytes]),
    [
      ["dataset", "gone", null, 0],
      ["dataset", "numbers", "v1", 7],
    ],
  );
});

test("artifact ls says what is not there", async () => {
  const none = await artifact(["ls", "admin/nothing"]);
  assert.deepEqual([none.status, none.out], [1, ""]);
  assert.match(none.err, /ERROR there is no project admin\/nothing, or you may not see it\n$/);
  const bad = await artifact(["ls", "a/b/c"]);
  assert.deepEqual([bad.status, /a project is named by project or entity\/project/.test(bad.err)], [1, true]);
  await server.query(
    `mutation { upsertModel(input: { name: "bare", entityName: "admin" }) { model { id } } }`,
  );
  const bare = await artifact(["ls", "bare"]);
  assert.deepEqual(
    [bare.status, bare.out, /No artifacts found in admin\/bare/.test(bare.err)],
    [0, "", true],
  );
  const type = await artifact(["ls", "bare", "--type", "model"]);
  assert.deepEqual([type.status, type.out], [1, ""]);
  assert.match(type.err, /admin\/bare has no artifacts of type model; its types are none\n$/);
});

test("artifact cache cleanup leaves of a cache what the official client's leaves", { skip }, async () => {
  const caches = ["ours", "theirs"].map((name) => {
    const cache = join(dir, "caches", name);
    for (const [at, bytes] of [700, 20, 300, 5000, 41].entries()) {
      const path = join(cache, "artifacts/obj/md5", `a${at}`, "file");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "x".repeat(bytes));
      // Used in another order than they are found in.
      utimesSync(path, 1_700_000_000 + ((at * 2) % 5) * 1000, 1_600_000_000);
    }
    mkdirSync(join(cache, "artifacts/tmp"));
    writeFileSync(join(cache, "artifacts/tmp/part"), "x".repeat(100));
    return cache;
  });
  const [ours = "", theirs = ""] = caches;
  const left = (cache: string) => globSync("artifacts/*/**/{file,part}", { cwd: cache }).sort();
  for (const words of [["10KB"], ["5.5KB"], ["5.1 KB", "--remove-temp"], ["50"]]) {
    const told = await official(["cache", "cleanup", ...words], { WANDB_CACHE_DIR: theirs });
    const said = await artifact(["cache", "cleanup", ...words], { WANDB_CACHE_DIR: ours });
    assert.deepEqual([told.status, said.status], [0, 0], told.err + said.err);
    assert.deepEqual(left(ours), left(theirs), words.join(" "));
    assert.equal(linesOf(said.err).at(-1)?.replace("steelyard: ", ""), linesOf(told.err).at(-1));
  }
});
