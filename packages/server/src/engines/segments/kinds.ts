import { rowsOfColumn } from "./block.ts";
import type { Reading } from "./gather.ts";
import type { Part } from "./lines.ts";
import { addKind, coarserKinds, GROUP_ROWS, type Kinds, noKinds, type Summary } from "./pyramid.ts";
import { groupsOf } from "./span.ts";
import { guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * Which values are infinite, of groups that an earlier version summed up: they say only how many are not finite. Where there
 * are some, which is rare, and somebody asks, they are counted in the rows of the blocks that have them, once for each part.
 * Why so: docs/decisions/0022-kinds-of-gaps.md.
 */

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
  if (nonFinite.subarray(first, end).every((count) => count === 0)) return undefined;
  let fine: Kinds | undefined;
  guarded(reading.damaged, () => {
    fine = finestKinds(reading, part);
  });
  if (!fine || finest === 1) return fine;
  return coarserKinds(fine, Math.ceil(fine.infinite.length / finest), finest);
}

function finestKinds(reading: Reading, part: Part): Kinds {
  const { stored } = reading;
  const { key } = reading.line;
  const known = stored.kinds(part, key);
  if (known) return known;
  const pyramid =
    "span" in part
      ? stored.spanPyramid(part.span, key, 0, part.column, false)
      : stored.pyramid(part.block, key, 0, false);
  // Of a line that went on since, some parts say it themselves.
  if (pyramid?.kinds) return pyramid.kinds;
  const blocks = "span" in part ? part.span.blocks : [part.block];
  const kinds = noKinds(blocks.reduce((sum, { rows }) => sum + groupsOf(rows), 0));
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
      if (Number.isFinite(value)) continue;
      addKind(kinds, from + (((rows ? (rows[at] as number) : at) / GROUP_ROWS) | 0), value);
    }
  }
}
