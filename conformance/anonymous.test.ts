import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { clientVersions, runScript } from "./python.ts";
import { exitOf, PROJECT, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** The last release that asks for an anonymous key; the first is the oldest one tested. */
const LAST = "0.22.3";

/** Runs of who has no account: made, and read by who has the printed link. */
suite("anonymous runs", { concurrency: true }, () => {
  let server: RunningServer;
  let closed: RunningServer;
  let dir: string;
  before(async () => {
    [server, closed] = await Promise.all([startServer({ flags: ["--anonymous", "on"] }), startServer()]);
    dir = mkdtempSync(join(tmpdir(), "steelyard-anonymous-"));
  });
  after(async () => {
    await Promise.all([server.stop(), closed.stop()]);
    rmSync(dir, { recursive: true, force: true });
  });

  const linkIn = (text: string) =>
    /http:\/\/\S+\/([^/]+)\/([^/]+)\/runs\/([\w-]+)\?apiKey=([\w-]+)/.exec(text);

  async function runOf(key: string, entity: string, project: string, run: string, at = server) {
    const response = await fetch(`${at.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        query: `{ project(name: "${project}", entityName: "${entity}") { run(name: "${run}") { state historyLineCount user { username } } } }`,
      }),
    });
    const { data } = (await response.json()) as { data: { project: { run: object } | null } };
    return data.project?.run;
  }

  /** What a program of the SDK says and where it ends; it has no key of its own unless one is given. */
  async function sdk(id: string, environment: Record<string, string>, at = server, init = "") {
    const child = startScript(
      at,
      dir,
      id,
      "run.log({ loss: 1 }); console.log(run.url); await run.finish();",
      {
        init,
        environment: { WANDB_API_KEY: "", HOME: dir, WANDB_CONSOLE: "wrap", ...environment },
      },
    );
    let err = "";
    let out = "";
    child.stderr?.on("data", (part) => {
      err += part;
    });
    child.stdout?.on("data", (part) => {
      out += part;
    });
    const code = await exitOf(child);
    return { code, err, out: out.trim() };
  }

  test("WANDB_ANONYMOUS: must makes a private run though there is a key; its key is in the link and in no file", async () => {
    const { code, err, out } = await sdk("must", { WANDB_ANONYMOUS: "must", WANDB_API_KEY: server.apiKey });
    assert.equal(code, 0, err);
    const [link = "", entity = "", project = "", run = "", key = ""] = linkIn(err) ?? [];
    assert.equal(out, link);
    assert.match(entity, /^anonymous-/);
    assert.match(err, /anonymous: who has its link sees it and can claim it/);
    assert.deepEqual(await runOf(key, entity, project, run), {
      state: "finished",
      historyLineCount: 1,
      user: { username: entity },
    });
    const stranger = await server.fetch("/api/v1/admin/users", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "eve" }),
    });
    const { apiKey } = (await stranger.json()) as { apiKey: string };
    assert.equal(await runOf(apiKey, entity, project, run), undefined);
    const files = globSync("**", { cwd: dir, withFileTypes: true }).filter((entry) => entry.isFile());
    const withKey = files
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => readFileSync(path).includes(key));
    // What the program itself printed is in its console's log; nothing else has it.
    assert.deepEqual(
      withKey.filter((path) => !/output\.log$|\.wandb$/.test(path)),
      [],
    );
    assert.ok(!server.log().includes(key));
  });

  test("WANDB_ANONYMOUS: allow only where there is no key, never not at all; an entity does not count", async () => {
    const allowed = await sdk("allowed", { WANDB_ANONYMOUS: "allow", WANDB_ENTITY: "admin" });
    assert.match(linkIn(allowed.err)?.[1] ?? "", /^anonymous-/, allowed.err);
    assert.match(allowed.err, /entity "admin" does not count/);
    const own = await sdk("own", { WANDB_ANONYMOUS: "allow", WANDB_API_KEY: server.apiKey });
    assert.equal(own.code, 0);
    assert.match(own.err, /\/admin\/sdk\/runs\/own\n/);
    const never = await sdk("never", { WANDB_ANONYMOUS: "never" });
    assert.notEqual(never.code, 0);
    assert.match(never.err, /no API key for/);
    const given = await sdk("given", {}, server, 'anonymous: "must"');
    assert.match(linkIn(given.err)?.[1] ?? "", /^anonymous-/, given.err);
  });

  test("WANDB_ANONYMOUS: a server that makes none is told of, and all goes on as with never", async () => {
    const withKey = await sdk("with", { WANDB_ANONYMOUS: "must", WANDB_API_KEY: closed.apiKey }, closed);
    assert.equal(withKey.code, 0, withKey.err);
    assert.match(withKey.err, /WANDB_ANONYMOUS=must has no effect: .* takes no anonymous runs/);
    assert.match(withKey.err, /\/admin\/sdk\/runs\/with\n/);
    const without = await sdk("without", { WANDB_ANONYMOUS: "allow" }, closed);
    assert.notEqual(without.code, 0);
    assert.match(without.err, /no API key for/);
    const offline = await sdk("offline", { WANDB_ANONYMOUS: "must", WANDB_MODE: "offline" }, closed);
    assert.equal(offline.code, 0, offline.err);
    assert.doesNotMatch(offline.err, /ANONYMOUS/);
  });

  /** As a person does on the page: the link opened, signed in as the administrator, claimed. */
  async function claim(apiKey: string): Promise<void> {
    const post = async (path: string, body: object, cookie = "") => {
      const response = await fetch(server.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", origin: server.url, cookie },
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200, await response.clone().text());
      return response.headers.get("set-cookie")?.split(";")[0] ?? "";
    };
    const guest = await post("/api/v1/anonymous/visit", { apiKey });
    const session = await post("/api/v1/session", { apiKey: server.apiKey });
    await post("/api/v1/anonymous/claim", {}, `${guest}; ${session}`);
  }

  test(`WANDB_ANONYMOUS: claimed while the Python client ${LAST} writes it, a run comes whole`, {
    skip: !clientVersions.includes(LAST),
  }, async () => {
    let claiming: Promise<void> | undefined;
    const { code, stdout, stderr } = await runScript(LAST, "long_run.py", server, {
      args: ["4"],
      env: { WANDB_ANONYMOUS: "must", WANDB_API_KEY: "" },
      onText: (text) => {
        const key = linkIn(text)?.[4];
        if (key && /^RUN /m.test(text)) claiming ??= claim(key);
      },
    });
    await claiming;
    assert.equal(code, 0, stderr);
    const run = /^RUN (\S+)/m.exec(stdout)?.[1] ?? "";
    const rows = Number(/^ROWS (\d+)/m.exec(stdout)?.[1]);
    // Hundreds, but on a machine that is busy.
    assert.ok(rows > 20, stdout);
    assert.deepEqual(await runOf(server.apiKey, "admin", "lives", run), {
      state: "finished",
      historyLineCount: rows,
      user: { username: "admin" },
    });
  });

  for (const version of [clientVersions[0], LAST].filter(
    (one) => one === undefined || clientVersions.includes(one),
  )) {
    test(`WANDB_ANONYMOUS: must, as the Python client ${version ?? "(not installed)"} does it`, {
      skip: version === undefined,
    }, async () => {
      const { code, stdout, stderr } = await runScript(version ?? "", "one_run.py", server, {
        env: { WANDB_ANONYMOUS: "must", WANDB_API_KEY: "", WANDB_PROJECT: PROJECT },
      });
      assert.equal(code, 0, stderr);
      const [, entity = "", project = "", run = "", key = ""] = linkIn(stdout + stderr) ?? [];
      assert.match(entity, /^anonymous-/, stderr);
      assert.deepEqual(await runOf(key, entity, project, run), {
        state: "finished",
        historyLineCount: 1,
        user: { username: entity },
      });
    });
  }
});
