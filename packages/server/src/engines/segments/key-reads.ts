import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import type { KeyInfo } from "../../ports/metric-store.ts";
import {
  type BlockHead,
  type ColumnStats,
  lastValue,
  numberStats,
  rowsOfColumn,
  textStats,
} from "./block.ts";
import { deadRows, type StoredBlock, type StoredBlocks } from "./stored.ts";

/** The catalogue of keys of a run: from the statistics in the heads of sealed blocks; the journal's are counted here. */

interface Known {
  info: KeyInfo;
  /** Last finite number so far. */
  before: number;
  numbers: number;
  falls: boolean;
  /** Where the last value may be: mostly one place, more where blocks share steps (several writers, steps that go back). */
  places: Place[];
}

interface Place {
  info: KeyInfo;
  block: StoredBlock;
  column: number;
}

export function answerKeys(stored: StoredBlocks, run: number, stream: "history" | "events"): KeyInfo[] {
  const known = new Map<string, Known>();
  const blocks = stored.streams(run, stream).flatMap(({ id }) => stored.blocks(id));
  blocks.sort((a, b) => a.minStep - b.minStep || a.maxStep - b.maxStep);
  let rows = 0;
  let firstStep = Number.POSITIVE_INFINITY;
  let lastStep = Number.NEGATIVE_INFINITY;
  for (const block of blocks) {
    firstStep = Math.min(firstStep, block.minStep);
    lastStep = Math.max(lastStep, block.maxStep);
    const dead = deadRows(block, () => stored.lines(block));
    for (let row = 0; row < block.rows; row++) if (!dead?.(row)) rows++;
    for (const [column, place] of stored.head(block).columns.entries()) {
      if (place.kind === "line") continue;
      const { stats, count } = statsOf(stored, block, column, dead);
      if (count > 0) add(known, place.key, place.kind === "number", stats, count, block, column);
    }
  }
  const places = [...known.values()].flatMap((entry) => entry.places);
  for (const [block, own] of Map.groupBy(places, (place) => place.block)) findLasts(stored, block, own);
  const infos = Array.from(known.values(), ({ info, numbers, falls }) => {
    info.monotonic = numbers > 0 && !falls;
    return info;
  });
  if (stream === "history" && rows > 0 && !known.has("_step")) {
    // Numbered by the store: no client wrote the key, yet every row read has it.
    infos.push({
      key: "_step",
      types: { number: rows },
      count: rows,
      min: firstStep,
      max: lastStep,
      last: lastStep,
      lastStep,
      monotonic: true,
    });
  }
  return infos.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** So many at once become text: of a run of 100,000 keys it is 15 MB. */
const KEYS_IN_PIECE = 1000;

export function answerKeysJson(
  stored: StoredBlocks,
  run: number,
  stream: "history" | "events",
): Uint8Array<ArrayBuffer>[] {
  const infos = answerKeys(stored, run, stream);
  const encoder = new TextEncoder();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at === 0 || at < infos.length; at += KEYS_IN_PIECE) {
    const members = stringifyExtendedJson(infos.slice(at, at + KEYS_IN_PIECE)).slice(1, -1);
    pieces.push(encoder.encode(`${at === 0 ? "[" : ","}${members}`));
  }
  pieces.push(encoder.encode("]"));
  return pieces;
}

function statsOf(
  stored: StoredBlocks,
  block: StoredBlock,
  column: number,
  dead: ((row: number) => boolean) | undefined,
): { stats: ColumnStats; count: number } {
  const place = stored.head(block).columns[column];
  if (place?.stats && !dead) return { stats: place.stats, count: place.count };
  const values = stored.column(block, column);
  const rows = dead && rowsOfColumn(stored.head(block), column);
  const alive = (_: unknown, i: number) => !rows || !dead?.(rows[i] ?? 0);
  if (values instanceof Float64Array) {
    const left = values.filter(alive);
    return { stats: numberStats(left), count: left.length };
  }
  const left = values.filter(alive);
  return { stats: textStats(left), count: left.length };
}

function add(
  known: Map<string, Known>,
  key: string,
  isNumber: boolean,
  stats: ColumnStats,
  count: number,
  block: StoredBlock,
  column: number,
): void {
  let entry = known.get(key);
  if (!entry) {
    const info = { key, types: {}, count: 0, lastStep: Number.NEGATIVE_INFINITY, monotonic: false };
    entry = { info, before: Number.NEGATIVE_INFINITY, numbers: 0, falls: false, places: [] };
    known.set(key, entry);
  }
  const { info } = entry;
  info.count += count;
  if (isNumber) info.types.number = (info.types.number ?? 0) + count;
  else
    for (const [type, values] of Object.entries(stats.types ?? {}))
      info.types[type] = (info.types[type] ?? 0) + values;
  // Blocks come by their first steps: what ends before this one begins has the last value of nothing.
  if (entry.places.some((place) => place.block.maxStep < block.minStep))
    entry.places = entry.places.filter((place) => place.block.maxStep >= block.minStep);
  entry.places.push({ info, block, column });
  if (!isNumber || stats.finite === 0) return;
  info.min = Math.min(info.min ?? stats.min, stats.min);
  info.max = Math.max(info.max ?? stats.max, stats.max);
  if (!stats.monotonic || stats.first < entry.before) entry.falls = true;
  // Of a rising column the highest finite value is the last one.
  entry.before = stats.monotonic ? stats.max : stats.last;
  entry.numbers += stats.finite;
}

/** Whose last value lies in the block, as far as is known. */
function findLasts(stored: StoredBlocks, block: StoredBlock, places: readonly Place[]): void {
  const head = stored.head(block);
  const steps = stored.steps(block);
  const dead = deadRows(block, () => stored.lines(block));
  const lasts = lastRows(head, new Set(places.map(({ column }) => column)), (row) =>
    dead?.(row) ? undefined : steps[row],
  );
  for (const { info, column } of places) {
    const step = steps[lasts.rows[column] ?? 0] ?? -1;
    if (step < info.lastStep) continue;
    const value =
      (dead ? undefined : lastValue(head, column)) ?? stored.column(block, column)[lasts.values[column] ?? 0];
    info.last = typeof value === "string" ? parseExtendedJson(value) : value;
    info.lastStep = step;
  }
}

/** Of each wanted column the living row of the highest step, and the place of its value; in lists by column. */
function lastRows(
  { columns, shapes, shapeOf }: BlockHead,
  wanted: ReadonlySet<number>,
  stepOf: (row: number) => number | undefined,
): { rows: Int32Array; values: Int32Array } {
  // In one pass: a block may have 100,000 columns.
  const wantedOf = shapes.map((shape) => shape.filter((id) => wanted.has(id)));
  const next = new Int32Array(columns.length);
  const rows = new Int32Array(columns.length).fill(-1);
  const values = new Int32Array(columns.length);
  const highest = new Float64Array(columns.length).fill(Number.NEGATIVE_INFINITY);
  for (const [row, shape] of shapeOf.entries()) {
    const step = stepOf(row);
    for (const id of wantedOf[shape] ?? []) {
      const at = next[id] ?? 0;
      next[id] = at + 1;
      if (step === undefined || step < (highest[id] ?? 0)) continue;
      highest[id] = step;
      rows[id] = row;
      values[id] = at;
    }
  }
  return { rows, values };
}

export function answerKeyNames(
  stored: StoredBlocks,
  runs: readonly number[],
  stream: "history" | "events",
): string[] {
  const names = new Set<string>();
  for (const run of runs) {
    for (const { id } of stored.streams(run, stream)) {
      const withDead = stored.sealedWithDead(id);
      for (const key of stored.sealedKeys(id, withDead)) names.add(key);
      for (const block of stored.journal(id)) addNumericKeys(names, stored, block);
      for (const block of withDead) addNumericKeys(names, stored, block);
    }
  }
  return [...names].sort();
}

/** Those of living rows: the shapes of these say which columns they have. */
function addNumericKeys(names: Set<string>, stored: StoredBlocks, block: StoredBlock): void {
  const { columns, shapes, shapeOf } = stored.head(block);
  const dead = deadRows(block, () => stored.lines(block));
  const alive =
    dead && new Set([...shapeOf].filter((_, row) => !dead(row)).flatMap((at) => shapes[at] ?? []));
  for (const [id, { kind, key }] of columns.entries())
    if (kind === "number" && (!alive || alive.has(id))) names.add(key);
}
