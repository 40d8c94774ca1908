import { flattenKeys, parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import type { Services } from "../services.ts";
import { streamOf, visibleRun } from "./found.ts";
import { rowPages } from "./row-pages.ts";

export function exportRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
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
