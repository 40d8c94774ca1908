import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../errors.ts";
import type { Services } from "../services.ts";
import { loadRun, type RunModel } from "./run.ts";
import { object, setState, setSummary } from "./run-store.ts";

/** Rows read at once while the summary is made anew. */
const PAGE_ROWS = 5_000;

/** Cut a run's history back to a step, its summary with it, and let it run again. */
export async function rewindRun(
  services: Services,
  run: RunModel,
  metricName: string,
  metricValue: number,
): Promise<RunModel> {
  if (metricName !== "_step") {
    throw new SteelyardError("bad-request", "a run is rewound by _step; give resume_from as id?_step=N");
  }
  if (!Number.isInteger(metricValue) || metricValue < 0) {
    throw new SteelyardError("bad-request", "the step to rewind to must be a whole number from 0");
  }
  await services.metrics.rewind(run.id, metricValue);
  const summary = await summaryOfHistory(services, run.id);
  await services.catalog.write(async (tx) => {
    await setSummary(tx, run, stringifyExtendedJson(summary));
    await setState(tx, run, "running", services.now());
    await tx
      .updateTable("runs")
      .set({ stop_requested: 0, heartbeat_at: services.now() })
      .where("id", "=", run.id)
      .execute();
  });
  const { project, id, name } = run;
  services.bus.publish({ kind: "run", project: project.id, run: id, name, state: "running" });
  services.bus.publish({ kind: "run-rows", project: project.id, run: id, name, streams: ["history"] });
  return loadRun(services.catalog.db, run);
}

/** The last value of each key, as the client's own summary would have it at this point. */
async function summaryOfHistory(services: Services, run: number): Promise<Record<string, unknown>> {
  const summary: Record<string, unknown> = {};
  let minStep: number | undefined;
  for (;;) {
    const rows: string[] = await services.metrics.rows({ run, stream: "history", minStep, limit: PAGE_ROWS });
    let last: number | undefined;
    for (const text of rows) {
      const row = object(parseExtendedJson(text));
      Object.assign(summary, row);
      if (typeof row._step === "number") last = row._step;
    }
    if (rows.length < PAGE_ROWS || last === undefined) break;
    minStep = last + 1;
  }
  const runtime = summary._runtime;
  if (typeof runtime === "number" && Number.isFinite(runtime))
    summary._wandb = { runtime: Math.floor(runtime) };
  return summary;
}
