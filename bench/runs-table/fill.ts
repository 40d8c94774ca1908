import { DatabaseSync } from "node:sqlite";

export const CONFIG_NUMBERS = 8;
export const SUMMARY_NUMBERS = 6;

/**
 * Straight into the tables: what is measured is asking. The project `p` of entity 1, which is made where the catalog is
 * empty. The indexes of cells are made at the end, as sorting them is a fifth of filling them.
 */
export function fill(path: string, runs: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA foreign_keys = OFF; BEGIN;
    INSERT OR IGNORE INTO entities (id, name, kind, created_at) VALUES (1, 'ann', 'user', 0);
    INSERT OR IGNORE INTO users (id, entity_id, username, admin, kind, created_at) VALUES (1, 1, 'ann', 0, 'user', 0);
    INSERT INTO projects (id, entity_id, name, access, user_id, created_at, updated_at, runs_made)
      VALUES (1, 1, 'p', 'PRIVATE', 1, 0, 0, ${runs});`);
  const indexes = database
    .prepare(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'run_cells' AND sql IS NOT NULL",
    )
    .all();
  for (const { name } of indexes) database.exec(`DROP INDEX ${name}`);
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
  for (const { sql } of indexes) database.exec(String(sql));
  database.exec("COMMIT");
  database.close();
}
