import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { interpreterOf, newestClient } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What self-hosted servers are checked with by those who run them. */
let server: RunningServer;
let folder: string;
before(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "steelyard-verify-"));
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const CHECKS = [
  "Checking if logged in",
  "Checking signed URL upload",
  "Checking ability to send large payloads through proxy",
  "Checking CORs configuration of the bucket",
  "Checking wandb package version is up to date",
  "Checking logged metrics, saving and downloading a file",
  "Checking artifact save and download workflows",
];
/** Here the address is http; there are no sweeps yet. */
const NOT_HERE = [
  "Checking requests to base url",
  "Checking requests made over signed URLs",
  "Checking sweep creation and agent execution",
];

test("the official `wandb verify` finds a whole server", async (t) => {
  if (newestClient === undefined) return t.skip("no official client is installed");
  const python = interpreterOf(newestClient);
  const { out, err } = await runCommand(join(dirname(python), "wandb"), ["verify"], {
    cwd: folder,
    environment: {
      PATH: `${dirname(python)}:${process.env.PATH}`,
      HOME: folder,
      LANG: "C.UTF-8",
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      WANDB_ERROR_REPORTING: "false",
      NO_PROXY: "127.0.0.1,localhost",
    },
  });
  assert.deepEqual(resultsOf(out), { good: CHECKS, bad: NOT_HERE }, out + err);
});

test("steelyard verify finds the same, leaves nothing behind, and says what is wrong", async () => {
  const steelyard = (args: string[], environment: Record<string, string> = {}) =>
    runCommand(
      process.execPath,
      [join(import.meta.dirname, "../packages/cli/src/main.ts"), "verify", ...args],
      {
        cwd: folder,
        environment: {
          HOME: folder,
          WANDB_BASE_URL: server.url,
          WANDB_API_KEY: server.apiKey,
          ...environment,
        },
      },
    );
  const { status, out, err } = await steelyard([]);
  assert.equal(status, 0, out + err);
  assert.equal(out.split("\n")[0], `Default host selected: ${server.url}`);
  const { good, bad } = resultsOf(out);
  assert.deepEqual([good.length, bad], [5, ["Checking requests to base url"]], out);
  assert.equal(err, "");
  const { project } = await server.query<{ project: { runCount: number } }>(
    '{ project(name: "verify", entityName: "admin") { runCount(filters: "{\\"display_name\\":{\\"$regex\\":\\"steelyard\\"}}") } }',
  );
  assert.equal(project.runCount, 0);
  const json = JSON.parse((await steelyard(["--json"])).out) as { ok: boolean; checks: { result: string }[] };
  assert.deepEqual([json.ok, json.checks.length], [true, 6]);
  const unknown = await steelyard(["--host", server.url], { WANDB_API_KEY: "x".repeat(40) });
  assert.equal(unknown.status, 1);
  assert.deepEqual(resultsOf(unknown.out), { good: [], bad: ["Checking if logged in"] });
  const nobody = await steelyard(["--host", "http://127.0.0.1:59997"]);
  assert.equal(nobody.status, 1);
  assert.match(nobody.out, /no server answers at http:\/\/127\.0\.0\.1:59997/);
});

function resultsOf(out: string): { good: string[]; bad: string[] } {
  const found = (mark: string) =>
    Array.from(out.matchAll(new RegExp(`^(Checking [^.]*)\\.+${mark}`, "gm")), ([, check = ""]) => check);
  return { good: found("✅"), bad: found("❌") };
}
