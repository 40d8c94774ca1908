import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { SteelyardError } from "../errors.ts";
import type { CatalogTransaction, RunState } from "../ports/catalog.ts";
import { prepare, type Values } from "../ports/prepared-query.ts";
import { type Cell, cellsOf, plainConfig, replaceCells } from "./cells.ts";
import { endState, isEnded } from "./run.ts";

/**
 * Writes to one run, for every door that has them: GraphQL, the file stream, the crash detector. Each takes the caller's
 * transaction, so that a request is one commit.
 */

/** The least a write must know of a run; `RunRef` and `RunModel` are both this. */
export interface RunTarget {
  id: number;
  project: { id: number };
}

type JsonObject = Record<string, unknown>;

/** Throws invalid-json unless `json` is an object. */
export function parseJsonObject(json: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = parseExtendedJson(json);
  } catch (cause) {
    throw new SteelyardError("invalid-json", `${what} is not JSON; send a JSON object`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new SteelyardError("invalid-json", `${what} must be a JSON object`);
}

/** Replace the whole summary. `json` is kept as it is. */
export async function setSummary(tx: CatalogTransaction, run: RunTarget, json: string): Promise<void> {
  const old = await stored(tx, run, "summary");
  if (old === json) return;
  await writeSummary(tx, run, old, parseJsonObject(json, "the summary"), json);
}

/** Several writers, one run (shared mode): the keys given replace theirs, the others stay. */
export async function mergeSummary(tx: CatalogTransaction, run: RunTarget, json: string): Promise<void> {
  const old = await stored(tx, run, "summary");
  const merged = { ...parseJsonObject(old, "the stored summary"), ...parseJsonObject(json, "the summary") };
  await writeSummary(tx, run, old, merged, stringifyExtendedJson(merged));
}

/** The last value of each key of rows, in the order of their steps, as a summary. */
export function summaryOfRows(lines: readonly string[]): string {
  const last: JsonObject = {};
  for (const line of lines) Object.assign(last, parseExtendedJson(line));
  if (typeof last._runtime === "number") last._wandb = { runtime: Math.floor(last._runtime) };
  return stringifyExtendedJson(last);
}

async function writeSummary(
  tx: CatalogTransaction,
  run: RunTarget,
  old: string,
  summary: JsonObject,
  json: string,
): Promise<void> {
  await replaceCells(tx, run, summaryCells(old), cellsOf("summary", summary));
  await putSummary(tx, { id: run.id, json });
}

/** Of a config as it is stored; throws invalid-json. */
export function configCells(json: string): Map<string, Cell> {
  return cellsOf("config", plainConfig(parseJsonObject(json, "the config")));
}

/** Of a summary as it is stored; throws invalid-json. */
export function summaryCells(json: string): Map<string, Cell> {
  return cellsOf("summary", parseJsonObject(json, "the summary"));
}

/** Replace the whole config, `{"key": {"value": …}}`. */
export async function setConfig(tx: CatalogTransaction, run: RunTarget, json: string): Promise<void> {
  const old = await stored(tx, run, "config");
  if (old === json) return;
  const cells = configCells(json);
  await replaceCells(tx, run, configCells(old), cells);
  await putConfig(tx, { id: run.id, json });
}

/**
 * Shared mode: each writer sends its whole config. Top-level keys are merged, the last writer wins a key; of the
 * client's own `_wandb` the parts are merged too, and the environments (`e`) by writer.
 */
export async function mergeConfig(tx: CatalogTransaction, run: RunTarget, json: string): Promise<void> {
  const before = parseJsonObject(await stored(tx, run, "config"), "the stored config");
  const given = parseJsonObject(json, "the config");
  const merged: JsonObject = { ...before, ...given };
  if (before._wandb !== undefined && given._wandb !== undefined) {
    const was = ownPart(before);
    const now = ownPart(given);
    const value: JsonObject = { ...was, ...now };
    if (was.e !== undefined && now.e !== undefined) value.e = { ...object(was.e), ...object(now.e) };
    merged._wandb = { value };
  }
  await setConfig(tx, run, stringifyExtendedJson(merged));
}

/** `config._wandb.value`: what the client notes for itself. */
export function ownPart(config: JsonObject): JsonObject {
  return object(object(config._wandb).value);
}

export function object(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** The last row of system metrics; kept as sent. */
export async function setSystemMetrics(
  tx: CatalogTransaction,
  run: { id: number },
  json: string,
): Promise<void> {
  await putSystemMetrics(tx, { id: run.id, json });
}

/** Replace the tags. */
export async function setTags(
  tx: CatalogTransaction,
  run: RunTarget,
  tags: readonly string[],
): Promise<void> {
  await tx.deleteFrom("run_tags").where("run_id", "=", run.id).execute();
  for (const tag of tags) {
    await tx.insertInto("run_tags").values({ project_id: run.project.id, run_id: run.id, tag }).execute();
  }
}

/**
 * A sign of life from the client. A run taken for crashed was only out of reach: it runs again. One that has ended took as
 * long as it took, whatever comes later. `isLast`: its end comes with it, which `finishRun` writes. Returns the state after
 * it and whether someone asked the client to stop; undefined when the run is unknown.
 */
export async function heartbeat(
  tx: CatalogTransaction,
  runId: number,
  nowMs: number,
  isLast = false,
): Promise<{ state: RunState; stopRequested: boolean } | undefined> {
  const [run] = await stateRow(tx, { id: runId });
  if (!run) return undefined;
  const revived = run.state === "crashed" || run.state === "pending";
  const lives = revived || !isEnded(run.state);
  if (lives && !isLast) await (revived ? revive : beat)(tx, { id: runId, now: nowMs });
  return { state: revived ? "running" : run.state, stopRequested: run.stop_requested === 1 };
}

/** The client said it has ended. Returns the state it ended in. Saying it again changes nothing. */
export async function finishRun(
  tx: CatalogTransaction,
  run: { id: number },
  exitCode: number,
  nowMs: number,
): Promise<RunState> {
  const [row] = await stateRow(tx, run);
  if (!row) throw new SteelyardError("not-found", "the run is gone");
  if (row.finished_at !== null && row.exit_code === exitCode) return row.state;
  const state = endState(row, exitCode);
  await end(tx, { id: run.id, state, exitCode, now: nowMs });
  return state;
}

/** Set a state that is not an end the client reported; back to a live one clears the end. */
export async function setState(
  tx: CatalogTransaction,
  run: { id: number },
  state: RunState,
  nowMs: number,
): Promise<void> {
  const live = state === "running" || state === "pending" || state === "preempting";
  await tx
    .updateTable("runs")
    .set(
      live
        ? { state, updated_at: nowMs, finished_at: null, exit_code: null }
        : { state, updated_at: nowMs, finished_at: nowMs },
    )
    .where("id", "=", run.id)
    .execute();
}

async function stored(
  tx: CatalogTransaction,
  run: { id: number },
  column: "config" | "summary",
): Promise<string> {
  const [row] = await (column === "config" ? storedConfig : storedSummary)(tx, { id: run.id });
  if (!row) throw new SteelyardError("not-found", "the run is gone");
  return row.json;
}

const storedConfig = prepare((db, value: Values<{ id: number }>) =>
  db.selectFrom("runs").select("config as json").where("id", "=", value("id")),
);
const storedSummary = prepare((db, value: Values<{ id: number }>) =>
  db.selectFrom("runs").select("summary as json").where("id", "=", value("id")),
);
const stateRow = prepare((db, value: Values<{ id: number }>) =>
  db
    .selectFrom("runs")
    .select(["state", "stop_requested", "exit_code", "finished_at"])
    .where("id", "=", value("id")),
);
const end = prepare((db, value: Values<{ id: number; state: RunState; exitCode: number; now: number }>) =>
  db
    .updateTable("runs")
    .set({
      state: value("state"),
      exit_code: value("exitCode"),
      finished_at: value("now"),
      heartbeat_at: value("now"),
      updated_at: value("now"),
    })
    .where("id", "=", value("id")),
);
const putSummary = prepare((db, value: Values<{ id: number; json: string }>) =>
  db
    .updateTable("runs")
    .set({ summary: value("json") })
    .where("id", "=", value("id")),
);
const putConfig = prepare((db, value: Values<{ id: number; json: string }>) =>
  db
    .updateTable("runs")
    .set({ config: value("json") })
    .where("id", "=", value("id")),
);
const putSystemMetrics = prepare((db, value: Values<{ id: number; json: string }>) =>
  db
    .updateTable("runs")
    .set({ system_metrics: value("json") })
    .where("id", "=", value("id")),
);
const beat = prepare((db, value: Values<{ id: number; now: number }>) =>
  db
    .updateTable("runs")
    .set({ heartbeat_at: value("now") })
    .where("id", "=", value("id")),
);
const revive = prepare((db, value: Values<{ id: number; now: number }>) =>
  db
    .updateTable("runs")
    .set({ heartbeat_at: value("now"), state: "running", finished_at: null })
    .where("id", "=", value("id")),
);
