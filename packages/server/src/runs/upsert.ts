import { SteelyardError } from "../errors.ts";
import { parseRunGlobalId } from "../http/global-id.ts";
import type { GraphqlContext } from "../http/resolvers.ts";
import type { Viewer } from "../http/viewer.ts";
import type { CatalogTransaction, RunState } from "../ports/catalog.ts";
import { prepare, type Values } from "../ports/prepared-query.ts";
import { findRun, findRunOrPlace, type ProjectRef, requireViewer } from "../projects/access.ts";
import { createProject, DEFAULT_PROJECT } from "../projects/project.ts";
import type { Services } from "../services.ts";
import { actingUser } from "../users/acting-user.ts";
import { replaceCells } from "./cells.ts";
import { checkName, checkTags, checkText, generateDisplayName, newRunName } from "./names.ts";
import { isEnded, type RunModel, type RunRow, runModel } from "./run.ts";
import {
  configCells,
  mergeConfig,
  object,
  ownPart,
  parseJsonObject,
  setConfig,
  setSummary,
  setTags,
  summaryCells,
} from "./run-store.ts";

/** `UpsertBucketInput`; null and absent mean the same: leave it alone. */
export interface UpsertInput {
  id?: string | null;
  name?: string | null;
  entityName?: string | null;
  modelName?: string | null;
  groupName?: string | null;
  description?: string | null;
  displayName?: string | null;
  notes?: string | null;
  commit?: string | null;
  config?: string | null;
  host?: string | null;
  jobProgram?: string | null;
  jobRepo?: string | null;
  jobType?: string | null;
  state?: string | null;
  sweep?: string | null;
  tags?: string[] | null;
  summaryMetrics?: string | null;
}

/**
 * Create a run or change it; the client's first word about a run, its every later edit and the public API's edits.
 * Safe to repeat: the same words twice leave the same run, and two clients that begin one run at once share it.
 */
export async function upsertRun(
  context: GraphqlContext,
  input: UpsertInput,
): Promise<{ run: RunModel; inserted: boolean }> {
  const viewer = requireViewer(context.viewer);
  const { services } = context;
  checkInput(input);
  const { project, name, exists } = await target(services, viewer, input);
  if (!exists && input.config != null) await requireParent(services, viewer, project, name, input.config);
  const shared = context.headers.get("x-wandb-use-async-filestream") === "true";
  const author = await actingUser(services, viewer, context.headers, project.entityId);
  const { row, inserted } = await services.catalog.write(async (tx) => {
    const [found] = await runByName(tx, { project: project.id, name });
    if (found?.deleted_at != null) {
      throw new SteelyardError(
        "run-deleted",
        `run ${name} was deleted; begin a new run with another id, or restore it on its project's page`,
      );
    }
    return found
      ? { row: await editRun(tx, found, project, input, shared, services.now()), inserted: false }
      : { row: await insertRun(tx, project, name, input, author.userId, services.now()), inserted: true };
  });
  const run = await forkIfAsked(services, viewer, runModel(row, project));
  services.bus.publish({ kind: "run", project: project.id, run: run.id, name, state: run.state });
  return { run, inserted };
}

const runByName = prepare((db, value: Values<{ project: number; name: string }>) =>
  db
    .selectFrom("runs")
    .selectAll()
    .where("project_id", "=", value("project"))
    .where("name", "=", value("name")),
);

function checkInput(input: UpsertInput): void {
  for (const field of [
    "displayName",
    "notes",
    "description",
    "groupName",
    "jobType",
    "host",
    "commit",
    "sweep",
  ] as const) {
    checkText(field, input[field]);
  }
  if (input.config != null) parseJsonObject(input.config, "config");
  if (input.summaryMetrics != null) parseJsonObject(input.summaryMetrics, "summaryMetrics");
  if (input.state != null && input.state !== "running" && input.state !== "pending") {
    throw new SteelyardError("bad-request", "state may be running or pending here; updateRunState does more");
  }
}

/** Where the run is or will be. The project is made on the way. */
async function target(
  services: Services,
  viewer: Viewer,
  input: UpsertInput,
): Promise<{ project: ProjectRef; name: string; exists: boolean }> {
  if (input.id) {
    const path = parseRunGlobalId(input.id);
    const run = await findRun(services, viewer, path.entity, path.project, path.run, "write", {
      deleted: "too",
    });
    if (run) return { project: run.project, name: run.name, exists: true };
    throw new SteelyardError("not-found", `run ${path.run} is unknown, or you may not see it`);
  }
  const name = input.name ? checkName("run", input.name) : newRunName();
  const projectName = checkName("project", input.modelName || DEFAULT_PROJECT);
  const entityName = input.entityName || viewer.username;
  // A run that is there is meant, also when its project was renamed since; a new one goes where the name is now.
  const place = await findRunOrPlace(services, viewer, entityName, projectName, name, "write", {
    deleted: "too",
  });
  const project = place.project ?? (await createProject(services, viewer, entityName, projectName)).project;
  return { project, name, exists: place.run !== undefined };
}

async function insertRun(
  tx: CatalogTransaction,
  project: ProjectRef,
  name: string,
  input: UpsertInput,
  userId: number,
  now: number,
): Promise<RunRow> {
  const [made] = await countRun(tx, { project: project.id });
  if (!made) throw new SteelyardError("not-found", `project ${project.name} is gone`);
  const { config, summaryMetrics: summary, tags } = input;
  const row = {
    project_id: project.id,
    name,
    display_name: generateDisplayName(made.runs_made),
    color_index: made.runs_made - 1,
    state: stateIn(input),
    user_id: userId,
    group_name: null,
    job_type: null,
    notes: null,
    description: null,
    host: null,
    program: null,
    repo: null,
    git_commit: null,
    sweep_name: null,
    config: config ?? "{}",
    summary: summary ?? "{}",
    system_metrics: "{}",
    fork_of: null,
    stop_requested: 0,
    exit_code: null,
    created_at: now,
    updated_at: now,
    heartbeat_at: now,
    finished_at: null,
    deleted_at: null,
    deleted_by: null,
    ...columnsIn(input),
  };
  const [put] = await putRun(tx, row);
  if (!put) throw new Error("an insert returned nothing");
  const run = { id: put.id, project };
  await replaceCells(tx, run, new Map(), new Map([...configCells(row.config), ...summaryCells(row.summary)]));
  if (tags != null) await setTags(tx, run, checkTags(tags));
  return { ...row, id: put.id };
}

type NewRun = Omit<RunRow, "id">;

const countRun = prepare((db, value: Values<{ project: number }>) =>
  db
    .updateTable("projects")
    .set(({ eb }) => ({ runs_made: eb("runs_made", "+", 1) }))
    .where("id", "=", value("project"))
    .returning("runs_made"),
);
const putRun = prepare((db, value: Values<NewRun>) =>
  db
    .insertInto("runs")
    .values({
      project_id: value("project_id"),
      name: value("name"),
      display_name: value("display_name"),
      color_index: value("color_index"),
      state: value("state"),
      user_id: value("user_id"),
      group_name: value("group_name"),
      job_type: value("job_type"),
      notes: value("notes"),
      description: value("description"),
      host: value("host"),
      program: value("program"),
      repo: value("repo"),
      git_commit: value("git_commit"),
      sweep_name: value("sweep_name"),
      config: value("config"),
      summary: value("summary"),
      system_metrics: value("system_metrics"),
      fork_of: value("fork_of"),
      stop_requested: value("stop_requested"),
      exit_code: value("exit_code"),
      created_at: value("created_at"),
      updated_at: value("updated_at"),
      heartbeat_at: value("heartbeat_at"),
      finished_at: value("finished_at"),
      deleted_at: value("deleted_at"),
      deleted_by: value("deleted_by"),
    })
    .returning("id"),
);

function stateIn(input: UpsertInput): RunState {
  return (input.state as RunState | null | undefined) ?? "running";
}

async function editRun(
  tx: CatalogTransaction,
  row: RunRow,
  project: ProjectRef,
  input: UpsertInput,
  shared: boolean,
  now: number,
): Promise<RunRow> {
  const columns: Partial<RunRow> = { updated_at: now, ...columnsIn(input) };
  if (startsAgain(row, input)) {
    columns.state = stateIn(input);
    columns.exit_code = null;
    columns.finished_at = null;
    columns.stop_requested = 0;
    columns.heartbeat_at = now;
  }
  const run = { id: row.id, project };
  if (input.tags != null) await setTags(tx, run, checkTags(input.tags));
  if (input.config != null) await (shared ? mergeConfig : setConfig)(tx, run, input.config);
  if (input.summaryMetrics != null) await setSummary(tx, run, input.summaryMetrics);
  return tx
    .updateTable("runs")
    .set(columns)
    .where("id", "=", row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** What an upsert says that is a column as it stands. */
function columnsIn(input: UpsertInput): Partial<NewRun> {
  const columns: Partial<NewRun> = {};
  if (input.displayName != null && input.displayName !== "") columns.display_name = input.displayName;
  if (input.groupName != null) columns.group_name = input.groupName;
  if (input.jobType != null) columns.job_type = input.jobType;
  if (input.notes != null) columns.notes = input.notes;
  if (input.description != null) columns.description = input.description;
  if (input.host != null) columns.host = input.host;
  if (input.jobProgram != null) columns.program = input.jobProgram;
  if (input.jobRepo != null) columns.repo = input.jobRepo;
  if (input.commit != null) columns.git_commit = input.commit;
  if (input.sweep) columns.sweep_name = input.sweep;
  return columns;
}

/**
 * Does this upsert come from a client that is starting on a run that has ended (or was waiting)? The wire does not say.
 * A client that starts names the run and gives its parameters; an edit by id has no name, and a late config upsert of a
 * client that ends has nothing else.
 */
function startsAgain(row: RunRow, input: UpsertInput): boolean {
  if (!input.name || (!isEnded(row.state) && row.state !== "pending")) return false;
  if (input.state != null) return true;
  return !onlyConfig(input);
}

const PARAMETERS = [
  "displayName",
  "groupName",
  "jobType",
  "notes",
  "commit",
  "host",
  "jobProgram",
  "jobRepo",
  "sweep",
  "tags",
  "summaryMetrics",
] as const;

function onlyConfig(input: UpsertInput): boolean {
  return input.config != null && PARAMETERS.every((field) => input[field] == null);
}

/** What a config says of the run it branches from: a fork of another run, or a rewind of itself. */
function branchPoint(config: string): { parent: string; step: number } | undefined {
  // Nearly no config has one, and to parse it takes longer than all else that is asked of it.
  if (!config.includes("branch_point")) return undefined;
  const { run_id: parent, step } = object(ownPart(parseJsonObject(config, "config")).branch_point);
  return typeof parent === "string" && typeof step === "number" && Number.isFinite(step)
    ? { parent, step }
    : undefined;
}

async function findParent(services: Services, viewer: Viewer, project: ProjectRef, parent: string) {
  const run = await findRun(services, viewer, project.entityName, project.name, parent, "read");
  if (run) return run;
  throw new SteelyardError("not-found", `run ${parent.slice(0, 100)} to fork from is not in this project`);
}

/** Before anything is made: a fork from nowhere leaves no run behind. */
async function requireParent(
  services: Services,
  viewer: Viewer,
  project: ProjectRef,
  name: string,
  config: string,
): Promise<void> {
  const branch = branchPoint(config);
  if (branch && branch.parent !== name) await findParent(services, viewer, project, branch.parent);
}

/** A fork says so in its config. Done once: `fork_of` is written after the history was joined, so a lost answer heals. */
async function forkIfAsked(services: Services, viewer: Viewer, run: RunModel): Promise<RunModel> {
  const branch = run.row.fork_of === null ? branchPoint(run.row.config) : undefined;
  // A branch from itself is a rewind: `rewindRun` has cut the history before.
  if (!branch || branch.parent === run.name) return run;
  const parent = await findParent(services, viewer, run.project, branch.parent);
  await services.metrics.fork(parent.id, run.id, branch.step);
  const forkOf = JSON.stringify({ run_id: branch.parent, step: branch.step });
  await services.catalog.write((tx) =>
    tx.updateTable("runs").set({ fork_of: forkOf }).where("id", "=", run.id).execute(),
  );
  return { ...run, row: { ...run.row, fork_of: forkOf } };
}
