import { repeat } from "../repeat.ts";
import type { Services } from "../services.ts";
import { LIVE_STATES } from "./run.ts";

/** Between two looks, at most; and a part of the silence that is waited for. */
const SWEEP_MS = 30_000;
const SWEEPS_IN_SILENCE = 4;

/**
 * Mark as crashed the runs whose client has said nothing for `crashAfterMs` of the configuration; one that had said it was being preempted is
 * preempted. Time in which this server was not up is not the client's silence, so nothing is judged before the server
 * itself has been up that long. Returns how many were marked.
 */
export async function markSilentRuns(services: Services, upSinceMs: number): Promise<number> {
  const now = services.now();
  const silenceMs = services.config.crashAfterMs;
  if (now - upSinceMs < silenceMs) return 0;
  const marked = await services.catalog.write(async (tx) => {
    const silent = await tx
      .selectFrom("runs")
      .select(["id", "name", "project_id", "state", "heartbeat_at"])
      .where("state", "in", LIVE_STATES)
      .where("heartbeat_at", "<", now - silenceMs)
      .where("deleted_at", "is", null)
      .execute();
    return Promise.all(
      silent.map(async (run) => {
        const state = run.state === "preempting" ? ("preempted" as const) : ("crashed" as const);
        await tx
          .updateTable("runs")
          .set({ state, finished_at: run.heartbeat_at, updated_at: now })
          .where("id", "=", run.id)
          .execute();
        return { ...run, state };
      }),
    );
  });
  for (const run of marked) {
    services.log.info({ run: run.name, state: run.state, silenceMs }, "run has been silent for too long");
    services.bus.publish({
      kind: "run",
      project: run.project_id,
      run: run.id,
      name: run.name,
      state: run.state,
    });
  }
  return marked.length;
}

/** Look for silent runs now and then. Returns the function that ends it. */
export function startCrashDetector(services: Services): () => void {
  const upSince = services.now();
  const everyMs = Math.min(SWEEP_MS, services.config.crashAfterMs / SWEEPS_IN_SILENCE);
  return repeat(services.log, everyMs, "looking for crashed runs", () => markSilentRuns(services, upSince));
}
