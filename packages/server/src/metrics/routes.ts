import { flattenKeys, parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { encodeSeries, type SeriesAnswer } from "@steelyard/protocol/series";
import { type Context, Hono } from "hono";
import { stream } from "hono/streaming";
import * as v from "valibot";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { readJson } from "../http/body.ts";
import { findProject, type ProjectRef, type RunRef, readableRun } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { rowPages } from "./row-pages.ts";

const MAX_RUNS = 1000;
const MAX_KEYS = 200;
/** All of them at their longest. */
const MAX_QUESTION_BYTES = 8 * 2 ** 20;
const MAX_BUCKETS = 4000;
/** Runs × keys × buckets of one question: 16 M buckets would be a gigabyte. */
const MAX_TOTAL_BUCKETS = 4_000_000;

const Key = v.pipe(v.string(), v.maxLength(10_000));
const Question = v.object({
  entity: v.pipe(v.string(), v.maxLength(200)),
  project: v.pipe(v.string(), v.maxLength(1000)),
  runs: v.pipe(v.array(v.pipe(v.string(), v.maxLength(1000))), v.maxLength(MAX_RUNS)),
  keys: v.pipe(v.array(Key), v.maxLength(MAX_KEYS)),
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
  buckets: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_BUCKETS)), 500),
});

/** What charts ask: buckets, key names, and exports of whole runs. */
export function metricsRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.post("/api/v1/series", async (c) => {
    const given = v.safeParse(Question, await readJson(c.req.raw, MAX_QUESTION_BYTES));
    if (!given.success) {
      const [issue] = given.issues;
      throw new SteelyardError("bad-request", `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`);
    }
    const {
      entity,
      project: projectName,
      runs: names,
      keys,
      stream: streamName,
      x,
      min,
      max,
      buckets,
    } = given.output;
    if (names.length * keys.length * buckets > MAX_TOTAL_BUCKETS) {
      throw new SteelyardError(
        "bad-request",
        `runs × keys × buckets is more than ${MAX_TOTAL_BUCKETS}; ask for fewer at once`,
      );
    }
    const project = await visibleProject(c, services, entity, projectName);
    const numbers = await runNumbers(services, project, names);
    const series = await services.metrics.series({
      runs: [...numbers.keys()],
      keys,
      stream: streamName,
      x,
      min,
      max,
      buckets,
    });
    const answers: SeriesAnswer[] = series.map(({ run, ...columns }) => ({
      ...columns,
      run: numbers.get(run) ?? "",
    }));
    c.header("content-type", "application/octet-stream");
    c.header("cache-control", "no-store");
    return c.body(encodeSeries(answers));
  });

  routes.get("/api/v1/keys", async (c) => {
    const project = await visibleProject(
      c,
      services,
      c.req.query("entity") ?? "",
      c.req.query("project") ?? "",
    );
    const names = c.req.queries("run") ?? [];
    if (names.length > MAX_RUNS) throw new SteelyardError("bad-request", `at most ${MAX_RUNS} runs at once`);
    const numbers = await runNumbers(services, project, names);
    return c.json({ keys: await services.metrics.keyNames([...numbers.keys()], streamOf(c)) });
  });

  routes.get("/api/v1/run-keys", async (c) => {
    const run = await visibleRun(c, services);
    const keys = await services.metrics.keys(run.id, streamOf(c));
    // Values may be NaN or infinite, which JSON has no word for; the page reads the dialect.
    return c.body(stringifyExtendedJson({ keys }), 200, { "content-type": "application/json" });
  });

  routes.get("/api/v1/export", async (c) => {
    const run = await visibleRun(c, services);
    const format = c.req.query("format") ?? "csv";
    if (format !== "csv" && format !== "jsonl")
      throw new SteelyardError("bad-request", "format must be csv or jsonl");
    const streamName = streamOf(c);
    const columns =
      format === "csv" ? (await services.metrics.keys(run.id, streamName)).map(({ key }) => key) : [];
    c.header("content-type", format === "csv" ? "text/csv; charset=utf-8" : "application/jsonl");
    c.header(
      "content-disposition",
      `attachment; filename*=UTF-8''${encodeURIComponent(`${run.name}-${streamName}.${format}`)}`,
    );
    return stream(c, async (out) => {
      if (format === "csv") await out.write(`${columns.map(csvCell).join(",")}\n`);
      for await (const rows of rowPages(services.metrics, run.id, streamName)) {
        if (out.aborted) return;
        await out.write(
          format === "jsonl" ? `${rows.join("\n")}\n` : rows.map((row) => csvRow(row, columns)).join(""),
        );
      }
    });
  });
  return routes;
}

export async function visibleProject(
  c: Context<AppEnv>,
  services: Services,
  entity: string,
  project: string,
): Promise<ProjectRef> {
  const found = await findProject(services, c.get("viewer"), entity, project, "read");
  if (found) return found;
  if (!c.get("viewer")) throw new SteelyardError("not-authenticated", "sign in to see this");
  throw new SteelyardError("not-found", `there is no project ${entity}/${project}, or you may not see it`);
}

/** The run that `?entity&project&run` names. */
export async function visibleRun(c: Context<AppEnv>, services: Services): Promise<RunRef> {
  const { entity = "", project = "", run = "" } = c.req.query();
  const found = await readableRun(services, c.get("viewer"), entity, project, run);
  if (found) return found;
  if (!c.get("viewer")) throw new SteelyardError("not-authenticated", "sign in to see this");
  throw new SteelyardError("not-found", `there is no run ${entity}/${project}/${run}, or you may not see it`);
}

function streamOf(c: Context<AppEnv>): "history" | "events" {
  const stream = c.req.query("stream") ?? "history";
  if (stream === "history" || stream === "events") return stream;
  throw new SteelyardError("bad-request", "stream must be history or events");
}

/** Catalog number → public id, of those that exist: a run deleted meanwhile must not fail the chart of the others. */
async function runNumbers(
  services: Services,
  project: ProjectRef,
  names: readonly string[],
): Promise<Map<number, string>> {
  if (names.length === 0) return new Map();
  const rows = await services.catalog.db
    .selectFrom("runs")
    .select(["id", "name"])
    .where("project_id", "=", project.id)
    .where("name", "in", names)
    .where("deleted_at", "is", null)
    .execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}

function csvRow(row: string, columns: readonly string[]): string {
  const values = new Map(flattenKeys(parseExtendedJson(row) as Record<string, unknown>));
  return `${columns.map((key) => csvCell(values.get(key))).join(",")}\n`;
}

/** RFC 4180; a cell that a spreadsheet would run as a formula is kept as text. */
function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value : stringifyExtendedJson(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
