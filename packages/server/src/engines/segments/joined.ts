import { byBlocks, finePiece, isFine, type Piece } from "./fine.ts";
import {
  checkSteps,
  type GroupSink,
  groupedOf,
  isSummed,
  type Places,
  placesOf,
  pyramidOf,
  type Reading,
  readCut,
  readPart,
} from "./gather.ts";
import { finestOf } from "./grouped.ts";
import { kindsOf } from "./kinds.ts";
import type { Part } from "./lines.ts";
import {
  coarserPyramid,
  emptySummary,
  FINEST_SIZE,
  joinKinds,
  KINDS,
  type Kinds,
  kindsUnknown,
  levelOfSize,
  noKinds,
  rowsOfSize,
  type Summary,
  sizeOfSummary,
} from "./pyramid.ts";
import { firstBlock } from "./sealed-parts.ts";
import { guarded } from "./stored.ts";

/**
 * The groups of a line's parts end to end, kept in memory: the next question finds one thing a line, however long the run
 * is, with a group or two a bucket. They are those that the parts have by themselves, in their order; of sizes between the
 * levels, some of those put together. Hot: a hit makes nothing.
 */
export interface Joined {
  /** Which parts were looked at: a block, or −1 − a span. What groups say of either never changes. */
  ids: readonly number[];
  groups: JoinedGroups;
}

interface JoinedGroups extends Places {
  summary: Summary;
  /** The first group of each part, and how many there are in all. Less parts than ids where one does not follow in steps. */
  starts: Uint32Array;
  /** Whether there are values that are not finite, and the groups do not say of which kind. */
  isJoint: boolean;
}

/** Which of these are infinite, when it was asked for. */
export interface JoinedKinds {
  of: JoinedGroups;
  /** Of the groups of so many parts. */
  parts: number;
  kinds: Kinds;
}

/** About what it takes beside its groups, and beside each part. */
const JOINED_BYTES = 1500;
const PART_BYTES = 16;

/** All parts of the line; of those that are summed up, groups of the size (`levelOfSize`; below `FINEST_SIZE` = none). */
export function readParts(asked: Reading, size: number): void {
  const { stored, sink, xKey } = asked;
  const isJoined = sink && size >= FINEST_SIZE && xKey === undefined;
  const reading = isJoined && size < 0 ? { ...asked, line: byBlocks(stored, asked.line) } : asked;
  const { parts } = reading.line;
  let rest = 0;
  if (isJoined) {
    const fits = size < 0 ? isFine : isSummed;
    while (rest < parts.length && fits(parts[rest] as Part)) rest++;
    if (rest > 0) {
      const groups = joinedGroups(reading, rest, size);
      rest = Math.min(rest, groups.starts.length - 1);
      addWithin(reading, sink, groups, rest, size);
    }
  }
  for (; rest < parts.length; rest++) readPart(reading, parts[rest] as Part);
}

/** The groups of the first `count` parts that lie in the range; one that its edge cuts is looked at more finely. */
function addWithin(
  reading: Reading,
  sink: GroupSink,
  groups: JoinedGroups,
  count: number,
  size: number,
): void {
  const { summary, from, to, starts } = groups;
  const { merged } = levelOfSize(size);
  const { min, max } = reading.line.range;
  const all = starts[count] as number;
  const cut = (group: number) => {
    if ((summary.count[group] as number) + (summary.nonFinite[group] as number) === 0) return;
    const at = firstWhere(count, (part) => (starts[part + 1] as number) > group);
    const first = (group - (starts[at] as number)) * merged;
    readCut(reading, sink, reading.line.parts[at] as Part, first, first + merged);
  };
  let first = firstWhere(all, (group) => (to[group] as number) >= min);
  const end = firstWhere(all, (group) => (from[group] as number) > max);
  if (first < end && (from[first] as number) < min) cut(first++);
  const last = first < end && (to[end - 1] as number) > max ? end - 1 : end;
  const known =
    summary.kinds ?? (groups.isJoint && sink.kinds ? joinedKinds(reading, groups, count, size) : undefined);
  sink.addGroups(summary, first, last, from, to, known);
  if (last < end) cut(last);
}

/** Of the groups of the first `count` parts, kept as they are. */
function joinedKinds(reading: Reading, groups: JoinedGroups, count: number, size: number): Kinds {
  const { stored, line } = reading;
  const block = firstBlock(line.parts[0] as Part);
  const known = stored.joinedKinds(block, line.key, size);
  if (known?.of === groups && known.parts >= count) return known.kinds;
  const { level, merged } = levelOfSize(size);
  const { summary, starts } = groups;
  const kinds = noKinds(summary.groups);
  const damaged: string[] = [];
  for (let at = 0; at < count; at++) {
    const start = starts[at] as number;
    const nonFinite = summary.nonFinite.subarray(start, starts[at + 1]);
    const own = kindsOf({ ...reading, damaged }, line.parts[at] as Part, nonFinite, finestOf(level) * merged);
    if (own) for (const name of KINDS) kinds[name].set(own[name], start);
  }
  for (const line of damaged) if (!reading.damaged.includes(line)) reading.damaged.push(line);
  if (damaged.length === 0)
    stored.keepJoinedKinds(block, line.key, size, { of: groups, parts: count, kinds });
  return kinds;
}

/** The first from 0 on for which it holds, as for all after it; else `end`. */
function firstWhere(end: number, holds: (at: number) => boolean): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Of the first `count` parts, or of as many as follow each other. */
function joinedGroups(reading: Reading, count: number, size: number): JoinedGroups {
  const { stored, line } = reading;
  const block = firstBlock(line.parts[0] as Part);
  const known = stored.joined(block, line.key, size);
  let same = 0;
  while (same < count && known?.ids[same] === idOf(line.parts[same] as Part)) same++;
  const covered = known ? known.groups.starts.length - 1 : 0;
  // All that were looked at are as they were: they are known, or one among them does not follow.
  if (known && (same === count || same > covered)) return known.groups;
  const parts = line.parts.slice(0, count);
  const { groups, bytes } = join(reading, parts, size, known?.groups, same);
  stored.keepJoined(
    block,
    line.key,
    size,
    { ids: parts.map(idOf), groups },
    JOINED_BYTES + parts.length * PART_BYTES + bytes,
  );
  return groups;
}

function idOf(part: Part): number {
  return "span" in part ? -1 - part.span.id : part.block.id;
}

/** Anew but for the first `same` parts; `bytes`: what it takes, less what it shares with the one made before. */
function join(
  reading: Reading,
  parts: readonly Part[],
  size: number,
  known: JoinedGroups | undefined,
  same: number,
): { groups: JoinedGroups; bytes: number } {
  const pieces: Piece[] = [];
  const starts = [0];
  let end = Number.NEGATIVE_INFINITY;
  if (known && same > 0) {
    const kept = known.starts[same] as number;
    pieces.push({ ...known, summary: { ...known.summary, groups: kept } });
    starts.push(...known.starts.subarray(1, same + 1));
    end = known.to[kept - 1] ?? end;
  }
  for (const part of parts.slice(same)) {
    const piece = pieceOf(reading, part, size, end);
    if (!piece) break;
    pieces.push(piece);
    starts.push((starts.at(-1) as number) + piece.summary.groups);
    end = piece.to[piece.summary.groups - 1] ?? end;
  }
  return endToEnd(pieces, Uint32Array.from(starts));
}

/** Undefined where its groups begin before `end`, or the steps of one are not known, or it cannot be read. */
function pieceOf(reading: Reading, part: Part, size: number, end: number): Piece | undefined {
  const { level, merged } = levelOfSize(size);
  let piece: Piece | undefined;
  guarded(reading.damaged, () => {
    if (level < 0) {
      const fine = "block" in part ? finePiece(reading, part.block, rowsOfSize(size)) : undefined;
      if (fine && follow(fine.from, fine.to, fine.summary.groups, end)) piece = fine;
      return;
    }
    const grouped = groupedOf(reading.stored, part);
    if (!grouped.rule) checkSteps(reading.stored, grouped);
    // Kept here, and not twice, but where an edge of the range will ask for it again.
    const { min, max } = reading.line.range;
    const isCut = (part.minStep < min || part.maxStep > max) && (level > 0 || merged > 1);
    const own = pyramidOf(reading, part, level, isCut);
    if (!own) return;
    const summary = merged > 1 ? coarserPyramid(own, grouped.rowsAt(level), merged) : own;
    const { from, to } = placesOf(grouped, level, summary, undefined, 0, summary.groups, merged);
    if (!follow(from, to, summary.groups, end)) return;
    piece = { summary, from: from.slice(0, summary.groups), to: to.slice(0, summary.groups) };
  });
  return piece;
}

/** NaN, where no place is known, fails both. */
function follow(from: Float64Array, to: Float64Array, groups: number, after: number): boolean {
  let end = after;
  for (let group = 0; group < groups; group++) {
    const low = from[group] as number;
    const high = to[group] as number;
    if (!(low >= end && high >= low)) return false;
    end = high;
  }
  return true;
}

/** Of the one made last: the keys of a run mostly have values in the same rows. */
let lastPlaces: Places = { from: new Float64Array(0), to: new Float64Array(0) };

function endToEnd(pieces: readonly Piece[], starts: Uint32Array): { groups: JoinedGroups; bytes: number } {
  const groups = starts.at(-1) as number;
  const narrow = pieces.every(({ summary }) =>
    [summary.min, summary.max, summary.first, summary.last].every((column) => column instanceof Float32Array),
  );
  const summary = emptySummary(groups, narrow);
  let places: Places = { from: new Float64Array(groups), to: new Float64Array(groups) };
  const begins: number[] = [];
  let at = 0;
  for (const piece of pieces) {
    begins.push(at);
    const own = piece.summary.groups;
    for (const name of SUMMARY) summary[name].set(piece.summary[name].subarray(0, own), at);
    places.from.set(piece.from.subarray(0, own), at);
    places.to.set(piece.to.subarray(0, own), at);
    at += own;
  }
  summary.isWhole = pieces.every((piece) => isWhole(piece.summary));
  const shared = isEqual(places.from, lastPlaces.from) && isEqual(places.to, lastPlaces.to);
  if (shared) places = lastPlaces;
  lastPlaces = places;
  summary.kinds = joinKinds(
    pieces.map((piece) => piece.summary),
    begins,
    summary.nonFinite,
  );
  const bytes = sizeOfSummary(summary) + (shared ? 0 : 16 * groups);
  return {
    groups: { summary, ...places, starts, isJoint: !summary.isWhole && kindsUnknown(summary) },
    bytes,
  };
}

function isWhole(summary: Summary): boolean {
  if (summary.isWhole) return true;
  const { count, nonFinite, groups } = summary;
  for (let at = 0; at < groups; at++) if (count[at] === 0 || nonFinite[at] !== 0) return false;
  return true;
}

const SUMMARY = ["min", "max", "sum", "first", "last", "count", "nonFinite"] as const;

function isEqual(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
