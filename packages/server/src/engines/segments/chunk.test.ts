import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  asBytes,
  CODECS,
  DamagedChunk,
  decodeNumbers,
  decodeTexts,
  encodeNumbers,
  encodeTexts,
  ONE_NUMBER_BYTES,
  writeOneNumber,
} from "./chunk.ts";
import { addLines, inRanges } from "./database.ts";
import { buildPyramid, decodePyramid, encodePyramid, GROUP_ROWS } from "./pyramid.ts";

const numbers = fc.oneof(
  fc.float64Array({ maxLength: 500 }),
  fc.array(fc.integer(), { maxLength: 300 }).map((values) => Float64Array.from(values)),
  fc
    .tuple(fc.integer(), fc.integer({ min: -1000, max: 1000 }), fc.nat(300))
    .map(([first, stride, count]) => Float64Array.from({ length: count }, (_, i) => first + i * stride)),
  fc
    .tuple(fc.double({ noNaN: true }), fc.integer({ min: 32, max: 300 }))
    .map(([scale, count]) =>
      Float64Array.from({ length: count }, (_, i) => Math.fround(Math.sin(i / 9) * scale)),
    ),
  fc.tuple(fc.double(), fc.nat(300)).map(([value, count]) => new Float64Array(count).fill(value)),
);

test("numbers come back bit for bit, by every codec", () => {
  const used = new Set<number>();
  fc.assert(
    fc.property(numbers, fc.boolean(), (values, fast) => {
      const chunk = encodeNumbers(values, fast);
      used.add(chunk[0] ?? -1);
      assert.deepEqual(Buffer.from(asBytes(decodeNumbers(chunk))), Buffer.from(asBytes(values)));
    }),
    { numRuns: 400 },
  );
  assert.deepEqual([...used].sort(), [CODECS.raw, CODECS.constant, CODECS.stride, CODECS.planes]);
});

test("the chunk of one number is the same where it is written in place", () => {
  fc.assert(
    fc.property(fc.double(), fc.nat(40), (value, at) => {
      const bytes = new Uint8Array(at + ONE_NUMBER_BYTES);
      writeOneNumber(bytes, new DataView(bytes.buffer), at, value);
      assert.deepEqual(bytes.subarray(at), Uint8Array.from(encodeNumbers(Float64Array.of(value), true)));
    }),
  );
});

test("steps and constants cost no bytes; float32 curves less than half of 8", () => {
  const steps = Float64Array.from({ length: 4096 }, (_, i) => 1000 + i);
  assert.ok(encodeNumbers(steps).length < 40);
  assert.ok(encodeNumbers(new Float64Array(4096).fill(0.1)).length < 40);
  const curve = Float64Array.from({ length: 4096 }, (_, i) =>
    Math.fround(Math.exp(-i / 1000) + Math.sin(i) / 50),
  );
  assert.ok(encodeNumbers(curve).length < 4096 * 4);
  // -0 and 0 are different numbers, 2^53 is where a stride would begin to round.
  assert.ok(Object.is(decodeNumbers(encodeNumbers(Float64Array.of(-0, 1, 2)))[0], -0));
});

test("texts come back as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.boolean(), (texts, fast) => {
      assert.deepEqual(decodeTexts(encodeTexts(texts, fast)), texts);
    }),
  );
});

test("a flipped bit anywhere in a chunk is seen", () => {
  const chunks = [
    encodeNumbers(Float64Array.from({ length: 100 }, Math.sin)),
    encodeNumbers(Float64Array.of(1, 2, 3)),
    encodeTexts(["a", "b".repeat(500)]),
  ];
  for (const [i, chunk] of chunks.entries()) {
    for (let bit = 0; bit < chunk.length * 8; bit += 7) {
      const damaged = Uint8Array.from(chunk);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const decode = i < 2 ? decodeNumbers : decodeTexts;
      assert.throws(() => decode(damaged), DamagedChunk, `bit ${bit}`);
    }
  }
});

test("a pyramid says of each group what its values are", () => {
  const columnOf = (numbers: fc.Arbitrary<number>) =>
    fc.array(fc.option(fc.oneof(numbers, fc.constantFrom(Number.NaN, -Infinity)), { nil: undefined }), {
      minLength: 1,
      maxLength: 300,
    });
  // float32 take half the room.
  const column = fc.oneof(
    columnOf(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
    columnOf(fc.float({ min: -1e6, max: 1e6, noNaN: true })),
  );
  fc.assert(
    fc.property(column, (cells) => {
      const rows = cells.flatMap((cell, row) => (cell === undefined ? [] : [row]));
      const values = rows.map((row) => cells[row] ?? 0);
      const built = buildPyramid(cells.length, Uint32Array.from(rows), Float64Array.from(values));
      const pyramid = decodePyramid(encodePyramid(built), Math.ceil(cells.length / GROUP_ROWS));
      for (let group = 0; group < pyramid.groups; group++) {
        const here = cells.slice(group * GROUP_ROWS, (group + 1) * GROUP_ROWS);
        const finite = here.filter((cell) => Number.isFinite(cell)) as number[];
        assert.equal(pyramid.count[group], finite.length);
        assert.equal(
          pyramid.nonFinite[group],
          here.filter((cell) => cell !== undefined).length - finite.length,
        );
        // A block has two groups at least, or no pyramid.
        if (pyramid.groups > 1)
          for (const [name, kind] of [
            ["infinite", Infinity],
            ["negativeInfinite", -Infinity],
          ] as const)
            assert.equal(pyramid.kinds?.[name][group] ?? 0, here.filter((cell) => cell === kind).length);
        if (finite.length === 0) continue;
        // Of two zeros of either sign neither is the smaller one: `+ 0` makes them one.
        assert.equal((pyramid.min[group] as number) + 0, Math.min(...finite) + 0);
        assert.equal((pyramid.max[group] as number) + 0, Math.max(...finite) + 0);
        assert.equal(pyramid.first[group], finite[0]);
        assert.equal(pyramid.last[group], finite.at(-1));
        assert.equal(
          pyramid.firstRow[group],
          here.findIndex((cell) => cell !== undefined),
        );
        assert.equal(
          pyramid.lastRow[group],
          here.findLastIndex((cell) => cell !== undefined),
        );
      }
    }),
  );
});

test("ranges of lines hold exactly the lines put in", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(100))), (batches) => {
      let ranges = addLines([], []);
      for (const lines of batches) ranges = addLines(ranges, lines);
      const all = new Set(batches.flat());
      for (let line = -1; line <= 101; line++) assert.equal(inRanges(ranges, line), all.has(line));
    }),
  );
});
