import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const POOL_ROWS = 10_000;
const SPIKE = 1000;

/** What is logged: every run has `rows` rows of `keys` keys. */
export interface Shape {
  runs: number;
  rows: number;
  keys: number;
}

/** Count, sum, NaNs, smallest, largest, last step: as bench/peers/workers/worker.py has it. */
export type Tally = [count: number, sum: number, nans: number, min: number, max: number, lastStep: number];

/** The rows that every system is given, in a file all workers read: step s is line s modulo their number. */
export interface Pool {
  path: string;
  keys: string[];
  /** What a system has that lost nothing, of a run's first rows. */
  expected(rows: number, spike: number): Map<string, Tally>;
  remove(): void;
}

/**
 * The same numbers each time: curves of a training as float32 (7 keys of 10), raw doubles (2), integers (1), and a NaN in
 * ten thousand values. `smallest`: no more lines than a run has rows need be made.
 */
export function makePool(keys: number, rows: number): Pool {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-pool-"));
  const path = join(folder, "rows.jsonl");
  const names = Array.from({ length: keys }, (_, at) => `metric_${at}`);
  const random = randomNumbers(42);
  const size = Math.min(POOL_ROWS, rows);
  const pool: number[][] = [];
  for (let row = 0; row < size; row++) {
    pool.push(names.map((_, key) => (random() < 1e-4 ? Number.NaN : numberOf(row, key, random))));
  }
  const text = pool.map((values) => `{${names.map((name, key) => `"${name}":${values[key]}`).join(",")}}`);
  writeFileSync(path, `${text.join("\n")}\n`);
  return {
    path,
    keys: names,
    expected: (given, spike) =>
      new Map(names.map((name, key) => [name, tallyOf(pool, key, given, key === 0 ? spike : -1)])),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Which way one spike, thousands of times the curve, is planted: off every round number. */
export function spikeOf(rows: number): number {
  return Math.floor(rows * 0.6180339887);
}

function numberOf(row: number, key: number, random: () => number): number {
  const kind = key % 10;
  if (kind === 9) return Math.floor(row / 500);
  const noise = Math.sqrt(-2 * Math.log(random() || 1e-12)) * Math.cos(2 * Math.PI * random());
  const value = 4 * Math.exp(-row / 5000) + 0.1 * noise;
  return kind >= 7 ? value : Math.fround(value);
}

function tallyOf(pool: readonly number[][], key: number, rows: number, spike: number): Tally {
  const tally: Tally = [rows, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, rows - 1];
  for (let row = 0; row < rows; row++) {
    const value = row === spike ? SPIKE : (pool[row % pool.length]?.[key] ?? Number.NaN);
    if (Number.isNaN(value)) {
      tally[2]++;
      continue;
    }
    tally[1] += value;
    if (value < tally[3]) tally[3] = value;
    if (value > tally[4]) tally[4] = value;
  }
  return tally;
}

/** mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
