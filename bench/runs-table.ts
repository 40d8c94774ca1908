/**
 * The runs table at the engine: pages of 50 by filter, sort and offset, and exact totals, of projects of growing size.
 * First: what the first question of a kind pays to load its columns. Then the same questions, warm.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteCatalog } from "../packages/server/src/engines/sqlite/catalog.ts";
import { countRuns, listRuns, type RunsQuestion } from "../packages/server/src/query/run-list.ts";

const SIZES = process.argv.includes("--quick") ? [1_000, 100_000] : [1_000, 100_000, 1_000_000];
const CONFIG_NUMBERS = 8;
const SUMMARY_NUMBERS = 6;
const ROUNDS = 20;

const QUESTIONS: [string, RunsQuestion][] = [
  ["newest first", { order: "-created_at" }],
  ["by summary", { order: "-summary_metrics.s0" }],
  ["by config", { order: "+config.c0.value" }],
  ["by name", { order: "+display_name" }],
  [
    "a text and a number, by summary",
    { filters: filter({ "config.opt": "adam", "config.c1": { $lt: 0.5 } }), order: "+summary_metrics.s1" },
  ],
  [
    "few hits, by config",
    { filters: filter({ "summary_metrics.s2": { $lt: 0.0001 } }), order: "+config.c2" },
  ],
  [
    "either of two, newest first",
    { filters: filter({ $or: [{ "config.c3": { $gt: 0.9 } }, { tags: "best" }] }), order: "-created_at" },
  ],
  ["a name by pattern", { filters: filter({ display_name: { $regex: "run-.*7$" } }), order: "-created_at" }],
  ["state, by duration", { filters: filter({ state: "finished" }), order: "-duration" }],
  ["from the middle of all", { order: "-summary_metrics.s0", offset: -1 }],
];

function filter(value: unknown): string {
  return JSON.stringify(value);
}

/** Straight into the tables: what is measured is asking. */
function fill(path: string, runs: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA foreign_keys = OFF; BEGIN;
    INSERT INTO entities (id, name, kind, created_at) VALUES (1, 'ann', 'user', 0);
    INSERT INTO users (id, entity_id, username, admin, kind, created_at) VALUES (1, 1, 'ann', 0, 'user', 0);
    INSERT INTO projects (id, entity_id, name, access, user_id, created_at, updated_at, runs_made)
      VALUES (1, 1, 'p', 'PRIVATE', 1, 0, 0, ${runs});`);
  const run =
    database.prepare(`INSERT INTO runs (id, project_id, name, display_name, state, user_id, config, summary,
    system_metrics, stop_requested, created_at, updated_at, heartbeat_at) VALUES (?, 1, ?, ?, ?, 1, ?, ?, '{}', 0, ?, ?, ?)`);
  const cell = database.prepare(
    "INSERT INTO run_cells (project_id, path, run_id, num, txt) VALUES (1, ?, ?, ?, ?)",
  );
  const tag = database.prepare("INSERT INTO run_tags (project_id, tag, run_id) VALUES (1, ?, ?)");
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let id = 1; id <= runs; id++) {
    const config: Record<string, { value: unknown }> = { opt: { value: ["adam", "sgd", "lion"][id % 3] } };
    const summary: Record<string, number> = {};
    cell.run("config.opt", id, null, String(config.opt?.value));
    for (let i = 0; i < CONFIG_NUMBERS; i++) {
      const value = random();
      config[`c${i}`] = { value };
      cell.run(`config.c${i}`, id, value, null);
    }
    for (let i = 0; i < SUMMARY_NUMBERS; i++) {
      const value = random();
      summary[`s${i}`] = value;
      cell.run(`summary.s${i}`, id, value, null);
    }
    const state = id % 20 === 0 ? "crashed" : "finished";
    const at = 1_700_000_000_000 + id * 1000;
    const heartbeat = at + Math.floor(random() * 1e7);
    run.run(
      id,
      `r${id}`,
      `run-${id}`,
      state,
      JSON.stringify(config),
      JSON.stringify(summary),
      at,
      at,
      heartbeat,
    );
    if (id % 100 === 0) tag.run("best", id);
  }
  database.exec("COMMIT");
  database.close();
}

function quantile(times: number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
}

const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
try {
  for (const runs of SIZES) {
    const path = join(folder, `${runs}.db`);
    await new SqliteCatalog(path).close();
    fill(path, runs);
    const catalog = new SqliteCatalog(path);
    const all: number[] = [];
    console.log(`${runs.toLocaleString("en")} runs of ${1 + CONFIG_NUMBERS + SUMMARY_NUMBERS} values`);
    for (const [name, asked] of QUESTIONS) {
      const question = {
        first: 50,
        ...asked,
        ...(asked.offset === -1 ? { offset: Math.floor(runs / 2) } : {}),
      };
      const began = performance.now();
      const { runs: page } = await listRuns(catalog, 1, question);
      const total = await countRuns(catalog, 1, question.filters);
      const cold = performance.now() - began;
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const start = performance.now();
        await listRuns(catalog, 1, question);
        times.push(performance.now() - start);
      }
      all.push(...times);
      console.log(
        `  ${name.padEnd(32)} page of ${String(page.length).padStart(2)} of ${String(total).padStart(7)}: p50 ${quantile(times, 0.5).toFixed(1).padStart(6)} ms  p95 ${quantile(times, 0.95).toFixed(1).padStart(6)} ms  first ${cold.toFixed(0).padStart(5)} ms`,
      );
    }
    console.log(
      `  all of them: p50 ${quantile(all, 0.5).toFixed(1)} ms, p95 ${quantile(all, 0.95).toFixed(1)} ms${runs === 1_000_000 ? "   goal p95 < 20" : ""}; resident ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`,
    );
    await catalog.close();
    rmSync(path);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
