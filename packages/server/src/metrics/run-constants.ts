import { boundText, type Expression, parseExpression } from "@steelyard/protocol/expressions";
import type { MetricStore, Series, SeriesQuestion } from "../ports/metric-store.ts";
import type { Services } from "../services.ts";

/**
 * `${config:lr}` and `${summary:best}` in expressions: numbers of each run, the same in all of its rows. The store knows
 * nothing of them: it is asked with the numbers in their place, for the runs that have the same ones together.
 */

/** By the catalog's number of the run, then by constant: `config:lr`. */
export type RunConstants = ReadonlyMap<number, ReadonlyMap<string, number>>;

const NONE: RunConstants = new Map();

/** Of all these expressions; numbers alone. */
export async function runConstants(
  { catalog }: Services,
  runs: readonly number[],
  expressions: readonly string[],
): Promise<RunConstants> {
  const names = new Set(
    expressions.flatMap((text) => parseExpression(text).constants.map(({ name }) => name)),
  );
  if (names.size === 0 || runs.length === 0) return NONE;
  const byPath = new Map([...names].map((name) => [name.replace(":", "."), name]));
  const cells = await catalog.db
    .selectFrom("run_cells")
    .select(["run_id", "path", "num"])
    .where("run_id", "in", runs)
    .where("path", "in", [...byPath.keys()])
    .where("num", "is not", null)
    .orderBy("path")
    .execute();
  const found = new Map<number, Map<string, number>>();
  for (const { run_id, path, num } of cells) {
    const own = found.get(run_id) ?? new Map<string, number>();
    own.set(byPath.get(path) ?? "", Number(num));
    found.set(run_id, own);
  }
  return found;
}

export function hasConstants(expressions: readonly string[]): boolean {
  return expressions.some((text) => parseExpression(text).constants.length > 0);
}

/** As the store's, with constants. A run that lacks one has no series of that expression. */
export async function seriesWithConstants(
  metrics: MetricStore,
  question: SeriesQuestion & { expressions: readonly string[] },
  constants: RunConstants,
  signal: AbortSignal,
): Promise<Series[]> {
  const parsed = question.expressions.map(parseExpression);
  const [plain, bound] = [parsed.filter(isPlain), parsed.filter((one) => !isPlain(one))];
  if (bound.length === 0) return metrics.series(question, signal);
  const series =
    question.keys.length + plain.length > 0
      ? await metrics.series({ ...question, expressions: plain.map(({ text }) => text) }, signal)
      : [];
  for (const expression of bound) {
    const together = Map.groupBy(question.runs, (run) =>
      boundText(expression, (name) => constants.get(run)?.get(name)),
    );
    for (const [text, runs] of together) {
      if (text === undefined) continue;
      const answers = await metrics.series({ ...question, runs, keys: [], expressions: [text] }, signal);
      for (const answer of answers) series.push({ ...answer, key: expression.text });
    }
  }
  return series;
}

function isPlain({ constants }: Expression): boolean {
  return constants.length === 0;
}
