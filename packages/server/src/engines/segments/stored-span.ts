import type { Range } from "./buckets.ts";
import { finestOf, type Grouped, rowsOfLevels, startsOf } from "./grouped.ts";
import {
  decodeStepGroups,
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
export class StoredSpan implements Grouped {
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
  #blockStarts: Uint32Array | undefined;

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

  rowsAt(level: number): Uint16Array {
    this.#rowsAt ??= rowsOfLevels(this.blocks);
    return this.#rowsAt[level] as Uint16Array;
  }

  startsAt(level: number): Uint32Array {
    const starts = this.#startsAt[level] ?? startsOf(this.rowsAt(level));
    this.#startsAt[level] = starts;
    return starts;
  }

  blockOf(group: number): { id: number; group: number } | undefined {
    let left = group;
    for (const { id, rows } of this.blocks) {
      const groups = groupsOf(rows);
      if (left < groups) return { id, group: left };
      left -= groups;
    }
    return undefined;
  }

  /** From the first to the last of a block; undefined where there is no rule. */
  stepsByRule(block: number): Range | undefined {
    if (!this.rule) return undefined;
    this.#blockStarts ??= startsOf(Uint16Array.from(this.blocks, ({ rows }) => rows));
    const { first, stride } = this.rule;
    const row = this.#blockStarts[block] as number;
    const rows = (this.blocks[block] as SpanBlock).rows;
    return { min: first + row * stride, max: first + (row + rows - 1) * stride };
  }

  /** Of a span without a rule; throws what decoding does. */
  readSteps(): StepGroups {
    this.#steps ??= decodeStepGroups(this.#stepsChunk, this.rowsAt(0).length);
    return this.#steps;
  }

  stepAt(level: number, group: number, row: number): number | undefined {
    const rows = this.rowsAt(0);
    let fine = group * finestOf(level);
    let left = row;
    while (left >= (rows[fine] ?? Number.POSITIVE_INFINITY)) left -= rows[fine++] as number;
    const { first, last, stride } = this.readSteps();
    if (left === 0) return first[fine];
    if (left === (rows[fine] as number) - 1) return last[fine];
    const step = (first[fine] as number) + left * (stride[fine] as number);
    return Number.isNaN(step) ? undefined : step;
  }
}
