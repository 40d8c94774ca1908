import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import type { InitOptions } from "steelyard";
import * as steelyard from "steelyard";
import { runCommand } from "./command.ts";
import { newestClient, runScript } from "./python.ts";
import { type Ground, logsOf, openGround, PROJECT, readRun, runWhen, startScript } from "./sdk-runs.ts";
import type { RunningServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let ground: Ground;
let server: RunningServer;
let dir: string;
before(async () => {
  ground = await openGround("alerts");
  ({ server, dir } = ground);
});
after(() => ground.close());

const start = (options: InitOptions) => ground.start(options);

interface Shown {
  title: string;
  text: string;
  severity: string;
}

/** As the run's page asks for them, newest first. */
async function alertsOf(name: string): Promise<Shown[]> {
  const { project } = await server.query<{ project: { run: { alerts: Shown[] } } }>(
    `query($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) { alerts { title text severity } } } }`,
    { name },
  );
  return project.run.alerts;
}

function raise(run: Pick<steelyard.Run, "alert">): void {
  run.alert({ title: "Loss is NaN", text: "at step **3** 😀", level: "ERROR" });
  // Within its minute: held back by the server.
  run.alert({ title: "Loss is NaN", text: "again", level: "ERROR" });
  run.alert({ title: "Slow", level: "WARN", waitDuration: 0 });
  run.alert({ title: "Slow", text: "again", level: "WARN", waitDuration: 0 });
  run.alert({ title: "Done" });
}

const RAISED: Shown[] = [
  { title: "Done", text: "", severity: "INFO" },
  { title: "Slow", text: "again", severity: "WARN" },
  { title: "Slow", text: "", severity: "WARN" },
  { title: "Loss is NaN", text: "at step **3** 😀", severity: "ERROR" },
];

test("alerts are on the run's page, those of one title held apart by their wait", async () => {
  const run = await start({ id: "alerts" });
  raise({ alert: steelyard.alert });
  await assert.rejects(async () => run.alert({ title: "" }), /needs a title/);
  await assert.rejects(
    async () => run.alert({ title: "x", level: "warn" as "WARN" }),
    /INFO, WARN, ERROR, not "warn"/,
  );
  await assert.rejects(async () => run.alert({ title: "x", waitDuration: -1 }), /seconds from 0, not -1/);
  await run.finish();
  assert.deepEqual(await alertsOf("alerts"), RAISED);
});

test("an alert that the server refuses is told of, and the run goes on", async () => {
  const child = startScript(
    server,
    dir,
    "alert-refused",
    `run.on("dropped", ({ kind, kept }) => console.log(kind, kept));
run.alert({ title: "t".repeat(1001) }); run.log({ x: 1 }); await run.finish()`,
  );
  let said = "";
  child.stderr?.on("data", (part) => {
    said += part;
  });
  let heard = "";
  child.stdout?.on("data", (part) => {
    heard += part;
  });
  await new Promise((resolve) => child.once("close", resolve));
  assert.equal(heard, "refused true\n");
  assert.match(said, /the alert "t+" was refused \(.*1000 characters of title.*kept in /);
  assert.equal((await readRun(server, "alert-refused")).historyLineCount, 1);
});

test("an alert that the server refuses keeps nothing else of a log from it", async () => {
  const run = await start({ id: "alert-log", mode: "offline" });
  run.alert({ title: "t".repeat(1001) });
  run.alert({ title: "after" });
  run.log({ x: 1 });
  await run.finish();
  const { err } = await runCommand(
    process.execPath,
    [MAIN, "sync", dirname(logsOf(dir, "alert-log")[0] ?? "")],
    {
      cwd: dir,
      environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
    },
  );
  assert.match(err, /the alert "t+" was refused \(.*1000 characters of title/);
  assert.deepEqual(
    [
      (await alertsOf("alert-log")).map(({ title }) => title),
      (await readRun(server, "alert-log")).historyLineCount,
    ],
    [["after"], 1],
  );
});

test("alerts of an offline run are told when its log is sent, with their waits", async () => {
  for (const [id, by] of [
    ["alerts-ours", "steelyard"],
    ...(newestClient ? [["alerts-theirs", newestClient] as const] : []),
  ] as const) {
    const run = await start({ id, mode: "offline" });
    raise(run);
    await run.finish();
    const [log = ""] = logsOf(dir, id);
    const { err } =
      by === "steelyard"
        ? await runCommand(process.execPath, [MAIN, "sync", dirname(log)], {
            cwd: dir,
            environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
          })
        : { err: (await runScript(by, "sync_log.py", server, { args: [dirname(log)] })).stderr };
    assert.deepEqual(await alertsOf(id), RAISED, `${by}: ${err}`);
  }
});

test("a run that may lose its machine is preempting at once, and preempted or finished by how it ends", async () => {
  for (const [exitCode, state] of [
    [1, "preempted"],
    [0, "finished"],
  ] as const) {
    const id = `preempting-${exitCode}`;
    const run = await start({ id });
    run.log({ x: 1 });
    run.markPreempting();
    await runWhen(server, id, (is) => is.state === "preempting");
    await run.finish(exitCode);
    assert.equal((await readRun(server, id)).state, state);
  }
  const offline = await start({ id: "preempting-offline", mode: "offline" });
  offline.markPreempting();
  await offline.finish(1);
  await runCommand(process.execPath, [MAIN, "sync", dirname(logsOf(dir, "preempting-offline")[0] ?? "")], {
    cwd: dir,
    environment: { HOME: dir, WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey },
  });
  assert.equal((await readRun(server, "preempting-offline")).state, "preempted");
});
