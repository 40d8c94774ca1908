import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { readRun } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** A second `init` while a run goes on. */
let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-reinit-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const SDK = new URL("../packages/sdk/src/index.ts", import.meta.url).href;
/** `init` twice; then which runs there are, which one the module speaks of, and a row to that one. */
const twice = (ids: string, second = "") => `import * as steelyard from ${JSON.stringify(SDK)};
const one = await steelyard.init({ id: "${ids}-1", project: "sdk", console: false });
const two = await steelyard.init({ id: "${ids}-2", project: "sdk", console: false, ${second} });
console.log([one.id, two.id, steelyard.run?.id].join(" "));
one.log({ x: 1 });
steelyard.log({ x: 2 });
await two.finish();
await one.finish();`;
async function run(body: string, reinit: string | undefined, program = "train.mjs") {
  const script = join(dir, program);
  mkdirSync(join(script, ".."), { recursive: true });
  writeFileSync(script, body);
  const ended = await runCommand(process.execPath, [script], {
    cwd: dir,
    environment: {
      HOME: dir,
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
      ...(reinit === undefined ? {} : { WANDB_REINIT: reinit }),
    },
  });
  assert.equal(ended.status, 0, ended.err);
  return ended;
}
const rows = async (id: string) => (await readRun(server, id)).history.length;

test("WANDB_REINIT: without it both runs go on, and the module speaks of the new one", async () => {
  assert.equal((await run(twice("default"), undefined)).out, "default-1 default-2 default-2\n");
  assert.deepEqual([await rows("default-1"), await rows("default-2")], [1, 1]);
});

test("WANDB_REINIT: create_new makes a run beside the current one", async () => {
  // The first was asked for so too: nothing is current, and the module says so.
  const body = twice("beside").replace("steelyard.log({ x: 2 });", "two.log({ x: 2 });");
  assert.equal((await run(body, "create_new")).out, "beside-1 beside-2 \n");
  assert.deepEqual([await rows("beside-1"), await rows("beside-2")], [1, 1]);
  const { out } = await run(twice("one", `reinit: "create_new"`), undefined);
  assert.equal(out, "one-1 one-2 one-1\n");
  assert.deepEqual([await rows("one-1"), await rows("one-2")], [2, 0]);
});

test("WANDB_REINIT: return_previous gives back the run that goes on, and says so", async () => {
  const { out, err } = await run(twice("back"), "return_previous");
  assert.equal(out, "back-1 back-1 back-1\n");
  assert.equal(err.match(/init\(\) was called while the run back-1 goes on/g)?.length, 1);
  assert.equal(await rows("back-1"), 2);
  await assert.rejects(readRun(server, "back-2"));
  const must = twice("must", `resume: "must"`).replace("const two = await", "const two = one; await");
  const refused = await run(
    must.replace("});\nconsole", "}).catch((error) => console.log(error.message));\nconsole"),
    "false",
  );
  assert.match(refused.out, /resume is "must", but the run must-1 goes on/);
});

for (const [how, reinit, program] of [
  ["finish_previous", "finish_previous", "train.mjs"],
  ["true", "true", "train.mjs"],
  ["in a notebook", undefined, "tslab/kernel.mjs"],
] as const)
  test(`WANDB_REINIT: ${how} finishes the run that goes on first`, async () => {
    const id = how.replaceAll(/\W/g, "-");
    const { out, err } = await run(twice(id), reinit, program);
    assert.equal(out, `${id}-1 ${id}-2 ${id}-2\n`);
    assert.match(err, new RegExp(`Finishing ${id}-1 before the next run begins`));
    assert.equal((await readRun(server, `${id}-1`)).state, "finished");
    assert.deepEqual([await rows(`${id}-1`), await rows(`${id}-2`)], [0, 1]);
  });
