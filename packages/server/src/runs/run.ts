import type { Selectable } from "kysely";
import { SteelyardError } from "../errors.ts";
import type { CatalogReader, CatalogTransaction, RunState, RunsTable } from "../ports/catalog.ts";
import type { ProjectRef, RunRef } from "../projects/access.ts";

/** A run as the catalog keeps it. */
export type RunRow = Selectable<RunsTable>;

/** The source of the GraphQL type `Run`: a `RunRef` that has its whole row with it. */
export interface RunModel extends RunRef {
  row: RunRow;
}

/** States in which a client is expected to be alive. */
export const LIVE_STATES = ["running", "preempting"] as const satisfies readonly RunState[];

export function isEnded(state: RunState): boolean {
  return state !== "running" && state !== "preempting" && state !== "pending";
}

export function runModel(row: RunRow, project: ProjectRef): RunModel {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    stopRequested: row.stop_requested === 1,
    heartbeatAtMs: row.heartbeat_at,
    project,
    row,
  };
}

/** The row behind a run that `projects/access.ts` let through. */
export async function loadRun(db: CatalogReader | CatalogTransaction, run: RunRef): Promise<RunModel> {
  const row = await db.selectFrom("runs").selectAll().where("id", "=", run.id).executeTakeFirst();
  if (!row) throw new SteelyardError("not-found", `run ${run.name} is gone`);
  return runModel(row, run.project);
}

/** The state a run ends in. A client that was told to stop, or that said it is being preempted, ends as that says. */
export function endState(run: { state: RunState; stop_requested: number }, exitCode: number): RunState {
  if (exitCode === 0) return "finished";
  if (run.stop_requested === 1) return "killed";
  return run.state === "preempting" ? "preempted" : "failed";
}

/** What `updateRunState` may do: wanted state → states it may come from. */
const TRANSITIONS: Partial<Record<RunState, readonly RunState[]>> = {
  pending: ["running", "failed", "crashed", "preempted"],
  failed: ["pending", "running"],
};

/** Throws bad-request with the words the client's users look for. */
export function requireTransition(run: { state: RunState; sweep_name: string | null }, to: string): RunState {
  const wanted = Object.keys(TRANSITIONS).find((state) => state === to) as RunState | undefined;
  if (wanted && TRANSITIONS[wanted]?.includes(run.state) && run.sweep_name === null) return wanted;
  throw new SteelyardError(
    "bad-request",
    run.sweep_name === null
      ? `invalid state transition: ${run.state} to ${to.slice(0, 40)}; pending and failed can be asked for, from a run that is not there yet`
      : "invalid state transition: the state of a sweep's run belongs to its sweep",
  );
}

/** ISO 8601 in UTC, as the wire's DateTime; null stays null. */
export function dateTime(ms: number): string;
export function dateTime(ms: number | null): string | null;
export function dateTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
