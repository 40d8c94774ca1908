import assert from "node:assert/strict";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { preemptingRecord } from "@steelyard/protocol/records";
import { History } from "./history.ts";
import { createLogTurns, LogTurns } from "./log-turns.ts";
import { readLoggedRun } from "./logged-run.ts";
import type { InOrder, WorkerStart } from "./messages.ts";
import { ProgramLog } from "./program-log.ts";
import { createRing, PREFIX, RingReader, RingWriter } from "./ring.ts";
import { RingRows } from "./ring-rows.ts";
import { RunLog } from "./run-log.ts";
import type { OpenedRun } from "./run-opening.ts";
import { Summary } from "./summary.ts";

const dir = mkdtempSync(join(tmpdir(), "steelyard-program-log-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const opened: OpenedRun = {
  run: { id: "", name: "r", entity: "", project: "p" },
  displayName: "r",
  step: 0,
  resumed: false,
  runtimeS: 0,
  historyLines: 0,
  eventLines: 0,
  consoleLines: 0,
  config: {},
  own: {},
  summary: [],
};

/** Both sides of a run, in one thread: the clock is the rows', and each takes its turn when the test says. */
function bothSides(name: string, { strict = false } = {}) {
  const logFile = join(dir, name);
  const file = openSync(logFile, "wx");
  const ring = createRing();
  const turns = createLogTurns();
  const start = {
    ring,
    turns,
    log: file,
    logFile,
    strict,
    startTimeMs: 0,
    flushIntervalMs: 50,
    writer: { id: "", label: "", primary: true, endsRun: true },
    config: {},
    version: "0",
    resume: "",
    mode: "online",
    tags: [],
    group: "",
    jobType: "",
    notes: "",
    host: "",
    sweepId: "",
  } as unknown as WorkerStart;
  const program = new ProgramLog(start, opened, undefined);
  const writer = new RingWriter(ring, program);
  program.define(0, ["n", "half"]);
  const posted: InOrder[] = [];
  const log = new RunLog(file, new LogTurns(turns));
  const history = new History(log, new Summary(), undefined, undefined, { startTimeMs: 0, sending: false });
  history.define(0, ["n", "half"]);
  const reader = new RingReader(ring);
  let told = 0;
  /** Called by the run's thread in the middle of a stretch. */
  let meanwhile = () => {};
  const rows = new RingRows(
    reader.cells,
    log,
    history,
    () => {
      const message = posted.shift();
      if (message) told++;
      meanwhile();
      return message;
    },
    () => {},
  );
  let step = 0;
  return {
    reader,
    log,
    get rows() {
      return step;
    },
    get told() {
      return told;
    },
    row(timestamp: number) {
      const at = writer.place(2);
      writer.cells[at + PREFIX] = step;
      writer.cells[at + PREFIX + 1] = step / 2;
      assert.ok(writer.publish(at, 0, step, timestamp, 2));
      step++;
    },
    message(timestamp: number) {
      const message: InOrder = {
        kind: "row",
        step,
        timestamp,
        entries: [
          ["n", `${step}`],
          ["half", `${step / 2}`],
          ["text", '"x"'],
        ],
      };
      writer.mark(timestamp, (behind) => {
        program.keep(message, behind);
        posted.push(message);
      });
      step++;
    },
    begin: () => new LogTurns(turns).begin(),
    drain: (to = reader.written) => reader.drain(to, (from, end) => rows.take(from, end)),
    during(act: () => void) {
      meanwhile = () => {
        meanwhile = () => {};
        act();
      };
    },
    logged: () => readLoggedRun(new Uint8Array(readFileSync(logFile))),
    steps() {
      const { history: lines, losses } = readLoggedRun(new Uint8Array(readFileSync(logFile)));
      assert.deepEqual(losses, []);
      return lines.map((line) => {
        const { n, half, _step } = JSON.parse(line) as { n: number; half: number; _step: number };
        assert.ok(n === _step && half === n / 2, line);
        return n;
      });
    },
  };
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

test("until the run's thread has started each row is in the log when it is logged, and none is twice there", () => {
  const both = bothSides("starting");
  for (let n = 0; n < 500; n++) {
    if (n % 5 === 0) both.message(n / 1000);
    else both.row(n / 1000);
    if (n % 50 === 0) assert.deepEqual(both.steps(), upTo(both.rows));
  }
  both.begin();
  both.drain();
  for (let n = 0; n < 100; n++) both.row(0.5);
  // Whoever logs seldom hears of the thread with the row after.
  assert.ok(both.steps().length >= 500);
  both.drain();
  assert.deepEqual(both.steps(), upTo(600));
});

test("when the run's thread does not come to them at all, what may wait for the log is written a part at a time", () => {
  const both = bothSides("dead");
  both.begin();
  let before = both.log.records;
  let most = 0;
  for (let n = 0; n < 20_000; n++) {
    both.row(1 + n / 1e6);
    const { records } = both.log;
    most = Math.max(most, records - before);
    before = records;
    // Beside rows the log has its two first records.
    const waiting = both.rows - (records - 2);
    assert.ok(waiting * (PREFIX + 2) <= 8192, `${waiting} rows wait`);
  }
  // 2048 cells, and the row in which they end.
  assert.ok(most <= 342, `${most} rows at once`);
  both.drain();
  assert.deepEqual(both.steps(), upTo(both.rows));
});

test("rows that the run's thread is late with are written by the program's", () => {
  const both = bothSides("late");
  both.begin();
  for (let n = 0; n < 1000; n++) both.row(1);
  both.message(1);
  assert.deepEqual(both.steps(), []);
  for (const [nowS, least] of [
    [1.02, 0],
    [1.04, 1002],
  ] as const) {
    both.row(nowS);
    assert.ok(both.steps().length >= least, `${nowS}: ${both.steps().length}`);
  }
  both.drain();
  assert.deepEqual(both.steps(), upTo(both.rows));
  assert.equal(both.told, 1);
});

test("rows that the program writes while the run's thread is about to are in the log once, in order", () => {
  for (const extra of [0, 1, 500]) {
    const both = bothSides(`meanwhile-${extra}`);
    both.begin();
    for (let n = 0; n < 400; n++) both.row(1);
    both.message(1);
    for (let n = 0; n < 400 + extra; n++) both.row(1);
    both.during(() => {
      // The thread stands still in the middle of a stretch, and the program finds that it is late.
      for (let n = 0; n < 3; n++) both.row(1.1 + n / 100);
    });
    both.drain();
    both.drain();
    assert.deepEqual(both.steps(), upTo(both.rows));
  }
});

test("records of the thread's own between its rows cost none of them, and stand once", () => {
  const both = bothSides("own");
  both.begin();
  both.during(() => both.log.append(preemptingRecord));
  for (let n = 0; n < 300; n++) both.row(1);
  both.message(1);
  for (let n = 0; n < 300; n++) both.row(1);
  both.drain();
  assert.deepEqual(both.steps(), upTo(both.rows));
});

test("whatever takes its turn when: every row is in the log once, in order, none later than promised", () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  for (let game = 0; game < 16; game++) {
    const both = bothSides(`game-${game}`, { strict: game % 4 === 0 });
    const loggedAt: number[] = [];
    let nowMs = 1000;
    for (let turn = 0; turn < 300; turn++) {
      nowMs += random(4);
      const many = random(25);
      for (let n = 0; n < many; n++) {
        loggedAt.push(nowMs);
        if (random(9) === 0) both.message(nowMs / 1000);
        else both.row(nowMs / 1000);
      }
      if (turn === 100) both.begin();
      if (turn > 100 && random(game % 4 === 1 ? 60 : 6) === 0) {
        if (random(2) === 0)
          both.during(() => {
            for (let n = 0; n < 2; n++) {
              nowMs += 20;
              loggedAt.push(nowMs);
              both.row(nowMs / 1000);
            }
          });
        both.drain();
      }
      if (random(40) > 0) continue;
      const steps = both.steps();
      assert.deepEqual(steps, upTo(steps.length));
      const oldest = loggedAt[steps.length];
      if (oldest !== undefined && many > 0)
        assert.ok(nowMs - oldest <= 50, `${nowMs - oldest} ms in game ${game}`);
    }
    both.drain();
    assert.deepEqual(both.steps(), upTo(both.rows), `game ${game}`);
  }
});
