import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type InitOptions, unknownOptions } from "./init-options.ts";

test("WANDB_BASE_URL: with nothing set, a run asks for a key of this machine's server and for no other's", () => {
  const empty = mkdtempSync(join(tmpdir(), "steelyard-default-"));
  try {
    const sdk = new URL("./index.ts", import.meta.url).href;
    const { stdout } = spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { init } from ${JSON.stringify(sdk)}; await init().catch((error) => console.log(error.message));`,
      ],
      { cwd: empty, env: { PATH: process.env.PATH, HOME: empty }, encoding: "utf8" },
    );
    assert.match(
      stdout,
      /^no API key for http:\/\/127\.0\.0\.1:8080 \(WANDB_BASE_URL names another server\)/,
    );
  } finally {
    rmSync(empty, { recursive: true });
  }
});

test("a word that is no option of init is told of, with the one that was probably meant", () => {
  const told = (options: object) => unknownOptions(options as InitOptions);
  assert.deepEqual(
    told({ project: "p", config: {}, id: "i", initTimeoutMs: 1, console: false, job: undefined }),
    [],
  );
  const meant = { projet: "project", job_type: "jobType", run_id: undefined, runId: "id", colour: undefined };
  assert.deepEqual(
    told(Object.fromEntries(Object.keys(meant).map((word) => [word, 1]))),
    Object.entries(meant).map(
      ([word, option]) =>
        `init({ ${word} }) is no option and does not count${option ? `; did you mean ${option}?` : ""}`,
    ),
  );
});
