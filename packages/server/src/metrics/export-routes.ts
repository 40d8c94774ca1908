import { type Context, Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { streamed } from "../http/streamed.ts";
import type { KeyInfo } from "../ports/metric-store.ts";
import type { ProjectRef } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { exportColumns } from "./export-columns.ts";
import { EXPORT_FORMATS, type ExportFormat, exportFile } from "./export-formats.ts";
import { runNumbers, streamOf, visibleProject, visibleRun } from "./found.ts";
import { columnPages, inTurns, rowPages } from "./row-pages.ts";

/** Of a request that names them; a request that names none has all of the project. */
const MAX_NAMED_RUNS = 1000;
/** Runs read from the catalog at once. */
const RUNS_PAGE = 1000;

interface Run {
  id: number;
  name: string;
}

/**
 * Rows as they were logged, of one run (`?run=`), of several (`run` again, or `runs=all`), streamed: memory does not grow
 * with what is exported.
 */
export function exportRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/api/v1/export", async (c) => {
    const named = c.req.queries("run") ?? [];
    const format = formatOf(c.req.query("format"));
    const range = { minStep: stepOf(c, "minStep"), maxStep: stepOf(c, "maxStep") };
    const streamName = streamOf(c);
    const { entity = "", project: projectName = "", runs: all } = c.req.query();
    if (all !== undefined && all !== "all") throw new SteelyardError("bad-request", "runs can only be all");
    const several = all === "all" || named.length > 1;
    let runs: () => AsyncIterable<Run> | Iterable<Run>;
    let title: string;
    if (several) {
      const project = await visibleProject(c, services, entity, projectName);
      const chosen = all === "all" ? undefined : await namedRuns(services, project, named);
      runs = () => chosen ?? runsOf(services, project);
      title = project.name;
    } else {
      const run = await visibleRun(c, services);
      runs = () => [run];
      title = run.name;
    }
    const file = await exportFile(
      format,
      async () => {
        const infos: KeyInfo[][] = [];
        for await (const { id } of runs()) infos.push(await services.metrics.keys(id, streamName));
        return exportColumns(infos.flat(), several);
      },
      several,
    );
    c.header("content-type", file.contentType);
    c.header(
      "content-disposition",
      `attachment; filename*=UTF-8''${encodeURIComponent(`${title}-${streamName}.${format}`)}`,
    );
    const parts = async function* () {
      yield file.begin();
      for await (const { id, name } of runs()) {
        const source = {
          texts: () => inTurns(rowPages(services.metrics, id, streamName, undefined, range)),
          columns: (keys: number) => columnPages(services.metrics, id, streamName, keys, range),
        };
        yield* file.run(name, source);
      }
      yield file.end();
    };
    return streamed(c, services, parts());
  });
  return routes;
}

function stepOf(c: Context<AppEnv>, name: "minStep" | "maxStep"): number | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const step = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(step)) return step;
  throw new SteelyardError("bad-request", `${name} must be a step, a number; not "${text.slice(0, 100)}"`);
}

function formatOf(format = "csv"): ExportFormat {
  const known = EXPORT_FORMATS.find((one) => one === format);
  if (known) return known;
  throw new SteelyardError("bad-request", `format must be one of ${EXPORT_FORMATS.join(", ")}`);
}

/** In the order they were asked for. Throws not-found for one that is not there: a file must not lack it silently. */
async function namedRuns(services: Services, project: ProjectRef, names: readonly string[]): Promise<Run[]> {
  if (names.length > MAX_NAMED_RUNS)
    throw new SteelyardError(
      "bad-request",
      `at most ${MAX_NAMED_RUNS} runs by name; runs=all has all of the project`,
    );
  const ids = new Map([...(await runNumbers(services, project, names))].map(([id, name]) => [name, id]));
  return [...new Set(names)].map((name) => {
    const id = ids.get(name);
    if (id === undefined)
      throw new SteelyardError(
        "not-found",
        `there is no run ${project.entityName}/${project.name}/${name}, or you may not see it`,
      );
    return { id, name };
  });
}

/** By their numbers: runs made meanwhile come last, deleted ones are passed over. */
async function* runsOf(services: Services, project: ProjectRef): AsyncGenerator<Run> {
  for (let after = 0; ; ) {
    const page = await services.catalog.db
      .selectFrom("runs")
      .select(["id", "name"])
      .where("project_id", "=", project.id)
      .where("deleted_at", "is", null)
      .where("id", ">", after)
      .orderBy("id")
      .limit(RUNS_PAGE)
      .execute();
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < RUNS_PAGE) return;
    after = last.id;
  }
}
