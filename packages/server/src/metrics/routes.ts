import { SERIES_LIMITS } from "@steelyard/protocol/series";
import { type Context, Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { streamed } from "../http/streamed.ts";
import type { Services } from "../services.ts";
import { exportRoutes } from "./export-routes.ts";
import { exportedHistoryRoutes } from "./exported-history.ts";
import { runNumbers, streamOf, visibleProject, visibleRun } from "./found.ts";
import { histogramKeys } from "./histogram-keys.ts";
import { seriesRoutes } from "./series-routes.ts";

/** What charts ask: buckets, key names, and exports of whole runs. */
export function metricsRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.route("/", seriesRoutes(services));
  routes.route("/", exportRoutes(services));
  routes.route("/", exportedHistoryRoutes(services));

  routes.get("/api/v1/keys", async (c) => {
    const project = await visibleProject(
      c,
      services,
      c.req.query("entity") ?? "",
      c.req.query("project") ?? "",
    );
    const numbers = await runNumbers(services, project, namedRuns(c));
    return c.json({ keys: await services.metrics.keyNames([...numbers.keys()], streamOf(c)) });
  });

  routes.get("/api/v1/histogram-keys", async (c) => {
    const { entity = "", project = "" } = c.req.query();
    const found = await visibleProject(c, services, entity, project);
    return c.json({ keys: await histogramKeys(services, found, namedRuns(c)) });
  });

  routes.get("/api/v1/run-keys", async (c) => {
    const run = await visibleRun(c, services);
    // Values may be NaN or infinite, which JSON has no word for; who asks reads the dialect.
    const keys = await services.metrics.keysJson(run.id, streamOf(c));
    c.header("content-type", "application/json");
    const parts = async function* () {
      yield '{"keys":';
      yield* keys;
      yield "}";
    };
    return streamed(c, services, parts());
  });

  return routes;
}

function namedRuns(c: Context<AppEnv>): string[] {
  const names = c.req.queries("run") ?? [];
  if (names.length <= SERIES_LIMITS.runs) return names;
  throw new SteelyardError("bad-request", `at most ${SERIES_LIMITS.runs} runs at once`);
}
