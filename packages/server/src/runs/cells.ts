import { flattenKeys } from "@steelyard/protocol/history";
import type { CatalogTransaction } from "../ports/catalog.ts";
import { prepare, type Values } from "../ports/prepared-query.ts";
import { cellText } from "../ports/run-question/cell-text.ts";

/**
 * Typed cells of config and summary, kept in step with the JSON texts beside them. They are what the runs table filters
 * and sorts by. A training run changes a few keys of its summary every few seconds, so only what differs is written.
 */

export interface Cell {
  num: number | null;
  txt: string | null;
}
/** Longest path with a cell; a key above it is kept in the JSON alone. */
const MAX_PATH = 500;

export type CellSection = "config" | "summary";

/**
 * Undefined for null: a key without a value is as good as absent. What cannot be compared (lists, media, NaN, ±Infinity)
 * has a cell with nothing in it, so that `$exists` is true of it.
 */
export function cellOf(value: unknown): Cell | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return { num: value, txt: null };
  if (typeof value === "string") return { num: null, txt: cellText(value) };
  if (typeof value === "boolean") return { num: null, txt: value ? "true" : "false" };
  return { num: null, txt: null };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `{"lr": {"value": 0.1, "desc": null}}` → `{"lr": 0.1}`, without the client's own `_wandb`. */
export function plainConfig(config: Record<string, unknown>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(config)) {
    if (key === "_wandb" || key === "wandb_version") continue;
    plain[key] = isObject(entry) && Object.hasOwn(entry, "value") ? entry.value : entry;
  }
  return plain;
}

export function cellsOf(section: CellSection, plain: Record<string, unknown>): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  for (const [key, value] of flattenKeys(plain)) {
    const cell = cellOf(value);
    if (cell && key.length <= MAX_PATH) cells.set(`${section}.${key}`, cell);
  }
  return cells;
}

/** Write what differs between two sets of cells of one section. */
export async function replaceCells(
  tx: CatalogTransaction,
  run: { id: number; project: { id: number } },
  before: Map<string, Cell>,
  after: Map<string, Cell>,
): Promise<void> {
  const changed: { path: string; num: number | null; txt: string | null }[] = [];
  for (const [path, cell] of after) {
    const old = before.get(path);
    if (!old || old.num !== cell.num || old.txt !== cell.txt) changed.push({ path, ...cell });
  }
  const gone: string[] = [];
  for (const path of before.keys()) if (!after.has(path)) gone.push(path);
  for (let at = 0; at < changed.length; ) {
    const left = changed.length - at;
    const size = left < MANY_CELLS ? Math.min(left, FEW_CELLS) : MANY_CELLS;
    const values: PutValues = { project: run.project.id, run: run.id };
    for (let i = 0; i < size; i++) {
      const cell = changed[at + i];
      values[`path${i}`] = cell?.path ?? "";
      values[`num${i}`] = cell?.num ?? null;
      values[`txt${i}`] = cell?.txt ?? null;
    }
    await putCells(size)(tx, values);
    at += size;
  }
  for (const path of gone) await dropCell(tx, { run: run.id, path });
}

/** Rows of one statement: a summary's few keys by their number, a config's many at once. */
const FEW_CELLS = 8;
const MANY_CELLS = 64;
type PutValues = Record<string, number | string | null>;
const puts = new Map<number, ReturnType<typeof preparePut>>();

function putCells(size: number): ReturnType<typeof preparePut> {
  let put = puts.get(size);
  if (!put) {
    put = preparePut(size);
    puts.set(size, put);
  }
  return put;
}

function preparePut(size: number) {
  return prepare((db, value: Values<PutValues>) =>
    db
      .insertInto("run_cells")
      .values(
        Array.from({ length: size }, (_, i) => ({
          project_id: value("project") as number,
          run_id: value("run") as number,
          path: value(`path${i}`) as string,
          num: value(`num${i}`) as number | null,
          txt: value(`txt${i}`) as string | null,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(["run_id", "path"]).doUpdateSet((set) => ({
          num: set.ref("excluded.num"),
          txt: set.ref("excluded.txt"),
          project_id: set.ref("excluded.project_id"),
        })),
      ),
  );
}

const dropCell = prepare((db, value: Values<{ run: number; path: string }>) =>
  db.deleteFrom("run_cells").where("run_id", "=", value("run")).where("path", "=", value("path")),
);
