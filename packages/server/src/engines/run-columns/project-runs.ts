import type { DatabaseSync } from "node:sqlite";
import { type Column, type ColumnName, loadColumn, loadValue } from "./column.ts";

/** Runs that changed since: beyond this share of them, reading everything anew is cheaper. */
const ANEW_FROM = 0.1;

/** The runs of one project in the order of their numbers, and what was asked of them so far. Loaded at the first question. */
export class ProjectRuns {
  readonly project: number;
  readonly #database: DatabaseSync;
  #ids: Float64Array;
  #created: Float64Array;
  /** 1: there; 0: deleted, or moved away. */
  #live: Uint8Array;
  #count = 0;
  /** The column asked for longest ago first. */
  readonly #columns = new Map<string, { name: ColumnName; column: Column }>();

  constructor(database: DatabaseSync, project: number) {
    this.#database = database;
    this.project = project;
    const statement = database.prepare("SELECT id, created_at, deleted_at FROM runs WHERE project_id = ?");
    statement.setReturnArrays(true);
    const rows = statement.all(project) as unknown as RunRow[];
    rows.sort(([a], [b]) => a - b);
    const room = roomFor(rows.length);
    this.#ids = new Float64Array(room);
    this.#created = new Float64Array(room);
    this.#live = new Uint8Array(room);
    for (const row of rows) this.#append(row);
  }

  get count(): number {
    return this.#count;
  }
  get ids(): Float64Array {
    return this.#ids;
  }
  get created(): Float64Array {
    return this.#created;
  }
  get live(): Uint8Array {
    return this.#live;
  }

  get bytes(): number {
    let bytes = this.#ids.byteLength + this.#created.byteLength + this.#live.byteLength;
    for (const { column } of this.#columns.values()) bytes += column.bytes;
    return bytes;
  }

  column(name: ColumnName): Column {
    const key = JSON.stringify(name);
    const known = this.#columns.get(key);
    this.#columns.delete(key);
    const kept = known ?? {
      name,
      column: loadColumn(this.#database, name, this.project, this.#ids.length, (run) => this.#placeOf(run)),
    };
    this.#columns.set(key, kept);
    return kept.column;
  }

  /** Every tag that some run has. */
  tags(): string[] {
    return this.#database
      .prepare("SELECT DISTINCT tag FROM run_tags WHERE project_id = ?")
      .all(this.project)
      .map(({ tag }) => String(tag));
  }

  /** The column that was asked for longest ago, unless it is the last one left. */
  dropOldest(): boolean {
    if (this.#columns.size < 2) return false;
    for (const key of this.#columns.keys()) {
      this.#columns.delete(key);
      break;
    }
    return true;
  }

  dropUsernames(): void {
    this.#columns.delete(JSON.stringify({ kind: "text", column: "username" } satisfies ColumnName));
  }

  /** Take in what became of these runs, of whichever project. False: begin anew. */
  refresh(runs: readonly number[]): boolean {
    if (runs.length > Math.max(1000, this.#count * ANEW_FROM)) return false;
    const statement = this.#database.prepare(
      "SELECT id, created_at, deleted_at FROM runs WHERE id = ? AND project_id = ?",
    );
    statement.setReturnArrays(true);
    for (const run of [...runs].sort((a, b) => a - b)) {
      const row = statement.get(run, this.project) as unknown as RunRow | undefined;
      const known = this.#placeOf(run);
      if (known < 0 && !row) continue;
      // A run that came from another project has an older number than the last one here.
      if (known < 0 && run < (this.#ids[this.#count - 1] ?? 0)) return false;
      const place = known < 0 ? this.#append(row as RunRow) : known;
      this.#live[place] = row && row[2] === null ? 1 : 0;
      if (!row) continue;
      for (const { name, column } of this.#columns.values()) {
        column.set(place, loadValue(this.#database, name, this.project, run));
      }
    }
    return true;
  }

  #append([id, created, deleted]: RunRow): number {
    if (this.#count === this.#ids.length) this.#grow();
    const place = this.#count++;
    this.#ids[place] = id;
    this.#created[place] = created;
    this.#live[place] = deleted === null ? 1 : 0;
    return place;
  }

  #grow(): void {
    const room = roomFor(this.#count);
    const ids = new Float64Array(room);
    ids.set(this.#ids);
    this.#ids = ids;
    const created = new Float64Array(room);
    created.set(this.#created);
    this.#created = created;
    const live = new Uint8Array(room);
    live.set(this.#live);
    this.#live = live;
    for (const { column } of this.#columns.values()) column.grow(room);
  }

  #placeOf(run: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const id = this.#ids[middle] ?? 0;
      if (id === run) return middle;
      if (id < run) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

type RunRow = [id: number, created: number, deleted: number | null];

function roomFor(count: number): number {
  return Math.ceil(count * 1.25) + 1024;
}
