import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { runCommand } from "./command.ts";
import { clientVersions, newestClient, runScript } from "./python.ts";
import { exitOf, logsOf, PROJECT, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** Whose a run is that a service account's key makes, as each client says it. */
suite("the author of a run", () => {
  let server: RunningServer;
  let dir: string;
  /** Of a service account of the team, and of one of its people. */
  let robot = "";
  let bob = "";
  before(async () => {
    server = await startServer();
    dir = mkdtempSync(join(tmpdir(), "steelyard-author-"));
    const make = async (path: string, body: object) => {
      const response = await server.fetch(`/api/v1/admin/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return ((await response.json()) as { apiKey: string }).apiKey;
    };
    robot = await make("users", { username: "robot", kind: "service" });
    await make("users", { username: "ann", email: "ann@example.org" });
    bob = await make("users", { username: "bob", email: "bob@example.org" });
    await make("users", { username: "eve", email: "eve@example.org" });
    await make("teams", {
      name: "lab",
      members: ["robot", "ann", "bob"].map((username) => ({ username, role: "member" })),
    });
  });
  after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function authorOf(run: string): Promise<string | undefined> {
    const { project } = await server.query<{ project: { run: { user: { username: string } } | null } }>(
      `query A($run: String!) { project(name: "${PROJECT}", entityName: "lab") { run(name: $run) { user { username } } } }`,
      { run },
    );
    return project.run?.user.username;
  }

  /** A run of our SDK with these variables; its author, and what it tells of its machine. */
  async function sdkRun(id: string, environment: Record<string, string>) {
    const child = startScript(server, dir, id, "run.log({ loss: 1 }); await run.finish();", {
      environment: { WANDB_ENTITY: "lab", WANDB_API_KEY: robot, ...environment },
    });
    assert.equal(await exitOf(child), 0);
    const metadata = join(dirname(logsOf(dir, id)[0] ?? ""), "files", "wandb-metadata.json");
    const { username, email } = JSON.parse(readFileSync(metadata, "utf8")) as Record<string, string>;
    return { author: await authorOf(id), username, email };
  }

  test("WANDB_USERNAME, WANDB_USER_EMAIL: the member of the team that a service account's run is for", async () => {
    assert.deepEqual(await sdkRun("by-name", { WANDB_USERNAME: "ann" }), {
      author: "ann",
      username: "ann",
      email: undefined,
    });
    const byEmail = await sdkRun("by-email", { WANDB_USER_EMAIL: "ann@example.org" });
    assert.deepEqual([byEmail.author, byEmail.email], ["ann", "ann@example.org"]);
    const both = { WANDB_USERNAME: "bob", WANDB_USER_EMAIL: "ann@example.org" };
    assert.deepEqual(await sdkRun("by-both", both), {
      author: "bob",
      username: "bob",
      email: "ann@example.org",
    });
    assert.equal((await sdkRun("empty", { WANDB_USERNAME: "", WANDB_USER_EMAIL: "" })).author, "robot");
    // Neither a stranger's name nor one that HTTP has no letters for stops a run.
    assert.equal((await sdkRun("stranger", { WANDB_USERNAME: "eve" })).author, "robot");
    assert.equal((await sdkRun("letters", { WANDB_USERNAME: "앤" })).author, "robot");
    // A person's key is the person, whatever is said; the account's e-mail does not replace what was given.
    const own = { WANDB_API_KEY: bob, WANDB_USERNAME: "ann", WANDB_USER_EMAIL: "somebody@example.org" };
    assert.deepEqual(await sdkRun("own", own), {
      author: "bob",
      username: "ann",
      email: "somebody@example.org",
    });
  });

  test("WANDB_USERNAME, WANDB_USER_EMAIL: an offline run belongs to whom `sync` names", async () => {
    const child = startScript(server, dir, "later", "run.log({ loss: 1 }); await run.finish();", {
      environment: { WANDB_MODE: "offline" },
    });
    assert.equal(await exitOf(child), 0);
    const cli = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
    const folder = dirname(logsOf(dir, "later")[0] ?? "");
    const ended = await runCommand(process.execPath, [cli, "sync", "--entity", "lab", folder], {
      cwd: dir,
      environment: {
        HOME: dir,
        WANDB_BASE_URL: server.url,
        WANDB_API_KEY: robot,
        WANDB_USERNAME: "ann",
      },
    });
    assert.equal(ended.status, 0, ended.err);
    assert.equal(await authorOf("later"), "ann");
  });

  for (const version of new Set([clientVersions[0], newestClient])) {
    test(`WANDB_USERNAME, WANDB_USER_EMAIL: as the Python client ${version ?? "(not installed)"} sends them`, {
      skip: version === undefined,
    }, async () => {
      const run = async (name: string, env: Record<string, string>) => {
        const id = `py-${name}-${version?.replaceAll(".", "-")}`;
        const { code, stderr } = await runScript(version ?? "", "one_run.py", server, {
          env: {
            WANDB_RUN_ID: id,
            WANDB_PROJECT: PROJECT,
            WANDB_ENTITY: "lab",
            WANDB_API_KEY: robot,
            ...env,
          },
        });
        assert.equal(code, 0, stderr);
        return authorOf(id);
      };
      assert.deepEqual(
        await Promise.all([
          run("name", { WANDB_USERNAME: "ann" }),
          run("email", { WANDB_USER_EMAIL: "ann@example.org" }),
          run("own", { WANDB_API_KEY: bob, WANDB_USERNAME: "ann" }),
        ]),
        ["ann", "ann", "bob"],
      );
    });
  }
});
