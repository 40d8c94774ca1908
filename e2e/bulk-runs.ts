import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { RunningServer } from "../conformance/server.ts";

/**
 * Many finished runs `run0`…, the oldest first, a second apart: into the catalog beside the server, as clients would take
 * an hour. `config.i` is the number, `summary.acc` something between 0 and 1.
 */
export async function seedRuns(server: RunningServer, project: string, count: number): Promise<void> {
  await server.query(
    "mutation Make($project: String!) { upsertModel(input: {name: $project}) { inserted } }",
    { project },
  );
  const catalog = new DatabaseSync(join(server.dataDir, "catalog.sqlite"));
  try {
    catalog.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
    const { id: projectId = 0, user_id: userId = 0 } =
      catalog.prepare("SELECT id, user_id FROM projects WHERE name = ?").get(project) ?? {};
    const { top } = catalog.prepare("SELECT coalesce(max(id), 0) AS top FROM runs").get() ?? {};
    const run = catalog.prepare(
      `INSERT INTO runs (id, project_id, name, display_name, color_index, state, user_id, config, summary, system_metrics, stop_requested,
         created_at, updated_at, heartbeat_at) VALUES (?, ?, ?, ?, ?, 'finished', ?, ?, ?, '{}', 0, ?, ?, ?)`,
    );
    const cell = catalog.prepare("INSERT INTO run_cells (project_id, path, run_id, num) VALUES (?, ?, ?, ?)");
    const startMs = Date.parse("2026-01-01T00:00:00Z");
    for (let i = 0; i < count; i++) {
      const id = Number(top) + 1 + i;
      const atMs = startMs + i * 1000;
      const config = JSON.stringify({ i: { value: i } });
      const summary = JSON.stringify({ acc: accuracy(i) });
      run.run(id, projectId, `run${i}`, `trial ${i}`, i, userId, config, summary, atMs, atMs, atMs + 500);
      cell.run(projectId, "config.i", id, i);
      cell.run(projectId, "summary.acc", id, accuracy(i));
    }
    catalog.exec("COMMIT");
  } finally {
    catalog.close();
  }
}

export function accuracy(i: number): number {
  const value = Math.sin(i * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
}
