import type { ColumnsQuestion, KeyColumn, RowColumns } from "../../ports/metric-store.ts";
import { type BlockHead, rowsOfColumn, rowsOfColumns } from "./block.ts";
import { type RowAt, rowsIn } from "./row-reads.ts";
import type { StoredBlock, StoredBlocks } from "./stored.ts";

/** Rows by column, for files that have columns: no row becomes text on its way. */

const STEP = "_step";

export function answerColumns(stored: StoredBlocks, question: ColumnsQuestion): RowColumns {
  const { run, stream, keys, minStep, maxStep, after = Number.NEGATIVE_INFINITY, limit } = question;
  const asked = keys && new Set(keys);
  const min = Math.max(minStep ?? Number.NEGATIVE_INFINITY, after);
  const max = maxStep ?? Number.POSITIVE_INFINITY;
  const rows = rowsIn(stored, { run, stream, min, max, limit }, (step) => step > after);
  const columns = new Columns(rows.length);
  // Every row of history has this key, from the client or the store.
  const withSteps = stream === "history" && asked?.has(STEP) !== false;
  for (const { block, places } of placesInBlocks(rows)) {
    const head = stored.head(block);
    const rowsOf = rowsFinder(head, asked?.size);
    for (const [id, { kind, key }] of head.columns.entries()) {
      if (kind === "line" || asked?.has(key) === false || (withSteps && key === STEP && kind === "number"))
        continue;
      const values = stored.column(block, id);
      if (values instanceof Float64Array) columns.putNumbers(key, values, rowsOf(id), places);
      else columns.putTexts(key, values, rowsOf(id), places);
    }
  }
  const steps = Float64Array.from(rows, ({ step }) => step);
  const found = columns.all();
  if (withSteps) found.push({ key: STEP, numbers: steps, has: undefined });
  return { steps, columns: found };
}

/** What moves to another thread without a copy. */
export function buffersOfColumns({ steps, columns }: RowColumns): ArrayBuffer[] {
  const buffers = new Set([steps.buffer]);
  for (const column of columns) {
    if (!("numbers" in column)) continue;
    buffers.add(column.numbers.buffer);
    if (column.has) buffers.add(column.has.buffer);
  }
  return [...buffers] as ArrayBuffer[];
}

/** For each block its rows' places among `rows`; -1: not there. */
function placesInBlocks(rows: readonly RowAt[]): Iterable<{ block: StoredBlock; places: Int32Array }> {
  const found = new Map<number, { block: StoredBlock; places: Int32Array }>();
  for (const [place, { block, row }] of rows.entries()) {
    let of = found.get(block.id);
    if (!of) {
      of = { block, places: new Int32Array(block.rows).fill(-1) };
      found.set(block.id, of);
    }
    of.places[row] = place;
  }
  return found.values();
}

/** Beyond so many columns their rows are found in one pass for all. */
const FEW_COLUMNS = 8;

function rowsFinder(head: BlockHead, wanted = head.columns.length): (column: number) => Uint32Array {
  if (wanted <= FEW_COLUMNS) return (column) => rowsOfColumn(head, column);
  const all = rowsOfColumns(head);
  return (column) => all[column] ?? new Uint32Array(0);
}

/** Arrays in few buffers: a row may have a hundred thousand keys, and handing over as many buffers takes longer than reading. */
class Pool {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  numbers(length: number): Float64Array {
    return new Float64Array(...this.#take(length, 8));
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(...this.#take(length, 1));
  }

  #take(length: number, each: number): [ArrayBuffer, number, number] {
    const bytes = Math.ceil((length * each) / 8) * 8;
    if (this.#used + bytes > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(Math.max(bytes, POOL_BYTES));
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += bytes;
    return [this.#buffer, at, length];
  }
}

const POOL_BYTES = 256 * 1024;

class Columns {
  readonly #rows: number;
  readonly #pool = new Pool();
  readonly #numbers = new Map<string, { numbers: Float64Array; has: Uint8Array; count: number }>();
  readonly #texts = new Map<string, (string | undefined)[]>();

  constructor(rows: number) {
    this.#rows = rows;
  }

  /** `rowsOf`: for each value its row in the block. */
  putNumbers(key: string, values: Float64Array, rowsOf: Uint32Array, places: Int32Array): void {
    let column = this.#numbers.get(key);
    if (!column) {
      column = { numbers: this.#pool.numbers(this.#rows), has: this.#pool.bytes(this.#rows), count: 0 };
      this.#numbers.set(key, column);
    }
    const { numbers, has } = column;
    for (let at = 0; at < values.length; at++) {
      const place = places[rowsOf[at] as number] as number;
      if (place < 0) continue;
      numbers[place] = values[at] as number;
      column.count += 1 - (has[place] as number);
      has[place] = 1;
    }
  }

  putTexts(key: string, values: readonly string[], rowsOf: Uint32Array, places: Int32Array): void {
    let texts = this.#texts.get(key);
    if (!texts) {
      texts = new Array<string | undefined>(this.#rows).fill(undefined);
      this.#texts.set(key, texts);
    }
    for (let at = 0; at < values.length; at++) {
      const place = places[rowsOf[at] as number] as number;
      if (place >= 0) texts[place] = values[at];
    }
  }

  all(): KeyColumn[] {
    const columns: KeyColumn[] = [];
    for (const [key, { numbers, has, count }] of this.#numbers)
      if (count > 0) columns.push({ key, numbers, has: count === this.#rows ? undefined : has });
    for (const [key, texts] of this.#texts)
      if (texts.some((text) => text !== undefined)) columns.push({ key, texts });
    return columns;
  }
}
