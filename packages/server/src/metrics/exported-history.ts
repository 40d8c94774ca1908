import { createReadStream, existsSync, mkdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import { parseRange } from "../files/routes.ts";
import { readSignedUrl, signUrl } from "../files/signed-url.ts";
import type { AppEnv } from "../http/app.ts";
import type { KeyInfo, MetricStore } from "../ports/metric-store.ts";
import type { Services } from "../services.ts";
import { type ExportColumn, exportColumns } from "./export-columns.ts";
import { MAX_PARQUET_COLUMNS } from "./export-formats.ts";
import { dropUnfinished, makeRoom } from "./kept-files.ts";
import { writeRunFile } from "./run-file.ts";

/**
 * The history of a run that has ended as one Parquet file at an address that carries its own permission, for the official
 * client (`parquetHistory`): it reads such a file in place of asking for pages, and downloads it.
 *
 * Only where the client then has the very rows that were logged. It makes of a file's row a dictionary with every column,
 * `None` where the row has none, and dotted names in place of nested dictionaries: so every row must have every key, at
 * the top, of one type. And it keeps the file for ever by the run's name: a run that goes on after its file was given out
 * is read live from then on.
 */

const DOOR = "history";

/** What the catalog says of a run, as far as it matters here. */
interface EndedRun {
  id: number;
  name: string;
  project_id: number;
  heartbeat_at: number;
}

/** The address of the file; undefined when the rows are to be read live. */
export async function exportedHistory(
  services: Services,
  baseUrl: string,
  run: EndedRun,
): Promise<string | undefined> {
  if (!columnsOf(await services.metrics.keys(run.id, "history"))) return undefined;
  const { history: lines } = await services.metrics.lineCounts(run.id);
  const asGiven = { run_id: run.id, heartbeat_at: run.heartbeat_at, lines };
  const before = await givenOut(services, run);
  if (before && !isSame(before, asGiven)) return undefined;
  if (!before) {
    await services.catalog.write((tx) =>
      tx
        .insertInto("history_exports")
        .values({ project_id: run.project_id, name: run.name, ...asGiven })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
  }
  return signUrl(services, baseUrl, DOOR, run.id, `${run.name}.parquet`);
}

type Given = Pick<Awaited<ReturnType<typeof givenOut>> & object, "run_id" | "heartbeat_at" | "lines">;

function givenOut({ catalog }: Services, run: EndedRun) {
  return catalog.db
    .selectFrom("history_exports")
    .select(["run_id", "heartbeat_at", "lines"])
    .where("project_id", "=", run.project_id)
    .where("name", "=", run.name)
    .executeTakeFirst();
}

function isSame(a: Given, b: Given): boolean {
  return a.run_id === b.run_id && a.heartbeat_at === b.heartbeat_at && a.lines === b.lines;
}

/** Undefined unless every row has every key, at the top, of one type that Parquet has. */
function columnsOf(infos: readonly KeyInfo[]): ExportColumn[] | undefined {
  const rows = infos.find(({ key }) => key === "_step");
  if (infos.length > MAX_PARQUET_COLUMNS) return undefined;
  if (!rows || !Number.isSafeInteger(rows.min) || !Number.isSafeInteger(rows.max)) return undefined;
  const plain = infos.every(({ key, count, types, min = 0, max = 0 }) => {
    const [type, other] = Object.keys(types);
    return (
      count === rows.count &&
      other === undefined &&
      (type === "number" || type === "string" || type === "boolean") &&
      // The store has larger numbers as text, which is more exact than a double.
      Math.max(Math.abs(min), Math.abs(max)) <= Number.MAX_SAFE_INTEGER &&
      !key.includes(".")
    );
  });
  return plain ? exportColumns(infos, false) : undefined;
}

/** `/storage/history/…`: who has the address may read it, by ranges too. */
export function exportedHistoryRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const folder = join(services.config.dataDir, "history-files");
  dropUnfinished(folder);
  const being = new Map<string, Promise<void>>();
  routes.get(`/storage/${DOOR}/:token/*`, async (c) => {
    const { id } = await readSignedUrl(services, DOOR, c.req.param("token"));
    const run = await services.catalog.db
      .selectFrom("runs")
      .select(["id", "name", "project_id", "heartbeat_at"])
      .where("id", "=", id)
      .where("deleted_at", "is", null)
      .executeTakeFirst();
    const given = run && (await givenOut(services, run));
    const { history: lines } = await services.metrics.lineCounts(id);
    if (!run || !given || !isSame(given, { run_id: id, heartbeat_at: run.heartbeat_at, lines }))
      throw new SteelyardError(
        "not-found",
        "the rows of this run are others by now: ask for its history again",
      );
    const path = join(folder, `${id}-${given.heartbeat_at}-${given.lines}.parquet`);
    if (!existsSync(path)) {
      const making =
        being.get(path) ?? makeFile(services.metrics, id, folder, path).finally(() => being.delete(path));
      being.set(path, making);
      await making;
    }
    return sendFile(c, path);
  });
  return routes;
}

async function makeFile(metrics: MetricStore, run: number, folder: string, path: string): Promise<void> {
  const columns = columnsOf(await metrics.keys(run, "history"));
  if (!columns) throw new SteelyardError("not-found", "the rows of this run are others by now");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  makeRoom(folder, Date.now());
  await writeRunFile(metrics, run, columns, path);
}

function sendFile(c: Context<AppEnv>, path: string): Response {
  const now = new Date();
  utimesSync(path, now, now);
  const { size } = statSync(path);
  c.header("content-type", "application/vnd.apache.parquet");
  c.header("accept-ranges", "bytes");
  c.header("cache-control", "private, max-age=300");
  const range = parseRange(c.req.header("range"), size);
  if (range === "unsatisfiable") {
    c.header("content-range", `bytes */${size}`);
    return c.body(null, 416);
  }
  const status = range ? 206 : 200;
  if (range) c.header("content-range", `bytes ${range.start}-${range.end}/${size}`);
  c.header("content-length", String(range ? range.end - range.start + 1 : size));
  if (c.req.method === "HEAD") return c.body(null, status);
  return c.body(Readable.toWeb(createReadStream(path, range)) as ReadableStream, status);
}
