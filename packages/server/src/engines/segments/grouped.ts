import { FACTOR } from "./pyramid.ts";
import { coarserRows, groupRows, type StepRule } from "./span.ts";

/** Rows that pyramids sum up in groups: those of a span, or of a block that is in none. */
export interface Grouped {
  /** The step of each row, where a rule gives it. */
  readonly rule: StepRule | undefined;
  /** Rows of each group of the level, with or without a value of some key. */
  rowsAt(level: number): Uint16Array;
  /** The row that each group of the level begins with. */
  startsAt(level: number): Uint32Array;
  /** Where there is no rule, the step of a row of a group; undefined where only the block knows it. */
  stepAt(level: number, group: number, row: number): number | undefined;
  /** What `stepAt` goes by; throws what decoding does. */
  readSteps(): unknown;
  /** The block that a group of the finest level lies in, and which of the block's groups it is. */
  blockOf(group: number): { id: number; group: number } | undefined;
}

/** Of blocks with so many rows each, rows of the groups of every level. */
export function rowsOfLevels(blocks: readonly { rows: number }[]): Uint16Array[] {
  const fine = groupRows(blocks);
  const middle = coarserRows(fine);
  return [fine, middle, coarserRows(middle)];
}

export function startsOf(rows: Uint16Array): Uint32Array {
  const starts = new Uint32Array(rows.length);
  for (let at = 1; at < rows.length; at++) {
    starts[at] = (starts[at - 1] as number) + (rows[at - 1] as number);
  }
  return starts;
}

interface Layout {
  rows: Uint16Array[];
  starts: Uint32Array[];
}

/** Most blocks have one of few numbers of rows. */
const layouts = new Map<number, Layout>();
const MAX_LAYOUTS = 5000;

export function layoutOf(rows: number): Layout {
  const known = layouts.get(rows);
  if (known) return known;
  const made = rowsOfLevels([{ rows }]);
  const layout = { rows: made, starts: made.map(startsOf) };
  if (layouts.size >= MAX_LAYOUTS) layouts.clear();
  layouts.set(rows, layout);
  return layout;
}

/** A block that is in no span. */
export class GroupedBlock implements Grouped {
  readonly rule: StepRule | undefined;
  readonly #id: number;
  readonly #layout: Layout;
  readonly #steps: () => Float64Array;
  #read: Float64Array | undefined;

  /** `steps` is called when there is no rule. */
  constructor(
    { id, rows }: { id: number; rows: number },
    rule: StepRule | undefined,
    steps: () => Float64Array,
  ) {
    this.rule = rule;
    this.#id = id;
    this.#layout = layoutOf(rows);
    this.#steps = steps;
  }

  rowsAt(level: number): Uint16Array {
    return this.#layout.rows[level] as Uint16Array;
  }

  startsAt(level: number): Uint32Array {
    return this.#layout.starts[level] as Uint32Array;
  }

  readSteps(): Float64Array {
    this.#read ??= this.#steps();
    return this.#read;
  }

  stepAt(level: number, group: number, row: number): number | undefined {
    return this.readSteps()[(this.startsAt(level)[group] as number) + row];
  }

  blockOf(group: number): { id: number; group: number } | undefined {
    return group < this.rowsAt(0).length ? { id: this.#id, group } : undefined;
  }
}

/** Groups of the finest level that a group is made of. */
export function finestOf(level: number): number {
  return FACTOR ** level;
}
