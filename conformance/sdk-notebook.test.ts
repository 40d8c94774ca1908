import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { exitOf, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-notebook-"));
  writeFileSync(join(dir, "train.ipynb"), "{}");
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A run of a program of that name, with these variables: what it says it is, and what it prints. */
async function programOf(id: string, name: string, variables: Record<string, string>) {
  const before = Object.fromEntries(Object.keys(variables).map((key) => [key, process.env[key]]));
  Object.assign(process.env, variables);
  const child = startScript(server, dir, id, "console.log(run.dir)", { init: "console: false", name });
  for (const [key, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[key];
    else process.env[key] = value;
  }
  let out = "";
  let err = "";
  child.stdout?.on("data", (part) => {
    out += part;
  });
  child.stderr?.on("data", (part) => {
    err += part;
  });
  assert.equal(await exitOf(child), 0, err);
  const { program, args } = JSON.parse(readFileSync(join(out.trim(), "wandb-metadata.json"), "utf8"));
  return { program, args, warned: /WANDB_NOTEBOOK_NAME should be .*/.exec(err)?.[0] };
}

test("WANDB_NOTEBOOK_NAME: in the kernel of a notebook it is the program, elsewhere it says nothing", async () => {
  const notebook = join(dir, "train.ipynb");
  const named = { WANDB_NOTEBOOK_NAME: notebook };
  assert.deepEqual(await programOf("named", "tslab", named), {
    program: notebook,
    args: [],
    warned: undefined,
  });
  const script = await programOf("script", "script", named);
  assert.match(script.program, /script\.mjs$/);
  const missing = await programOf("missing", "tslab", { WANDB_NOTEBOOK_NAME: join(dir, "other.ipynb") });
  assert.equal(missing.program, "<interactive>");
  assert.match(missing.warned ?? "", /there is no file .*other\.ipynb/);
});

test("a kernel of Node knows its notebook from Jupyter's server, and is never the program itself", async () => {
  const notebook = join(dir, "train.ipynb");
  const told = await programOf("told", "tslab", { JPY_SESSION_NAME: notebook });
  assert.equal(told.program, notebook);
  assert.equal((await programOf("untold", "tslab", {})).program, "<interactive>");
  // Started from a cell of a Python notebook: a script like any other.
  assert.match(
    (await programOf("from-cell", "script", { JPY_SESSION_NAME: notebook })).program,
    /script\.mjs$/,
  );
});
