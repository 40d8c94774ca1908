import { rowsOfColumn } from "./block.ts";
import type { Reading } from "./gather.ts";
import type { Part } from "./lines.ts";
import { GROUP_ROWS, type Summary } from "./pyramid.ts";
import { groupsOf } from "./span.ts";
import { guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * Of the values of groups that are not finite, which are infinite; the others are NaN. Pyramids say only how many there are
 * of both: where there are some, which is rare, and somebody asks, they are counted in the rows of the blocks that have
 * them, once for each part. Why so: docs/decisions/0021-kinds-of-gaps.md.
 */
export type Kinds = Record<(typeof KINDS)[number], Uint16Array>;
export const KINDS = ["infinite", "negativeInfinite"] as const;

export function noKinds(groups: number): Kinds {
  return { infinite: new Uint16Array(groups), negativeInfinite: new Uint16Array(groups) };
}

/**
 * Of groups of the part from `first` to before `end`, each of so many of the finest; undefined where all values are finite.
 * Of what cannot be read none are: a line of `damaged` says what that is.
 */
export function kindsOf(
  reading: Reading,
  part: Part,
  nonFinite: Summary["nonFinite"],
  finest: number,
  first = 0,
  end = nonFinite.length,
): Kinds | undefined {
  let group = first;
  while (group < end && nonFinite[group] === 0) group++;
  if (group >= end) return undefined;
  let fine: Kinds | undefined;
  guarded(reading.damaged, () => {
    fine = finestKinds(reading, part);
  });
  if (!fine || finest === 1) return fine;
  const kinds = noKinds(end);
  for (; group < end; group++) {
    if (nonFinite[group] === 0) continue;
    for (const name of KINDS)
      for (const count of fine[name].subarray(group * finest, (group + 1) * finest))
        kinds[name][group] = (kinds[name][group] as number) + count;
  }
  return kinds;
}

function finestKinds(reading: Reading, part: Part): Kinds {
  const { stored } = reading;
  const { key } = reading.line;
  const known = stored.kinds(part, key);
  if (known) return known;
  const blocks = "span" in part ? part.span.blocks : [part.block];
  const kinds = noKinds(blocks.reduce((sum, { rows }) => sum + groupsOf(rows), 0));
  const pyramid =
    "span" in part
      ? stored.spanPyramid(part.span, key, 0, part.column, false)
      : stored.pyramid(part.block, key, 0, false);
  let from = 0;
  for (const { id, rows } of blocks) {
    const to = from + groupsOf(rows);
    if (!pyramid || pyramid.nonFinite.subarray(from, to).some((count) => count > 0)) {
      const block = "span" in part ? stored.spanBlock(id) : part.block;
      if (block) countKinds(stored, block, key, kinds, from);
    }
    from = to;
  }
  stored.keepKinds(part, key, kinds);
  return kinds;
}

function countKinds(stored: StoredBlocks, block: StoredBlock, key: string, kinds: Kinds, from: number): void {
  const head = stored.head(block);
  for (const [id, column] of head.columns.entries()) {
    if (column.key !== key || column.kind !== "number") continue;
    const values = stored.column(block, id) as Float64Array;
    const rows = values.length === block.rows ? undefined : rowsOfColumn(head, id);
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as number;
      if (Math.abs(value) !== Number.POSITIVE_INFINITY) continue;
      const group = from + (((rows ? (rows[at] as number) : at) / GROUP_ROWS) | 0);
      const ofKind = value > 0 ? kinds.infinite : kinds.negativeInfinite;
      ofKind[group] = (ofKind[group] as number) + 1;
    }
  }
}
