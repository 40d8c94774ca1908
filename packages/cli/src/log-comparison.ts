import { parseRow, stringifyExtendedJson } from "@steelyard/protocol/history";

/** A row that the log has and a server refuses. */
export interface RejectedRow {
  /** Place in the log's history, from 0. */
  row: number;
  step: number | undefined;
  reason: string;
}

export interface DifferentRow {
  row: number;
  step: number;
  /** Key → its JSON in the log and at the server; undefined where one has none. */
  keys: Record<string, { log: string | undefined; server: string | undefined }>;
}

export interface RowComparison {
  /** Rows the log has. */
  inLog: number;
  /** Of these, what the server has as they were logged. */
  stored: number;
  rejected: RejectedRow[];
  /** Rows the server has nothing of. */
  missing: { row: number; step: number }[];
  different: DifferentRow[];
  /** Steps between those of the log that only the server has. */
  added: number[];
  /** Rows of the server before and behind those of the log: of other processes of the run. */
  elsewhere: number;
}

interface LoggedRow {
  row: number;
  values: Record<string, unknown>;
  text: string;
}

/**
 * History of a log against the rows of a server, which come in any order. Values are compared, not their writing: the
 * order of keys and `1.0` for `1` are no difference.
 */
export async function compareRows(
  log: readonly string[],
  server: AsyncIterable<string>,
): Promise<RowComparison> {
  const rejected: RejectedRow[] = [];
  const waiting = new Map<number, LoggedRow[]>();
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [row, line] of log.entries()) {
    try {
      const values = parseRow(line);
      const step = stepOf(values);
      first = Math.min(first, step);
      last = Math.max(last, step);
      const logged = { row, values, text: canonical(values) };
      const beside = waiting.get(step);
      if (beside) beside.push(logged);
      else waiting.set(step, [logged]);
    } catch (error) {
      const step = /"_step":(-?\d+)/.exec(line)?.[1];
      rejected.push({
        row,
        step: step === undefined ? undefined : Number(step),
        reason: (error as Error).message,
      });
    }
  }
  const result: RowComparison = {
    inLog: log.length,
    stored: 0,
    rejected,
    missing: [],
    different: [],
    added: [],
    elsewhere: 0,
  };
  const unknown = new Map<number, Record<string, unknown>[]>();
  for await (const line of server) {
    const values = parseRow(line);
    const step = stepOf(values);
    const logged = waiting.get(step) ?? [];
    const text = canonical(values);
    const at = logged.findIndex((row) => row.text === text);
    if (at >= 0) {
      logged.splice(at, 1);
      result.stored++;
    } else if (step < first || step > last) result.elsewhere++;
    else unknown.set(step, [...(unknown.get(step) ?? []), values]);
  }
  // A row of the step with other values is the logged one, changed; what is left over was never in the log.
  for (const [step, rows] of waiting) {
    for (const { row, values } of rows) {
      const other = unknown.get(step)?.shift();
      if (other) result.different.push({ row, step, keys: differences(values, other) });
      else result.missing.push({ row, step });
    }
  }
  for (const [step, rows] of unknown) result.added.push(...rows.map(() => step));
  return result;
}

/** Keys whose values are not the same, with their JSON on both sides. */
export function differences(
  log: Readonly<Record<string, unknown>>,
  server: Readonly<Record<string, unknown>>,
): DifferentRow["keys"] {
  const keys: DifferentRow["keys"] = {};
  const textOf = (values: Readonly<Record<string, unknown>>, key: string) =>
    Object.hasOwn(values, key) ? canonical(values[key]) : undefined;
  for (const key of new Set([...Object.keys(log), ...Object.keys(server)])) {
    const [ours, theirs] = [textOf(log, key), textOf(server, key)];
    if (ours !== theirs) keys[key] = { log: ours, server: theirs };
  }
  return keys;
}

function stepOf({ _step }: Record<string, unknown>): number {
  return typeof _step === "number" ? _step : -1;
}

function canonical(value: unknown): string {
  return stringifyExtendedJson(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sorted(entry)]));
}
