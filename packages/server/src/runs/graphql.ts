import { stringifyExtendedJson } from "@steelyard/protocol/history";
import { type RawBuilder, sql } from "kysely";
import { deleteArtifactsOfRun } from "../artifacts/deletion.ts";
import { SteelyardError } from "../errors.ts";
import { askedTogether } from "../http/asked-together.ts";
import { parseRunGlobalId, runGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver, Resolvers } from "../http/resolvers.ts";
import { findRun, type Need, requireViewer } from "../projects/access.ts";
import { loadProject } from "../projects/project.ts";
import { runHistoryFields } from "./history-graphql.ts";
import { rewindRun } from "./rewind.ts";
import { dateTime, isEnded, loadRun, type RunModel, requireTransition } from "./run.ts";
import { runInfo } from "./run-info.ts";
import { ownPart, parseJsonObject, setState } from "./run-store.ts";
import { type UpsertInput, upsertRun } from "./upsert.ts";

/** The run a mutation means; throws 404 when unknown or invisible. */
async function runById(
  context: GraphqlContext,
  id: string,
  need: Need,
  options: { deleted?: "too" } = {},
): Promise<RunModel> {
  requireViewer(context.viewer);
  const path = parseRunGlobalId(id);
  const { services, viewer } = context;
  const run = await findRun(services, viewer, path.entity, path.project, path.run, need, options);
  if (run) return loadRun(services.catalog.db, run);
  throw new SteelyardError("not-found", `run ${path.run} is unknown, or you may not see it`);
}

function announce({ services }: GraphqlContext, run: RunModel, state: string): void {
  services.bus.publish({ kind: "run", project: run.project.id, run: run.id, name: run.name, state });
}

const upsertBucket: Resolver = async (_source, args: { input: UpsertInput }, context) => {
  const { run, inserted } = await upsertRun(context, args.input);
  return { bucket: run, inserted, serverSettings: { serverMessages: [] } };
};

interface RewindInput {
  runName: string;
  entityName?: string | null;
  projectName?: string | null;
  metricName: string;
  metricValue: number;
}

/** `rewoundRun: null` is how the client is told that there is no such run. */
const rewind: Resolver = async (_source, { input }: { input: RewindInput }, { services, viewer }) => {
  requireViewer(viewer);
  const { entityName, projectName, runName, metricName, metricValue } = input;
  const run = await findRun(services, viewer, entityName, projectName ?? "", runName, "write");
  if (!run) return { rewoundRun: null };
  const model = await loadRun(services.catalog.db, run);
  return { rewoundRun: await rewindRun(services, model, metricName, metricValue) };
};

/**
 * Soft: the rows stay till `restoreRun` or a clean-up. Deleting again succeeds again. Artifacts the run made stay unless
 * asked for; they do not come back.
 */
const deleteRun: Resolver = async (
  _source,
  { input }: { input: { id: string; deleteArtifacts?: boolean | null } },
  context,
) => {
  const run = await runById(context, input.id, "write", { deleted: "too" });
  if (run.row.deleted_at === null) {
    await context.services.catalog.db
      .updateTable("runs")
      .set({ deleted_at: context.services.now(), deleted_by: requireViewer(context.viewer).userId })
      .where("id", "=", run.id)
      .execute();
    const { project, id, name } = run;
    context.services.bus.publish({ kind: "run-deleted", project: project.id, run: id, name });
  }
  if (input.deleteArtifacts) await deleteArtifactsOfRun(context.services, run.id);
  return { success: true };
};

const restoreRun: Resolver = async (_source, { input }: { input: { id: string } }, context) => {
  const run = await runById(context, input.id, "write", { deleted: "too" });
  await context.services.catalog.db
    .updateTable("runs")
    .set({ deleted_at: null, deleted_by: null })
    .where("id", "=", run.id)
    .execute();
  announce(context, run, run.state);
  return { run: { ...run, row: { ...run.row, deleted_at: null, deleted_by: null } } };
};

/** The client hears of it in its next file-stream answer. A run that has ended has nothing to stop. */
const stopRun: Resolver = async (_source, { input }: { input: { id: string } }, context) => {
  const run = await runById(context, input.id, "write");
  if (!isEnded(run.state)) {
    await context.services.catalog.db
      .updateTable("runs")
      .set({ stop_requested: 1 })
      .where("id", "=", run.id)
      .execute();
    announce(context, run, run.state);
  }
  return { success: true };
};

const updateRunState: Resolver = async (
  _source,
  { input }: { input: { id: string; state: string } },
  context,
) => {
  const run = await runById(context, input.id, "write");
  const state = requireTransition(run.row, input.state);
  const { services } = context;
  await services.catalog.write((tx) => setState(tx, run, state, services.now()));
  announce(context, run, state);
  return { success: true };
};

/** Chosen parts of what the client noted for itself in the config; without `t` the client takes a run for a new one. */
const wandbConfig: Resolver = (run: RunModel, { keys }: { keys?: string[] | null }) => {
  const own = ownPart(parseJsonObject(run.row.config, "config"));
  return JSON.stringify(keys ? chosen(own, keys) : own);
};

const config: Resolver = (run: RunModel, { keys }: { keys?: string[] | null }) =>
  keys ? stringifyExtendedJson(chosen(parseJsonObject(run.row.config, "config"), keys)) : run.row.config;

function chosen(object: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    keys.filter((key) => Object.hasOwn(object, key)).map((key) => [key, object[key]]),
  );
}

const tagsOf = askedTogether(async ({ catalog }, runs: number[]) => {
  const rows = await catalog.db
    .selectFrom("run_tags")
    .select(["run_id", "tag"])
    .where("run_id", "in", oneOf(runs))
    .orderBy("tag")
    .execute();
  const tags = new Map<number, string[]>();
  for (const { run_id, tag } of rows) tags.set(run_id, [...(tags.get(run_id) ?? []), tag]);
  return tags;
});

const userOf = askedTogether(async ({ catalog }, users: number[]) => {
  const rows = await catalog.db.selectFrom("users").selectAll().where("id", "in", oneOf(users)).execute();
  return new Map(rows.map((row) => [row.id, row]));
});

/** One parameter, and one prepared statement, however many they are. */
function oneOf(ids: readonly number[]): RawBuilder<number> {
  return sql<number>`(SELECT value FROM json_each(${JSON.stringify(ids)}))`;
}

export const runsResolvers: Resolvers = {
  Run: {
    ...runHistoryFields,
    id: (run: RunModel) => runGlobalId(run),
    displayName: (run: RunModel) => run.row.display_name,
    description: (run: RunModel) => run.row.description,
    notes: (run: RunModel) => run.row.notes,
    config,
    wandbConfig,
    summaryMetrics: (run: RunModel) => run.row.summary,
    systemMetrics: (run: RunModel) => run.row.system_metrics,
    tags: async (run: RunModel, _args, { services }) => (await tagsOf(services, run.id)) ?? [],
    group: (run: RunModel) => run.row.group_name,
    jobType: (run: RunModel) => run.row.job_type,
    commit: (run: RunModel) => run.row.git_commit,
    host: (run: RunModel) => run.row.host,
    sweepName: (run: RunModel) => run.row.sweep_name,
    readOnly: async (run: RunModel, _args, { services, viewer }) => {
      const { project } = run;
      // A 403 here is the answer, not a failure.
      return findRun(services, viewer, project.entityName, project.name, run.name, "write").then(
        (found) => found === undefined,
        () => true,
      );
    },
    createdAt: (run: RunModel) => dateTime(run.row.created_at),
    updatedAt: (run: RunModel) => dateTime(run.row.updated_at),
    heartbeatAt: (run: RunModel) => dateTime(run.row.heartbeat_at),
    exitcode: (run: RunModel) => run.row.exit_code,
    stopped: (run: RunModel) => run.row.stop_requested === 1,
    shouldStop: (run: RunModel) => run.row.stop_requested === 1,
    failed: (run: RunModel) => run.state === "failed" || run.state === "crashed",
    running: (run: RunModel) => run.state === "running",
    user: (run: RunModel, _args, { services }) => userOf(services, run.row.user_id),
    project: (run: RunModel, _args, { services }) => loadProject(services.catalog.db, run.project),
    projectId: (run: RunModel) => run.project.id,
    runInfo: (run: RunModel, _args, { services }) => runInfo(services, run),
    defaultColorIndex: (run: RunModel) => run.row.color_index,
  },
  Mutation: {
    upsertBucket,
    rewindRun: rewind,
    deleteRun,
    restoreRun,
    stopRun,
    updateRunState,
  },
};
