import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { COMPILE_CACHE } from "../../../../scripts/toolchain.mjs";
import { readConfig } from "../../../server/src/config.ts";
import { makeRun } from "../../../server/src/http/doors.test-part.ts";
import { startServer } from "../../../server/src/main.ts";
import { openWorld, type World } from "../world.test-part.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
let world: World;
before(async () => {
  world = await openWorld();
  const { doors } = world;
  for (const name of ["a", "b", "c"]) await makeRun(doors, doors.admin, { project: "digits", name });
  for (const [name, lr, tags, loss] of [
    ["a", 0.1, ["base"], 0.5],
    ["b", 0.01, ["base", "long"], "NaN"],
  ] as const)
    await doors.graphql(
      doors.admin,
      `mutation { upsertBucket(input: {name: "${name}", modelName: "digits", tags: ${JSON.stringify(tags)},
        displayName: "run ${name}", config: "{\\"lr\\": {\\"value\\": ${lr}}, \\"_wandb\\": {\\"value\\": {}}}", summaryMetrics: "{\\"loss\\": ${loss}}"}) { bucket { id } } }`,
    );
  await world.stream("admin/digits/a", {
    files: {
      "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"loss":0.5}'] },
      "output.log": { offset: 0, content: ["first", "ERROR second"] },
    },
    complete: true,
    exitcode: 0,
  });
});
after(() => world.close());

const idsOf = (json: string) => (JSON.parse(json) as { id: string }[]).map(({ id }) => id);

test("run export: rows of one run, of several, of all; the file's name says the format", async () => {
  const one = await world.steelyard(["run", "export", "digits/a"]);
  assert.deepEqual([one.status, one.out], [0, "_step,loss\n0,0.5\n"], one.err);
  const lines = await world.steelyard(["run", "export", "a", "b", "-p", "digits", "--format", "jsonl"]);
  assert.deepEqual([lines.status, lines.out], [0, '{"run":"a","_step":0,"loss":0.5}\n'], lines.err);
  const file = await world.steelyard(["run", "export", "--all", "-p", "digits", "-o", "all.parquet"]);
  assert.deepEqual([file.status, file.out], [0, ""], file.err);
  assert.match(readFileSync(join(world.here, "all.parquet"), "latin1"), /^PAR1.*PAR1$/s);
  const sheet = await world.steelyard(["run", "export", "digits/a", "-o", "all.xlsx"]);
  assert.deepEqual([sheet.status, /all\.xlsx .* not clear from its name/.test(sheet.err)], [2, true]);
  const none = await world.steelyard(["run", "export", "nobody", "-p", "digits", "-o", "none.csv"]);
  assert.deepEqual([none.status, none.out], [1, ""]);
  assert.match(none.err, /no run admin\/digits\/nobody/);
  assert.equal(existsSync(join(world.here, "none.csv")), false);
  for (const words of [[], ["a", "--all", "-p", "digits"], ["digits/a", "other/b"]])
    assert.equal((await world.steelyard(["run", "export", ...words])).status, 2, words.join(" "));
});

test("run ls: the newest first, by state, tag and conditions on config and summary", async () => {
  const all = await world.steelyard(["runs", "ls", "-p", "digits"]);
  assert.deepEqual([all.status, all.err], [0, ""], all.err);
  assert.match(
    all.out,
    /^id +name +state +created +rows +tags\nc .*\nb +run b +running .*base,long\na +run a +finished .* 1 +base\n$/,
  );
  const ids = async (...args: string[]) =>
    idsOf((await world.steelyard(["run", "ls", "-p", "admin/digits", "--json", ...args])).out);
  assert.deepEqual(await ids("--state", "finished"), ["a"]);
  assert.deepEqual(await ids("--tag", "base"), ["b", "a"]);
  assert.deepEqual(await ids("--tag", "base", "--tag", "long"), ["b"]);
  assert.deepEqual(await ids("--filter", "config.lr>0.05"), ["a"]);
  assert.deepEqual(await ids("--filter", "config.lr<=0.1", "--filter", "display_name~b$"), ["b"]);
  assert.deepEqual(await ids("--filter", '{"$or": [{"name": "a"}, {"name": "c"}]}', "--order", "name"), [
    "a",
    "c",
  ]);
  const limited = await world.steelyard(["run", "ls", "-p", "digits", "--limit", "1"]);
  assert.match(limited.err, /2 more; --limit 0 lists all/);
  const [b] = JSON.parse(
    (await world.steelyard(["run", "ls", "-p", "digits", "--tag", "long", "--json"])).out,
  );
  assert.deepEqual(
    [b.config, b.summary, b.url],
    [{ lr: 0.01 }, { loss: "NaN" }, `${world.url}/admin/digits/runs/b`],
  );
});

test("run ls says what is wrong: a condition, a field, a project, a key", async () => {
  const ask = (...args: string[]) => world.steelyard(["run", "ls", "-p", "digits", ...args]);
  const condition = await ask("--filter", "loss");
  assert.deepEqual([condition.status, condition.out], [2, ""]);
  assert.match(condition.err, /FIELD OPERATOR VALUE/);
  const field = await ask("--filter", "lr=1");
  assert.match(field.err, /filter: lr is not a field of runs; config values are config\.<key>/);
  const state = await ask("--state", "done");
  assert.deepEqual(
    [state.status, /--state takes one of .*finished.*; not "done"/.test(state.err)],
    [2, true],
  );
  assert.match((await ask("--filter", "config.lr>")).err, /config\.lr> has no value/);
  const project = await world.steelyard(["run", "ls", "-p", "nothing"]);
  assert.deepEqual([project.status, /no project admin\/nothing.*-p PROJECT/.test(project.err)], [1, true]);
  const stranger = await world.steelyard(["run", "ls"], { environment: { WANDB_API_KEY: "x".repeat(40) } });
  assert.equal(stranger.status, 4, stranger.err);
  assert.equal((await world.steelyard(["run", "ls"], { environment: { WANDB_API_KEY: "" } })).status, 4);
});

test("run show: by id, project/id and entity/project/id", async () => {
  const environment = { WANDB_PROJECT: "digits" };
  for (const path of ["a", "admin/digits/a", `${world.url}/admin/digits/runs/a?tab=x`]) {
    const { out, status, err } = await world.steelyard(["run", "show", path], { environment });
    assert.equal(status, 0, err);
    assert.match(out, /^state +finished, exit code 0$/m);
    assert.match(out, /^config\n {2}lr {2}0\.1$/m);
    assert.match(out, /^summary\n {2}loss {2}0\.5$/m);
  }
  const json = JSON.parse((await world.steelyard(["run", "show", "digits/a", "--json"])).out);
  assert.deepEqual([json.id, json.rows, json.exitCode, json.globalId], ["a", 1, 0, undefined]);
  const nobody = await world.steelyard(["run", "show", "digits/zz"]);
  assert.deepEqual([nobody.status, /no run admin\/digits\/zz/.test(nobody.err)], [1, true]);
  assert.match((await world.steelyard(["run", "show", "a/b/c/d"])).err, /entity\/project\/id/);
});

test("run logs: what there is, its end, as JSON; -f goes on until the run ends", async () => {
  assert.equal((await world.steelyard(["run", "logs", "digits/a"])).out, "first\nsecond\n");
  assert.equal((await world.steelyard(["run", "logs", "digits/a", "-n", "1"])).out, "second\n");
  const json = (await world.steelyard(["run", "logs", "digits/a", "--json"])).out.trimEnd().split("\n");
  assert.deepEqual(JSON.parse(json[1] ?? ""), {
    number: 1,
    timestamp: null,
    level: "error",
    label: null,
    line: "second",
  });
  const write = (offset: number, content: string[], more: object = {}) =>
    world.stream("admin/digits/c", { files: { "output.log": { offset, content } }, ...more });
  await write(0, ["one", "50 %"]);
  const child = spawn(process.execPath, [MAIN, "run", "logs", "-f", "digits/c"], {
    cwd: world.here,
    env: {
      PATH: process.env.PATH,
      ...COMPILE_CACHE,
      HOME: world.here,
      WANDB_BASE_URL: world.url,
      WANDB_API_KEY: world.doors.admin,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const seen: string[] = [];
  // Each line that comes is the sign to write the next: nothing waits for a clock.
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (line === "50 %") await write(1, ["100 %"]);
    if (line === "100 %") await write(2, ["done"], { complete: true, exitcode: 0 });
  }
  if (child.exitCode === null) await once(child, "close");
  assert.deepEqual(seen, ["one", "50 %", "100 %", "done"]);
  assert.equal(child.exitCode, 0);
});

test("run logs -f goes on when the server is back", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "steelyard-follow-"));
  const start = (port: string) =>
    startServer(readConfig(["--port", port, "--data-dir", dataDir, "--log-level", "silent"], {}));
  let server = await start("0");
  const { url, adminApiKey = "" } = server;
  const ask = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${adminApiKey}`, "content-type": "application/json" };
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  };
  const write = (offset: number, content: string[], more: object = {}) =>
    ask("/files/admin/p/r/file_stream", { files: { "output.log": { offset, content } }, ...more });
  await ask("/graphql", {
    query: `mutation { upsertBucket(input: {modelName: "p", name: "r"}) { bucket { id } } }`,
  });
  await write(0, ["before"]);
  const child = spawn(process.execPath, [MAIN, "run", "logs", "-f", "p/r"], {
    cwd: world.here,
    env: {
      PATH: process.env.PATH,
      ...COMPILE_CACHE,
      HOME: world.here,
      WANDB_BASE_URL: url,
      WANDB_API_KEY: adminApiKey,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let closing: Promise<void> | undefined;
  child.stderr.once("data", async (told: Buffer) => {
    assert.match(told.toString(), /no server answers.*trying again/);
    // It may be missed before its end is over.
    await closing;
    server = await start(new URL(url).port);
    await write(1, ["after"], { complete: true, exitcode: 0 });
  });
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (line === "before") closing = server.close();
  }
  if (child.exitCode === null) await once(child, "close");
  assert.deepEqual([seen, child.exitCode], [["before", "after"], 0]);
  await server.close();
  rmSync(dataDir, { recursive: true });
});

test("run tag, stop: by name, and by filter after asking", async () => {
  const tagsOf = async (id: string) =>
    JSON.parse((await world.steelyard(["run", "show", `digits/${id}`, "--json"])).out).tags as string[];
  const named = await world.steelyard(["run", "tag", "digits/a", "--add", "best,x y", "--remove", "base"]);
  assert.deepEqual([named.status, await tagsOf("a")], [0, ["best", "x y"]], named.err);
  assert.match((await world.steelyard(["run", "tag", "digits/a", "--add", "best"])).err, /0 run\(s\) tagged/);
  assert.equal((await world.steelyard(["run", "tag", "digits/a"])).status, 2);
  const silent = await world.steelyard(["run", "tag", "-p", "digits", "--state", "finished", "--add", "old"]);
  assert.deepEqual([silent.status, /say --yes/.test(silent.err)], [1, true]);
  const would = await world.steelyard([
    "run",
    "tag",
    "-p",
    "digits",
    "--tag",
    "best",
    "--add",
    "old",
    "--dry-run",
    "--json",
  ]);
  assert.deepEqual([idsOf(would.out), (await tagsOf("a")).includes("old")], [["a"], false]);
  await world.steelyard(["run", "tag", "-p", "digits", "--tag", "best", "--add", "old", "--yes"]);
  assert.ok((await tagsOf("a")).includes("old"));
  const both = await world.steelyard(["run", "stop", "digits/b", "--all"]);
  assert.equal(both.status, 2);
  const stopped = await world.steelyard(["run", "stop", "digits/a", "digits/b", "--json"]);
  assert.deepEqual(
    JSON.parse(stopped.out).map(({ id, changed }: { id: string; changed: boolean }) => [id, changed]),
    [
      ["a", false],
      ["b", true],
    ],
  );
  const heard = await world.doors.ask(world.doors.admin, "POST", "/files/admin/digits/b/file_stream", {});
  assert.deepEqual(heard.json(), { stopped: true });
});

test("run rm, undelete: asks, deletes by filter, lists what was deleted, brings it back", async (t) => {
  const { doors } = world;
  for (const name of ["d1", "d2"]) await makeRun(doors, doors.admin, { project: "old", name });
  const asking = await world.steelyard(["run", "rm", "old/d1"]);
  assert.deepEqual([asking.status, /say --yes/.test(asking.err)], [1, true]);
  const gone = await world.steelyard(["run", "rm", "-p", "old", "--filter", "name~^d", "--yes"]);
  assert.match(gone.err, /2 run\(s\) deleted/);
  assert.match((await world.steelyard(["run", "ls", "-p", "old"])).err, /No runs in admin\/old/);
  assert.deepEqual(
    idsOf((await world.steelyard(["run", "ls", "-p", "old", "--deleted", "--json"])).out).sort(),
    ["d1", "d2"],
  );
  assert.equal((await world.steelyard(["run", "undelete", "old/d1"])).status, 0);
  assert.deepEqual(idsOf((await world.steelyard(["run", "ls", "-p", "old", "--json"])).out), ["d1"]);
  assert.match((await world.steelyard(["run", "undelete", "old/d1"])).err, /no run d1 was deleted/);
  const none = await world.steelyard([
    "run",
    "rm",
    "-p",
    "old",
    "--state",
    "failed",
    "--yes",
    "--fail-empty",
  ]);
  assert.equal(none.status, 3);
  for (const [answer, left] of [
    ["n", ["d1"]],
    ["y", []],
  ] as const) {
    if (!(await world.onTerminal("run rm old/d1", { input: `${answer}\n` })))
      return t.skip("no `script` here to make a terminal with");
    assert.deepEqual(idsOf((await world.steelyard(["run", "ls", "-p", "old", "--json"])).out), left, answer);
  }
});
