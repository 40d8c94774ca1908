import { Hono } from "hono";
import { SteelyardError } from "../errors.ts";
import { markUploaded, writeTextLines } from "../files/file-store.ts";
import type { AppEnv } from "../http/app.ts";
import { readBody } from "../http/body.ts";
import { answeredError } from "../http/error-answer.ts";
import type { CatalogTransaction } from "../ports/catalog.ts";
import { findRun, type RunRef, requireViewer } from "../projects/access.ts";
import {
  finishRun,
  heartbeat,
  mergeSummary,
  setState,
  setSummary,
  setSystemMetrics,
  summaryOfRows,
} from "../runs/run-store.ts";
import type { Services } from "../services.ts";
import { type Begun, beginStoring } from "./begin-storing.ts";
import type { IngestCounters } from "./counters.ts";

/** The client batches 10 MiB of lines and JSON may double them; below this, 413 would kill a good stream. */
const MAX_BODY_BYTES = 64 * 2 ** 20;
/** A sign of life alone is written this often at most: it is no part of what a 200 promises, and who is silent is judged by many of them. */
const HEARTBEAT_EVERY_MS = 10_000;
const HEARTBEATS_IN_SILENCE = 30;
const PATH = "/files/:entity/:project/:run/file_stream";

/**
 * The hot path of ingest: parse the outer JSON once, hand the lines to the metric store as they are (it makes columns of
 * them at once), commit, answer. Nothing here may look into a line, wait for a page, or answer before both stores have it.
 *
 * Rows first, then the catalog: a crash between the two leaves the client without an answer, it sends the same bytes again,
 * and both are written by position, so the repeat changes nothing that is there.
 */
export function fileStreamRoutes(services: Services, ingest: IngestCounters): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(PATH, async (c, next) => {
    await next();
    if (c.error) ingest.refused(answeredError(c.error).code);
  });
  routes.post(PATH, async (c) => {
    const viewer = requireViewer(c.get("viewer"));
    const { entity, project, run: name } = c.req.param();
    const run = await findRun(services, viewer, entity, project, name, "write");
    if (!run)
      throw new SteelyardError(
        "not-found",
        `there is no run ${entity}/${project}/${name}; it may have been deleted`,
      );
    const writer = c.req.header("x-wandb-async-client-id") ?? "";
    if (writer.length > 128)
      throw new SteelyardError("bad-request", "X-WANDB-ASYNC-CLIENT-ID is longer than 128 characters");
    const begun = await begin(services, run, writer, c.req.raw);
    const derives = c.req.header("x-wandb-server-side-derived-summary") === "true";
    const answer = await record(services, ingest, run, { writer, derives }, begun);
    ingest.request(begun.sizeBytes, (performance.now() - begun.atMs) / 1000);
    return c.json(answer);
  });
  return routes;
}

async function begin(services: Services, run: RunRef, writer: string, request: Request): Promise<Begun> {
  return beginStoring(services.metrics, run, writer, await readBody(request, MAX_BODY_BYTES));
}

/** Who sends, and whether it leaves the summary's last values to the server (`x_server_side_derived_summary`). */
interface Client {
  writer: string;
  derives: boolean;
}

async function record(
  services: Services,
  ingest: IngestCounters,
  run: RunRef,
  { writer, derives }: Client,
  { streams, appended, texts, summary, systemMetrics, request }: Begun,
): Promise<{ stopped?: true }> {
  const { catalog, bus, log } = services;
  const results = await appended;
  for (const [at, result] of results.entries()) {
    const batch = streams[at];
    if (batch) ingest.batch(batch.stream, batch.lines, result);
    // Console lines are written over all the time: progress bars.
    if (batch?.stream === "history" && result.again > 0)
      log.info(
        { run: run.name, stream: batch.stream, offset: batch.offset, lines: result.again },
        "lines came again and what came last stands: a client repeated itself, or there are two clients on one run; give each an id of its own",
      );
    for (const { line, reason } of result.rejected) {
      log.warn(
        { run: run.name, stream: batch?.stream, line, reason },
        "a line was refused; the others are stored",
      );
    }
  }
  for (const { name, offset, lines } of texts) await writeTextLines(services, run, name, offset, lines);

  const historyLines = streams.find(({ stream }) => stream === "history")?.lines ?? 0;
  const derived =
    derives && historyLines > 0
      ? summaryOfRows(await services.metrics.tail(run.id, "history", historyLines))
      : undefined;
  const nowMs = services.now();
  const note = async (tx: CatalogTransaction) => {
    const alive = await heartbeat(tx, run.id, nowMs, request.complete);
    let state = alive?.state ?? run.state;
    if (derived !== undefined) await mergeSummary(tx, run, derived);
    if (summary !== undefined) {
      const refused = await (writer || derives ? mergeSummary : setSummary)(tx, run, summary).then(
        () => undefined,
        (error: unknown) => error,
      );
      // One bad summary line must not cost the rows beside it: the next one replaces it anyway.
      if (refused instanceof SteelyardError && refused.status < 500) {
        ingest.summaryRefused();
        log.warn({ run: run.name, reason: refused.message }, "a summary was refused; the rows are stored");
      } else if (refused) throw refused;
    }
    if (systemMetrics !== undefined) await setSystemMetrics(tx, run, systemMetrics);
    if (request.uploaded) await markUploaded(tx, run.id, request.uploaded, nowMs);
    if (request.preempting && state === "running") {
      await setState(tx, run, "preempting", nowMs);
      state = "preempting";
    }
    if (request.complete) state = await finishRun(tx, run, request.exitcode ?? 0, nowMs);
    return { state, stopped: alive?.stopRequested === true };
  };
  const isNews =
    summary !== undefined ||
    derived !== undefined ||
    systemMetrics !== undefined ||
    hasNews(run, request, nowMs, services.config.crashAfterMs);
  const { state, stopped } = isNews
    ? await catalog.write(note)
    : { state: run.state, stopped: run.stopRequested };

  if (request.dropped) log.warn({ run: run.name, dropped: request.dropped }, "the client gave up chunks");
  if (streams.length > 0 || summary !== undefined) {
    const historyAt = streams.findIndex(({ stream }) => stream === "history");
    bus.publish({
      kind: "run-rows",
      project: run.project.id,
      run: run.id,
      name: run.name,
      streams: [...new Set(streams.map(({ stream }) => stream))],
      historyLines: results[historyAt]?.lineCount,
    });
  }
  if (request.uploaded || texts.length > 0)
    bus.publish({ kind: "run-files", project: run.project.id, run: run.id, name: run.name });
  if (state !== run.state)
    bus.publish({ kind: "run", project: run.project.id, run: run.id, name: run.name, state });
  return stopped ? { stopped: true } : {};
}

/** Whether the catalog has to hear of this request, beside what its files say. */
function hasNews(
  run: RunRef,
  { uploaded, preempting, complete }: Begun["request"],
  nowMs: number,
  silenceMs: number,
): boolean {
  const sinceMs = nowMs - run.heartbeatAtMs;
  const isFresh = sinceMs >= 0 && sinceMs < Math.min(HEARTBEAT_EVERY_MS, silenceMs / HEARTBEATS_IN_SILENCE);
  const isBack = run.state === "crashed" || run.state === "pending";
  return !isFresh || isBack || uploaded !== undefined || preempting === true || complete === true;
}
