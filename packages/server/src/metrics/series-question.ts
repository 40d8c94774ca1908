import { ExpressionError, parseExpression } from "@steelyard/protocol/expressions";
import {
  GROUP_STATISTICS,
  type GroupStatistic,
  QUANTILE,
  SERIES_COLUMNS,
  SERIES_LIMITS,
  type SeriesColumn,
} from "@steelyard/protocol/series";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";
import { checked } from "../http/body.ts";

/** What `POST /api/v1/series` takes. */

const LIMITS = SERIES_LIMITS;
/** As long as may be logged: what bounds it is the body. */
const Key = v.string();
const RunName = v.pipe(v.string(), v.maxLength(1000));
const STATISTICS = `a statistic is one of ${GROUP_STATISTICS.join(", ")}, or a quantile from q0 to q1 such as q0.9`;

const Grouping = v.object({
  groups: v.pipe(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.maxLength(1000)),
        runs: v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
      }),
    ),
    v.maxLength(LIMITS.groups),
    v.check(
      (groups) => groups.reduce((sum, { runs }) => sum + runs.length, 0) <= LIMITS.groupRuns,
      `at most ${LIMITS.groupRuns} runs in all groups together`,
    ),
  ),
  statistics: v.optional(
    v.pipe(v.array(v.custom<GroupStatistic>(isStatistic, STATISTICS)), v.maxLength(LIMITS.statistics)),
    ["mean", "min", "max"],
  ),
  value: v.optional(v.picklist(["last", "mean", "min", "max"]), "last"),
  weight: v.optional(v.picklist(["run", "points"]), "run"),
  fill: v.optional(v.picklist(["none", "linear"]), "none"),
});

const HeatMapQuestion = v.object({
  bins: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.bins)), 64),
  low: v.optional(v.number()),
  high: v.optional(v.number()),
});

const Question = v.object({
  keys: v.pipe(v.array(Key), v.maxLength(LIMITS.keys)),
  expressions: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.rawCheck(isExpression))), v.maxLength(LIMITS.keys)),
    [],
  ),
  stream: v.optional(v.picklist(["history", "events"]), "history"),
  x: v.optional(
    v.union([
      v.object({ kind: v.picklist(["step", "relative", "relative-wall", "wall"]) }),
      v.object({ kind: v.literal("key"), key: Key }),
    ]),
    { kind: "step" },
  ),
  min: v.optional(v.number()),
  max: v.optional(v.number()),
  buckets: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.buckets)), 500),
  grouping: v.optional(Grouping),
  heatMap: v.optional(HeatMapQuestion),
  columns: v.optional(v.pipe(v.array(v.picklist(SERIES_COLUMNS)), v.minLength(1)), [...SERIES_COLUMNS]),
  marks: v.optional(
    v.pipe(
      v.array(
        v.tuple([
          v.pipe(v.number(), v.integer(), v.minValue(0)),
          v.pipe(v.number(), v.integer(), v.minValue(0)),
          v.pipe(v.string(), v.maxLength(100)),
        ]),
      ),
      v.maxLength(LIMITS.runs * LIMITS.keys),
    ),
  ),
});

const Request = v.object({
  entity: v.pipe(v.string(), v.maxLength(200)),
  project: RunName,
  runs: v.pipe(v.array(RunName), v.maxLength(LIMITS.runs)),
  questions: v.pipe(v.array(Question), v.minLength(1), v.maxLength(LIMITS.questions)),
  have: v.optional(v.record(RunName, v.pipe(v.string(), v.maxLength(100))), {}),
});

export type SeriesQuestionInput = v.InferOutput<typeof Question>;
export type SeriesRequestInput = v.InferOutput<typeof Request>;

/** Throws bad-request, which names the place in the body and what may stand there. */
export function parseSeriesRequest(body: unknown): SeriesRequestInput {
  const request = checked(Request, body);
  let buckets = 0;
  let heatMaps = 0;
  for (const [at, question] of request.questions.entries()) {
    const unknown = question.grouping?.groups
      .flatMap(({ runs }) => runs)
      .find((run) => run >= request.runs.length);
    if (unknown !== undefined)
      throw new SteelyardError(
        "bad-request",
        `questions.${at}.grouping.groups: there is no run ${unknown}; the ${request.runs.length} runs are counted from 0`,
      );
    buckets += request.runs.length * (question.keys.length + question.expressions.length) * question.buckets;
    question.columns = chosenColumns(question.columns);
    if (!question.heatMap) continue;
    heatMaps += request.runs.length * question.keys.length;
    if (question.grouping || question.expressions.length > 0)
      throw new SteelyardError(
        "bad-request",
        `questions.${at}: a heat map is of keys of single runs: without grouping and expressions`,
      );
  }
  if (heatMaps > LIMITS.heatMaps) {
    throw new SteelyardError(
      "bad-request",
      `runs × keys of heat maps is ${heatMaps}, more than ${LIMITS.heatMaps}: ask for fewer at once`,
    );
  }
  if (buckets > LIMITS.totalBuckets) {
    throw new SteelyardError(
      "bad-request",
      `runs × keys × buckets of all questions is ${buckets}, more than ${LIMITS.totalBuckets}: ask for fewer at once`,
    );
  }
  return request;
}

function isStatistic(value: unknown): boolean {
  return (
    typeof value === "string" && (GROUP_STATISTICS.some((name) => name === value) || QUANTILE.test(value))
  );
}

function isExpression({ dataset, addIssue }: v.RawCheckContext<string>): void {
  if (!dataset.typed) return;
  try {
    parseExpression(dataset.value);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    addIssue({ message: error.message });
  }
}

/** Each once, in the order of the format; where the buckets are is always said. */
function chosenColumns(asked: readonly SeriesColumn[]): SeriesColumn[] {
  return SERIES_COLUMNS.filter(
    (column) => column === "xFirst" || column === "xLast" || asked.includes(column),
  );
}
