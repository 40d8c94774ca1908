import { createReadStream, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Hono } from "hono";
import * as v from "valibot";
import type { AppEnv } from "../http/app.ts";
import { checked, readJson } from "../http/body.ts";
import { visibleProject } from "../metrics/found.ts";
import { dropUnfinished, unfinishedName } from "../metrics/kept-files.ts";
import { requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";
import type { OutputFormat } from "./messages.ts";
import { queryFolder, SqlQueries } from "./run-query.ts";

const MAX_ROWS = 10_000;
const MAX_FILE_ROWS = 5_000_000;

const FORMATS: Record<OutputFormat, string> = {
  csv: "text/csv; charset=utf-8",
  jsonl: "application/jsonl",
  parquet: "application/vnd.apache.parquet",
};

const Question = v.strictObject({
  entity: v.string(),
  project: v.string(),
  sql: v.pipe(v.string(), v.trim(), v.nonEmpty(), v.maxLength(100_000)),
  runs: v.optional(v.pipe(v.array(v.string()), v.maxLength(2_000))),
  /** Of an answer; a file has all rows that are allowed. */
  maxRows: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_ROWS)), 1_000),
  format: v.optional(v.picklist(["json", "csv", "jsonl", "parquet"]), "json"),
});

/** `POST /api/v1/sql`: a question in SQL over one project. Needs a key even where the project is open to all. */
export function sqlRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const queries = new SqlQueries(services);
  dropUnfinished(queryFolder(services.config.dataDir));
  routes.post("/api/v1/sql", async (c) => {
    requireViewer(c.get("viewer"));
    const { entity, project, sql, runs, maxRows, format } = checked(Question, await readJson(c.req.raw));
    const found = await visibleProject(c, services, entity, project);
    const question = { sql, ...(runs ? { runs } : undefined) };
    const { signal } = c.req.raw;
    if (format === "json") {
      const result = await queries.run(found, { ...question, maxRows }, signal);
      return c.json(result ?? {});
    }
    const file = unfinishedName(format);
    const path = join(queryFolder(services.config.dataDir), file);
    const drop = () => rmSync(path, { force: true });
    try {
      await queries.run(found, { ...question, maxRows: MAX_FILE_ROWS, output: { format, file } }, signal);
      const content = createReadStream(path);
      content.once("close", drop);
      return c.body(Readable.toWeb(content) as ReadableStream, 200, {
        "content-type": FORMATS[format],
        "content-length": String(statSync(path).size),
        "content-disposition": `attachment; filename="query.${format}"`,
      });
    } catch (cause) {
      drop();
      throw cause;
    }
  });
  return routes;
}
