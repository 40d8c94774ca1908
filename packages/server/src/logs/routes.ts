import { type Context, Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { streamed } from "../http/streamed.ts";
import { visibleRun } from "../metrics/found.ts";
import { parseLogLine } from "../runs/console.ts";
import type { Services } from "../services.ts";

const MAX_LINES = 5000;
const MAX_FOUND = 10_000;
const DOWNLOAD_PAGE = 5000;

/** The console log by windows of lines, so that a million of them cost what the screen shows. */
export function logsRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.get("/api/v1/console", async (c) => {
    const run = await visibleRun(c, services);
    const from = whole(c, "from", 0);
    const limit = Math.min(whole(c, "limit", 500), MAX_LINES);
    const [{ console: total }, lines] = await Promise.all([
      services.metrics.lineCounts(run.id),
      services.metrics.consoleLines(run.id, from, limit),
    ]);
    return c.json({ total, lines: lines.map(({ number, text }) => parseLogLine(number, text)) });
  });

  routes.get("/api/v1/console/search", async (c) => {
    const run = await visibleRun(c, services);
    const needle = c.req.query("q") ?? "";
    if (needle === "" || needle.length > 1000)
      throw new SteelyardError("bad-request", "q must be 1 to 1000 characters");
    return c.json({
      numbers: await services.metrics.searchConsole(run.id, needle, whole(c, "from", 0), MAX_FOUND),
    });
  });

  routes.get("/api/v1/console/download", async (c) => {
    const run = await visibleRun(c, services);
    const { console: total } = await services.metrics.lineCounts(run.id);
    c.header("content-type", "text/plain; charset=utf-8");
    c.header(
      "content-disposition",
      `attachment; filename*=UTF-8''${encodeURIComponent(`${run.name}-output.log`)}`,
    );
    const parts = async function* () {
      // From line to line, not from number to number: a client may count its lines from anywhere.
      for (let from = 0; from < total; ) {
        const lines = await services.metrics.consoleLines(run.id, from, DOWNLOAD_PAGE);
        const last = lines.at(-1)?.number;
        if (last === undefined) return;
        const text = lines.map((line) => parseLogLine(line.number, line.text).line).join("\n");
        yield `${text}\n`;
        from = last + 1;
      }
    };
    return streamed(c, services, parts());
  });
  return routes;
}

function whole(c: Context<AppEnv>, name: string, otherwise: number): number {
  const text = c.req.query(name);
  if (text === undefined || text === "") return otherwise;
  if (!/^\d{1,12}$/.test(text))
    throw new SteelyardError("bad-request", `${name} must be a whole number from 0`);
  return Number(text);
}
