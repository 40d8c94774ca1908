import assert from "node:assert/strict";
import { appendFileSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { RecordLogWriter } from "@steelyard/protocol/record-log";
import { exitRecord, headerRecord, historyRecord, runRecord } from "@steelyard/protocol/records";
import { init } from "steelyard";
import { openWorld, type World } from "../world.test-part.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

/** A run of the SDK with its log; NaN, nested keys and a row that comes late among the rows. */
async function loggedRun(id: string, mode: "online" | "offline"): Promise<string> {
  const { url, here, doors } = world;
  const run = await init({
    project: "digits",
    id,
    mode,
    dir: here,
    baseUrl: url,
    apiKey: doors.admin,
    console: false,
    silent: true,
    config: { lr: 0.1 },
  });
  for (let step = 0; step < 50; step++)
    run.log({ loss: step === 7 ? Number.NaN : 1 / (step + 1), deep: { a: `${step}` } });
  await run.finish();
  const [log = ""] = globSync(join(here, `wandb/*-${id}/run-${id}.wandb`));
  return log;
}

interface Report {
  same: boolean;
  history: {
    inLog: number;
    stored: number;
    received: number;
    missing: { row: number; step: number }[];
    different: { step: number; keys: Record<string, object> }[];
    added: number[];
    rejected: { row: number; step: number; reason: string }[];
    elsewhere: number;
  };
  config: object;
  damage: string[];
}
async function verify(log: string): Promise<{ status: number | null; report: Report }> {
  const { status, out, err } = await world.steelyard(["run", "verify", log, "--json"]);
  assert.ok(out.startsWith("{"), err);
  return { status, report: JSON.parse(out) as Report };
}

test("run verify: a log and its run are the same, live or synced; --id and -p name another run", async () => {
  const live = await verify(await loggedRun("live", "online"));
  assert.deepEqual(
    [live.status, live.report.same, live.report.history.stored],
    [0, true, 50],
    JSON.stringify(live),
  );
  const log = await loggedRun("later", "offline");
  const before = await world.steelyard(["run", "verify", log]);
  assert.deepEqual([before.status, /no run admin\/digits\/later.*sync/.test(before.err)], [1, true]);
  assert.equal((await world.steelyard(["sync", log, "--yes"])).status, 0);
  const told = await world.steelyard(["run", "verify", join(log, "..")]);
  assert.match(
    told.out,
    /^history +50 +50 +0 rejected, 0 missing, 0 different, 0 added; 50 lines received$/m,
  );
  assert.match(told.out, /everything that the log has/);
  assert.equal(told.status, 0);
  const other = await world.steelyard(["run", "verify", log, "-p", "digits", "--id", "live"]);
  assert.equal(other.status, 1, "rows of another time are other rows");
});

test("run verify names each row that is different, missing or only at the server", async () => {
  const log = await loggedRun("changed", "online");
  const stream = (offset: number, content: string[]) =>
    world.stream("admin/digits/changed", { files: { "wandb-history.jsonl": { offset, content } } });
  await stream(3, ['{"_step":3,"loss":9}']);
  await stream(4, ['{"_step":1000,"loss":9}']);
  await stream(50, ['{"_step":20,"loss":1}']);
  const { status, report } = await verify(log);
  const { history } = report;
  assert.deepEqual(
    [status, report.same, history.inLog, history.stored, history.received],
    [1, false, 50, 48, 51],
  );
  assert.deepEqual(history.missing, [{ row: 4, step: 4 }]);
  assert.deepEqual([history.added, history.elsewhere], [[20], 1]);
  assert.equal(history.different[0]?.step, 3);
  assert.deepEqual(history.different[0]?.keys.loss, { log: "0.25", server: "9" });
  const told = await world.steelyard(["run", "verify", log]);
  assert.match(told.out, /different: row 4 \(step 3\): .*loss is 0\.25 in the log, 9 at the server/);
  assert.match(told.out, /missing: row 5 \(step 4\)$/m);
  assert.match(told.out, /only at the server: step 20/);
});

test("run verify says why a row was refused, and of a damaged log what is lost", async () => {
  const writer = new RecordLogWriter();
  const row = (num: number, value: string) => {
    const step = num - 3;
    writer.append(
      historyRecord(
        num,
        [
          [["loss"], value],
          [["_step"], String(step)],
        ],
        step,
      ),
    );
  };
  writer.append(headerRecord(1, "test"));
  writer.append(
    runRecord(2, {
      runId: "bad",
      entity: "admin",
      project: "digits",
      config: [],
      group: "",
      jobType: "",
      displayName: "",
      notes: "",
      tags: [],
      host: "",
      sweepId: "",
      startTimeMs: 0,
    }),
  );
  row(3, "0.5");
  row(4, "0.5.5");
  row(5, "0.25");
  writer.append(exitRecord(6, 0, 1));
  const log = join(world.here, "run-bad.wandb");
  writeFileSync(log, writer.take());
  await world.steelyard(["sync", log, "--yes"]);
  const { status, report } = await verify(log);
  assert.equal(status, 1);
  assert.deepEqual(
    report.history.rejected.map(({ row, step, reason }) => [row, step, reason.slice(0, 8)]),
    [[1, 1, "not JSON"]],
  );
  assert.deepEqual([report.history.inLog, report.history.stored, report.history.received], [3, 2, 3]);
  const whole = await loggedRun("cut", "online");
  writeFileSync(whole, readFileSync(whole).subarray(0, -40));
  appendFileSync(whole, "x");
  const cut = await verify(whole);
  assert.deepEqual([cut.status, cut.report.damage.length > 0], [1, true]);
  assert.equal((await world.steelyard(["run", "verify", "nowhere.wandb"])).status, 1);
});
