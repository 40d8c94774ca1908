import assert from "node:assert/strict";
import { test } from "node:test";
import { NumericRows } from "./numeric-rows.ts";
import { BESIDE, createRing, eachRow, PREFIX, RingReader, RingWriter, spareRing } from "./ring.ts";
import { StepMetrics } from "./step-metrics.ts";
import { Summary } from "./summary.ts";

test("rows of every length come out as they went in, round the ring many times", () => {
  const memory = createRing();
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const expected: number[][] = [];
  const got: number[][] = [];
  const drain = () =>
    reader.drain(reader.written, (start, end) =>
      eachRow(reader.cells, start, end, (shape, step, timestamp, cells, from) => {
        const count = cells[from - 1] as number;
        got.push([shape, step, timestamp, ...cells.subarray(from, from + count)]);
      }),
    );
  for (let step = 0; step < 3000; step++) {
    if (step % 7 === 0) {
      writer.mark(step / 4, () => {});
      expected.push([BESIDE, 0, step / 4]);
    }
    const count = step % 100 === 0 ? RingWriter.MAX_VALUES - step : (step * 37) % 900;
    const place = writer.place(count);
    for (let index = 0; index < count; index++) writer.cells[place + PREFIX + index] = step + index / 3;
    assert.ok(writer.publish(place, 3, step, step / 8, count));
    expected.push([3, step, step / 8, ...Array.from({ length: count }, (_, index) => step + index / 3)]);
    if (step % 2 === 1) {
      drain();
      assert.deepEqual(got, expected);
      got.length = 0;
      expected.length = 0;
    }
  }
});

test("a getter that logs does not break the row it is in", () => {
  const memory = createRing();
  const shapes: string[][] = [];
  const rows = new NumericRows(new RingWriter(memory), new StepMetrics(), new Summary(), (_, keys) =>
    shapes.push(keys),
  );
  const reader = new RingReader(memory);
  let step = 0;
  const odd = {
    a: 1,
    get b() {
      rows.log({ inner: 7 }, step++);
      return 2;
    },
  };
  // The keys are known before: the row is written while its getter logs another.
  assert.ok(rows.log({ a: 5, b: 6 }, step++));
  const taken = rows.log(odd, step++);
  const got: number[][] = [];
  reader.drain(reader.written, (start, end) =>
    eachRow(reader.cells, start, end, (shape, _step, _timestamp, cells, from) => {
      got.push([shape, ...cells.subarray(from, from + (cells[from - 1] as number))]);
    }),
  );
  assert.deepEqual(shapes, [["a", "b"], ["inner"]]);
  assert.equal(taken, false);
  assert.deepEqual(got[0], [0, 5, 6]);
  for (const row of got.slice(1)) assert.deepEqual(row, [1, 7]);
});

test("a row that is held is refused when reading it logged another, held or not", () => {
  for (const inner of ["logged", "held"]) {
    const rows = new NumericRows(new RingWriter(createRing()), new StepMetrics(), new Summary(), () => {});
    assert.ok(rows.log({ a: 1, b: 2 }, 0));
    const odd = {
      a: 1,
      get b() {
        if (inner === "logged") rows.log({ c: 7 }, 1);
        else rows.hold({ c: 7 }, () => {});
        return 2;
      },
    };
    assert.equal(
      rows.hold(odd, () => {}),
      false,
    );
    assert.equal(rows.holds, inner === "held");
  }
});

test("of a ring that is full only so much is taken at once: other runs wait for the thread too", () => {
  const memory = createRing();
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  for (let step = 0; step < 20_000; step++) writer.publish(writer.place(2), 0, step, 0, 2);
  const steps: number[] = [];
  const take = (from: number, to: number) => {
    eachRow(reader.cells, from, to, (_, step) => steps.push(step));
  };
  reader.drain(reader.written, take, 1 << 14);
  assert.ok(steps.length >= 2000 && steps.length < 4000, `${steps.length}`);
  // What is left is not to wait for the clock.
  assert.equal(reader.rest(), false);
  while (steps.length < 20_000) reader.drain(reader.written, take, 1 << 14);
  assert.deepEqual(
    steps,
    Array.from({ length: 20_000 }, (_, step) => step),
  );
});

test("the ring of a run that is over is the next one's, as new", () => {
  const memory = createRing();
  const writer = new RingWriter(memory);
  writer.publish(writer.place(2), 0, 1, 0, 2);
  new RingReader(memory).desert();
  spareRing(memory);
  const next = createRing();
  assert.equal(next.cells, memory.cells);
  assert.deepEqual([...new Int32Array(next.head)], [...new Int32Array(createRing().head)]);
  assert.notEqual(createRing().cells, memory.cells);
});

test("the room of rows is given to others a part of the ring at a time, when they were taken", () => {
  const memory = createRing();
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const read = () => Atomics.load(new Int32Array(memory.head), 16);
  for (let step = 0; step < 2000; step++) writer.publish(writer.place(2), 0, step, 0, 2);
  let rows = 0;
  let stretches = 0;
  reader.drain(reader.written, (from, to) => {
    assert.equal(read(), rows * (PREFIX + 2));
    eachRow(reader.cells, from, to, () => {
      rows++;
    });
    stretches++;
  });
  assert.equal(rows, 2000);
  assert.ok(stretches >= 5, `${stretches}`);
});
