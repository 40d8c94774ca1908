import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { init } from "steelyard";
import { runCommand } from "./command.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { newestClient, runScript } from "./python.ts";
import { PROJECT, readRun } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** Variables that say who of client and server does something, and how much is asked for at once. */
const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

let server: RunningServer;
let witness: FaultServer;
let dir: string;
before(async () => {
  server = await startServer();
  witness = await startFaultServer(server);
  dir = mkdtempSync(join(tmpdir(), "steelyard-variables-server-"));
});
after(async () => {
  await witness.stop();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What the summary has beside what the client adds. */
async function summaryOf(id: string): Promise<Record<string, unknown>> {
  const summary = parseExtendedJson((await readRun(server, id)).summaryMetrics) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(summary).filter(([key]) => !/^_(runtime|timestamp|wandb)$/.test(key)),
  );
}

async function withVariable<T>(name: string, value: string, what: () => Promise<T>): Promise<T> {
  process.env[name] = value;
  try {
    return await what();
  } finally {
    delete process.env[name];
  }
}

const start = (id: string) =>
  init({
    baseUrl: server.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    id,
    console: false,
    silent: true,
  });

test("WANDB_X_SERVER_SIDE_DERIVED_SUMMARY: the summary is the same, whoever makes it", async () => {
  const calls = [
    { log: { loss: 3, early: "once" } },
    { log: { loss: 1, deep: { a: 1 } } },
    { log: { loss: 2, odd: "NaN" } },
  ];
  const expected = { loss: 2, early: "once", deep: { a: 1 }, odd: Number.NaN, _step: 2 };
  const name = "WANDB_X_SERVER_SIDE_DERIVED_SUMMARY";
  for (const value of ["false", "true"]) {
    await withVariable(name, value, async () => {
      const run = await start(`derived-${value}`);
      run.log({ loss: 3, early: "once" });
      run.log({ loss: 1, deep: { a: 1 } });
      run.log({ loss: 2, odd: Number.NaN });
      await run.finish();
    });
    assert.deepEqual(await summaryOf(`derived-${value}`), expected, value);
    if (!newestClient) continue;
    const id = `derived-python-${value}`;
    const ended = await runScript(newestClient, "define_metric.py", server, {
      args: [id, JSON.stringify(calls)],
      env: { [name]: value },
    });
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(await summaryOf(id), expected, `the official client, ${value}`);
  }
});

test("WANDB_X_SERVER_SIDE_EXPAND_GLOB_METRICS: patterns of defineMetric count, whoever expands them", async () => {
  for (const value of ["false", "true"]) {
    const id = `globs-${value}`;
    await withVariable("WANDB_X_SERVER_SIDE_EXPAND_GLOB_METRICS", value, async () => {
      const run = await start(id);
      run.defineMetric("val/*", { summary: "min" });
      for (const x of [3, 1, 2]) run.log({ "val/x": x });
      await run.finish();
    });
    assert.deepEqual(await summaryOf(id), { "val/x": { min: 1 }, _step: 2 });
    if (!newestClient) continue;
    const calls = [
      { define: { name: "val/*", summary: "min" } },
      ...[3, 1, 2].map((x) => ({ log: { "val/x": x } })),
    ];
    const ended = await runScript(newestClient, "define_metric.py", server, {
      args: [`${id}-python`, JSON.stringify(calls)],
      env: { WANDB_X_SERVER_SIDE_EXPAND_GLOB_METRICS: value },
    });
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(await summaryOf(`${id}-python`), { "val/x": { min: 1 }, _step: 2 });
  }
});

test("WANDB_ARTIFACT_FETCH_FILE_URL_BATCH_SIZE: so many addresses are asked for at once, and all files come", async () => {
  const source = join(dir, "source");
  mkdirSync(source);
  for (let at = 0; at < 5; at++) writeFileSync(join(source, `${at}.py`), `print(${at})`);
  const run = await start("batches");
  await run.logCode(source, { name: "batches" });
  await run.finish();
  for (const [size, requests] of [
    ["2", 3],
    ["5000", 1],
  ] as const) {
    witness.seen.length = 0;
    const root = join(dir, size);
    const got = await runCommand(
      process.execPath,
      [MAIN, "artifact", "get", `admin/${PROJECT}/batches`, "--root", root],
      {
        cwd: dir,
        environment: {
          HOME: dir,
          WANDB_BASE_URL: witness.url,
          WANDB_API_KEY: server.apiKey,
          WANDB_ARTIFACT_FETCH_FILE_URL_BATCH_SIZE: size,
        },
      },
    );
    assert.equal(got.status, 0, got.err);
    assert.equal(readdirSync(root).length, 5);
    const asked = witness.seen.filter(({ body }) => body.includes("ArtifactFiles("));
    assert.equal(asked.length, requests);
  }
});
