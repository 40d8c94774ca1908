import { FACTOR } from "./pyramid.ts";
import {
  coarserRows,
  decodeStepGroups,
  groupRows,
  groupsOf,
  type SpanBlock,
  type StepGroups,
  type StepRule,
  spanBlocks,
} from "./span.ts";

export interface SpanRow {
  id: number;
  streamId: number;
  rows: number;
  minStep: number;
  maxStep: number;
  first: number | null;
  stride: number | null;
  blocks: string;
  steps: Uint8Array;
}

/** A span as its row says; what its groups are made of is worked out when it is first asked. */
export class StoredSpan {
  readonly id: number;
  readonly streamId: number;
  readonly rows: number;
  readonly minStep: number;
  readonly maxStep: number;
  readonly blocks: readonly SpanBlock[];
  readonly rule: StepRule | undefined;
  readonly #stepsChunk: Uint8Array;
  #steps: StepGroups | undefined;
  #rowsAt: Uint16Array[] | undefined;
  readonly #startsAt: Uint32Array[] = [];

  constructor(row: SpanRow) {
    this.id = row.id;
    this.streamId = row.streamId;
    this.rows = row.rows;
    this.minStep = row.minStep;
    this.maxStep = row.maxStep;
    this.blocks = spanBlocks(row.blocks);
    this.rule =
      row.stride === null || row.first === null ? undefined : { first: row.first, stride: row.stride };
    this.#stepsChunk = row.steps;
  }

  /** Rows of each group of the level, with or without a value of some key. */
  rowsAt(level: number): Uint16Array {
    if (!this.#rowsAt) {
      const fine = groupRows(this.blocks);
      const middle = coarserRows(fine);
      this.#rowsAt = [fine, middle, coarserRows(middle)];
    }
    return this.#rowsAt[level] as Uint16Array;
  }

  /** The row of the span that each group of the level begins with. */
  startsAt(level: number): Uint32Array {
    const known = this.#startsAt[level];
    if (known) return known;
    const rows = this.rowsAt(level);
    const starts = new Uint32Array(rows.length);
    for (let at = 1; at < rows.length; at++) {
      starts[at] = (starts[at - 1] as number) + (rows[at - 1] as number);
    }
    this.#startsAt[level] = starts;
    return starts;
  }

  /** The block that a group of the finest level lies in, and which of the block's groups it is. */
  blockOf(group: number): { block: SpanBlock; group: number } | undefined {
    let left = group;
    for (const block of this.blocks) {
      const groups = groupsOf(block.rows);
      if (left < groups) return { block, group: left };
      left -= groups;
    }
    return undefined;
  }

  /** Of a span without a rule. */
  readSteps(): StepGroups {
    this.#steps ??= decodeStepGroups(this.#stepsChunk, this.rowsAt(0).length);
    return this.#steps;
  }

  /** Step of a row of a group, of a span without a rule; undefined where only the block knows it. */
  stepAt(level: number, group: number, row: number): number | undefined {
    const rows = this.rowsAt(0);
    let fine = group * FACTOR ** level;
    let left = row;
    while (left >= (rows[fine] ?? Number.POSITIVE_INFINITY)) left -= rows[fine++] as number;
    const { first, last, stride } = this.readSteps();
    if (left === 0) return first[fine];
    if (left === (rows[fine] as number) - 1) return last[fine];
    const step = (first[fine] as number) + left * (stride[fine] as number);
    return Number.isNaN(step) ? undefined : step;
  }
}
