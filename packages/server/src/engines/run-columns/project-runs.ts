import type { CatalogFile } from "./catalog-file.ts";
import { Column, type ColumnName, loadColumn, loadValue } from "./column.ts";
import type { RunsView } from "./filtered.ts";
import { sortByKeys } from "./radix-sort.ts";

/** Runs that changed since: beyond this share of them, reading everything anew is cheaper. */
const ANEW_FROM = 0.1;
/** Changes remembered for what is kept of filters. */
const MAX_LOGGED = 20_000;

/** The runs of one project in the order of their numbers, and what was asked of them so far. Loaded at the first question. */
export class ProjectRuns implements RunsView {
  readonly project: number;
  readonly #file: CatalogFile;
  #ids: Float64Array;
  #created: Float64Array;
  /** 1: there; 0: deleted, or moved away. */
  #live: Uint8Array;
  #count = 0;
  /** The column asked for longest ago first. */
  readonly #columns = new Map<string, { name: ColumnName; column: Column }>();
  /** Places of runs that changed, in turn; `#forgotten` more came before. */
  #changed: number[] = [];
  #forgotten = 0;

  constructor(file: CatalogFile, project: number) {
    this.#file = file;
    this.project = project;
    this.#ids = new Float64Array(roomFor(0));
    this.#created = new Float64Array(roomFor(0));
    this.#live = new Uint8Array(roomFor(0));
    // From an index of both, in the order in which they were made: mostly that of their numbers.
    file.each("SELECT id AS run, created_at AS value FROM runs WHERE project_id = ?", [project], (run, at) =>
      this.#append(run, at as number),
    );
    this.#sortByNumber();
    file.each(
      "SELECT id AS run, 0 AS value FROM runs WHERE project_id = ? AND deleted_at IS NOT NULL",
      [project],
      (run) => {
        this.#live[this.placeOf(run)] = 0;
      },
    );
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
      column: this.#load(name),
    };
    this.#columns.set(key, kept);
    return kept.column;
  }

  #load(name: ColumnName): Column {
    if (name.kind !== "time" || name.column !== "created_at")
      return loadColumn(this.#file, name, this.project, this);
    const column = new Column(this.#ids.length);
    column.num = this.#created.slice().fill(Number.NaN, this.#count);
    return column;
  }

  /** Every tag that some run has. */
  tags(): string[] {
    const tags: string[] = [];
    let tag: unknown = "";
    // From each to the next in the index, never past every run.
    const next = "SELECT min(tag) FROM run_tags WHERE project_id = ? AND tag >";
    for (let from = `${next}= ?`; ; from = `${next} ?`) {
      [tag] = this.#file.first(from, [this.project, tag as string]) ?? [];
      if (tag == null) return tags;
      tags.push(tag as string);
    }
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
    for (const run of [...runs].sort((a, b) => a - b)) {
      const row = this.#file.first(
        "SELECT created_at, deleted_at FROM runs WHERE id = ? AND project_id = ?",
        [run, this.project],
      ) as [created: number, deleted: number | null] | undefined;
      const known = this.placeOf(run);
      if (known < 0 && !row) continue;
      // A run that came from another project has an older number than the last one here.
      if (known < 0 && run < (this.#ids[this.#count - 1] ?? 0)) return false;
      const place = known < 0 && row ? this.#append(run, row[0]) : known;
      this.#changed.push(place);
      this.#live[place] = row && row[1] === null ? 1 : 0;
      if (!row) continue;
      for (const { name, column } of this.#columns.values()) {
        const { num, txt } = loadValue(this.#file, name, this.project, run);
        column.set(place, num, txt);
      }
    }
    const surplus = this.#changed.length - MAX_LOGGED;
    if (surplus > 0) {
      this.#changed.splice(0, surplus);
      this.#forgotten += surplus;
    }
    return true;
  }

  /** How many changes there were; for `changedSince`. */
  get changes(): number {
    return this.#forgotten + this.#changed.length;
  }

  /** Places of the runs that changed after so many changes; undefined: not known any more. */
  changedSince(changes: number): Uint32Array | undefined {
    if (changes < this.#forgotten) return undefined;
    return Uint32Array.from(new Set(this.#changed.slice(changes - this.#forgotten)));
  }

  /** The runs at these places alone, as they are now. */
  only(places: Uint32Array): RunsView {
    return {
      count: places.length,
      tags: () => this.tags(),
      column: (name) => {
        const { num, codes, texts } = this.column(name);
        return {
          num: num && Float64Array.from(places, (place) => num[place] as number),
          codes: codes && Int32Array.from(places, (place) => codes[place] as number),
          texts,
        };
      },
    };
  }

  #append(run: number, created: number): number {
    if (this.#count === this.#ids.length) this.#grow();
    const place = this.#count++;
    this.#ids[place] = run;
    this.#created[place] = created;
    this.#live[place] = 1;
    return place;
  }

  #sortByNumber(): void {
    let sorted = 1;
    while (sorted < this.#count && (this.#ids[sorted - 1] as number) < (this.#ids[sorted] as number))
      sorted++;
    if (sorted >= this.#count) return;
    const [ids, created] = [this.#ids.slice(), this.#created.slice()];
    const places = new Uint32Array(this.#count).map((_, at) => at);
    sortByKeys(places, (place) => ids[place] as number);
    this.#ids.set(ids.subarray(0, this.#count).map((_, at) => ids[places[at] as number] as number));
    this.#created.set(
      created.subarray(0, this.#count).map((_, at) => created[places[at] as number] as number),
    );
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

  placeOf(run: number): number {
    // Where no other project's runs came between, a number says the place.
    const guess = run - (this.#ids[0] ?? 0);
    if (this.#ids[guess] === run && guess < this.#count) return guess;
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

/** Whole words of four: masks are put together so. */
function roomFor(count: number): number {
  return Math.ceil(count * 0.3125 + 256) * 4;
}
