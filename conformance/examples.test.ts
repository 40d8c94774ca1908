import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { runCommand } from "./command.ts";
import { integrationsVenv, interpreterOf } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";

const ROOT = new URL("..", import.meta.url).pathname;

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-examples-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Train to the end, and give what the server has of `key`, the held-out score, in order. */
async function scoresOf(
  key: string,
  program: string,
  args: string[],
  environment: Record<string, string>,
): Promise<number[]> {
  const { status, out, err } = await runCommand(program, args, {
    cwd: dir,
    environment: {
      HOME: dir,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      WANDB_ERROR_REPORTING: "false",
      WANDB_DIR: dir,
      ...environment,
    },
  });
  assert.equal(status, 0, (out + err).slice(-2000));
  const { models } = await server.query<{
    models: { edges: { node: { runs: { edges: { node: { state: string; history: string[] } }[] } } }[] };
  }>(
    `{ models(entityName: "admin") { edges { node { runs(first: 1) { edges { node { state
       history(minStep: 0, maxStep: 100000, samples: 100000) } } } } } } }`,
  );
  const run = models.edges[0]?.node.runs.edges[0]?.node;
  assert.equal(run?.state, "finished");
  return (run?.history ?? []).flatMap((line) => {
    const score = (parseExtendedJson(line) as Record<string, unknown>)[key];
    return typeof score === "number" ? [score] : [];
  });
}

function assertLearned(scores: number[]): void {
  const [first = 1] = scores;
  const last = scores.at(-1) ?? 0;
  assert.ok(scores.length > 3, `${scores.length} scores`);
  assert.ok(last > first && last > 0.8, `the held-out score went from ${first} to ${last}`);
}

test("npm run example: a network learns, in TypeScript, and every score is at the server", async () => {
  assertLearned(
    await scoresOf(
      "validation/accuracy",
      process.execPath,
      [join(ROOT, "scripts/example.mjs"), "--once"],
      {},
    ),
  );
});

const light = integrationsVenv("light");
test("examples/python/train.py: the same with the official client", {
  skip: light === undefined && "no Python environment with scikit-learn",
}, async () => {
  const python = interpreterOf(light ?? "");
  assertLearned(
    await scoresOf("held_out/accuracy", python, [join(ROOT, "examples/python/train.py")], { EPOCHS: "8" }),
  );
});
