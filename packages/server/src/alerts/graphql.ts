import { SteelyardError } from "../errors.ts";
import type { Resolver, Resolvers } from "../http/resolvers.ts";
import { findRun, requireViewer } from "../projects/access.ts";
import { dateTime, type RunModel } from "../runs/run.ts";

interface AlertInput {
  entityName: string;
  projectName: string;
  runName: string;
  title: string;
  text: string;
  severity?: "INFO" | "WARN" | "ERROR" | null;
  /** Milliseconds in which an alert of the same title is not repeated. */
  waitDuration?: number | string | null;
}

/** What `run.alert()` waits by default. */
const DEFAULT_WAIT_MS = 60_000;
const MAX_TITLE = 1_000;
const MAX_TEXT = 100_000;

/** An alert kept back by its wait is still a success for the script that raised it. */
const notifyScriptableRunAlert: Resolver = async (
  _source,
  { input }: { input: AlertInput },
  { services, viewer },
) => {
  requireViewer(viewer);
  const { entityName, projectName, runName, title, text } = input;
  if (title.length > MAX_TITLE || text.length > MAX_TEXT) {
    throw new SteelyardError(
      "bad-request",
      `an alert has at most ${MAX_TITLE} characters of title and ${MAX_TEXT} of text`,
    );
  }
  const run = await findRun(services, viewer, entityName, projectName, runName, "write");
  if (!run) throw new SteelyardError("not-found", `run ${runName} is unknown, or you may not see it`);
  const waited = Number(input.waitDuration ?? DEFAULT_WAIT_MS);
  const wait = Number.isFinite(waited) ? Math.max(waited, 0) : DEFAULT_WAIT_MS;
  const now = services.now();
  await services.catalog.write(async (tx) => {
    const recent = await tx
      .selectFrom("alerts")
      .select("id")
      .where("run_id", "=", run.id)
      .where("title", "=", title)
      .where("created_at", ">", now - wait)
      .executeTakeFirst();
    if (recent) return;
    await tx
      .insertInto("alerts")
      .values({ run_id: run.id, title, text, severity: input.severity ?? "INFO", created_at: now })
      .execute();
  });
  services.log.info({ run: run.name, severity: input.severity ?? "INFO", title }, "alert");
  return { success: true };
};

/** A script in a loop may raise thousands; the newest are what someone looks for. */
const MAX_SHOWN = 100;

/** Newest first. */
const alerts: Resolver = async (run: RunModel, _args, { services }) =>
  (
    await services.catalog.db
      .selectFrom("alerts")
      .select(["title", "text", "severity", "created_at"])
      .where("run_id", "=", run.id)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(MAX_SHOWN)
      .execute()
  ).map(({ created_at, ...alert }) => ({ ...alert, createdAt: dateTime(created_at) }));

export const alertsResolvers: Resolvers = { Run: { alerts }, Mutation: { notifyScriptableRunAlert } };
