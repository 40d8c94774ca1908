import { rowsOfColumn } from "./block.ts";
import { LEVEL } from "./database.ts";
import { deadRows, guarded, type StoredBlock, type StoredBlocks } from "./stored.ts";

/**
 * When the run first started, in unix seconds: the clock of its first row less the time the process had then been
 * running, so that a run without a pause has the same time by both clocks. The earliest of several writers; undefined
 * when no row has a clock.
 */
export function runStart(
  stored: StoredBlocks,
  run: number,
  stream: "history" | "events",
  damaged: string[],
): number | undefined {
  let start: number | undefined;
  for (const { id } of stored.streams(run, stream)) {
    const all = stored.blocks(id);
    const sealed = new Set(stored.columns(id, "_timestamp").map(({ block }) => block));
    const blocks = all
      .filter((block) => block.level === LEVEL.journal || sealed.has(block.id))
      .sort((a, b) => a.minStep - b.minStep || a.id - b.id);
    for (const block of blocks) {
      let found: number | undefined;
      guarded(damaged, () => {
        found = firstStart(stored, block);
      });
      if (found === undefined) continue;
      start = Math.min(start ?? found, found);
      break;
    }
  }
  return start;
}

function firstStart(stored: StoredBlocks, block: StoredBlock): number | undefined {
  const dead = deadRows(block, () => stored.lines(block));
  for (const [row, clock] of values(stored, block, "_timestamp")) {
    if (!Number.isFinite(clock) || dead?.(row)) continue;
    for (const [other, running] of values(stored, block, "_runtime")) {
      if (other === row && Number.isFinite(running)) return clock - running;
      if (other > row) break;
    }
    return clock;
  }
  return undefined;
}

/** Row and number, ascending rows within a column. */
function* values(stored: StoredBlocks, block: StoredBlock, wanted: string): Generator<[number, number]> {
  const head = stored.head(block);
  for (const [id, { key, kind }] of head.columns.entries()) {
    if (key !== wanted || kind !== "number") continue;
    const column = stored.column(block, id) as Float64Array;
    const rows = rowsOfColumn(head, id);
    for (let at = 0; at < column.length; at++) yield [rows[at] as number, column[at] as number];
  }
}
