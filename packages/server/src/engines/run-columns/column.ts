import type { RunField, TextColumn } from "../../ports/run-question/run-field.ts";
import type { CatalogFile } from "./catalog-file.ts";
import { ColumnOrder, type Stage } from "./column-order.ts";
import { Texts } from "./texts.ts";

/** What a column says of each run; also its name among the columns kept. */
export type ColumnName =
  | { kind: "cell"; path: string }
  /** Whether the key, or something nested in it, is there. */
  | { kind: "exists"; path: string }
  | Extract<RunField, { kind: "text" | "time" | "number" }>
  | { kind: "tag"; tag: string }
  | { kind: "tagged" };

/** One value of a run, as the catalog has it. */
export interface Value {
  num?: number;
  txt?: string;
}

/**
 * One fact of every run of a project, by the run's place in it. What no run has takes no room: `num` is there when some
 * run has a number, `codes` when some has a text.
 */
export class Column {
  /** NaN: none. */
  num: Float64Array | undefined;
  /** Codes of `texts`; -1: none. */
  codes: Int32Array | undefined;
  readonly texts = new Texts();
  /** What a run without a number counts as in an order; undefined: it has none. */
  readonly #missing: number | undefined;
  #order: ColumnOrder | undefined;
  #room: number;

  constructor(room: number, missing?: number) {
    this.#room = room;
    this.#missing = missing;
  }

  get bytes(): number {
    return (
      (this.num?.byteLength ?? 0) +
      (this.codes?.byteLength ?? 0) +
      this.texts.bytes +
      (this.#order?.bytes ?? 0)
    );
  }

  grow(room: number): void {
    this.#room = room;
    if (this.num) this.num = grown(this.num, new Float64Array(room).fill(Number.NaN));
    if (this.codes) this.codes = grown(this.codes, new Int32Array(room).fill(-1));
    this.#order?.grow(room);
  }

  set(place: number, num: number | undefined, txt: string | undefined): void {
    const number = num ?? Number.NaN;
    if (num !== undefined) this.num ??= new Float64Array(this.#room).fill(Number.NaN);
    if (txt !== undefined) this.codes ??= new Int32Array(this.#room).fill(-1);
    const code = txt === undefined ? -1 : this.texts.codeOf(txt);
    if (this.num && !Object.is(this.num[place], number)) {
      this.num[place] = number;
      this.#order?.moved(place);
    }
    if (this.codes && this.codes[place] !== code) {
      this.codes[place] = code;
      this.#order?.moved(place);
    }
  }

  /** What it is ordered by among numbers; NaN: it is not among them. */
  numberOf(place: number): number {
    const number = this.num ? (this.num[place] as number) : Number.NaN;
    return Number.isNaN(number) && this.#missing !== undefined ? this.#missing : number;
  }

  stageOf(place: number): Stage {
    if (!Number.isNaN(this.numberOf(place))) return 0;
    return this.codes && (this.codes[place] as number) >= 0 ? 1 : 2;
  }

  keepOrder(order: ColumnOrder): void {
    this.#order = order;
  }

  /** The runs sorted by it: `count` of them, made at `created`. */
  order(count: number, created: Float64Array): ColumnOrder {
    this.#order ??= new ColumnOrder(this, this.#room);
    this.#order.update(count, created);
    return this.#order;
  }
}

function grown<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

const FEW_TEXTS: ReadonlySet<TextColumn> = new Set(["state", "username"]);

/**
 * Whether the catalog gives the values in their order: cells come so from their index; of texts that are mostly different
 * each is then put behind all others.
 */
function isSorted(name: ColumnName): boolean {
  return name.kind === "cell" || (name.kind === "text" && !FEW_TEXTS.has(name.column));
}

/** Rows of `run` and `value`; texts in their order. */
interface Question {
  value: "num" | "txt";
  sql: string;
  parameters: (string | number)[];
}

/** What to ask for a column of a project, or of one run of it. */
function questionsOf(name: ColumnName, project: number, run: number | undefined): Question[] {
  const of = (
    value: "num" | "txt",
    column: string,
    from: string,
    id: string,
    ...more: string[]
  ): Question => {
    const only = run === undefined ? "" : ` AND ${id} = ?`;
    const order = isSorted(name) && run === undefined ? " ORDER BY 2, 1" : "";
    return {
      value,
      sql: `SELECT ${id} AS run, ${column} AS value FROM ${from}${only}${order}`,
      parameters: [project, ...more, ...(run === undefined ? [] : [run])],
    };
  };
  // With a plus no index is looked at but that of the run.
  const ofProject = run === undefined ? "project_id = ?" : "+project_id = ?";
  switch (name.kind) {
    case "cell": {
      const from = `run_cells WHERE ${ofProject} AND path = ?`;
      return (["num", "txt"] as const).map((value) =>
        of(value, value, `${from} AND ${value} IS NOT NULL`, "run_id", name.path),
      );
    }
    case "exists": {
      const sorts = ["num IS NOT NULL", "txt IS NOT NULL", "num IS NULL AND txt IS NULL"];
      return sorts.flatMap((sort) => [
        of("num", "1", `run_cells WHERE ${ofProject} AND path = ? AND ${sort}`, "run_id", name.path),
        of(
          "num",
          "1",
          `run_cells WHERE ${ofProject} AND path > ? AND path < ? AND ${sort}`,
          "run_id",
          `${name.path}.`,
          `${name.path}/`,
        ),
      ]);
    }
    case "text":
      return name.column === "username"
        ? [of("txt", "u.username", "runs r JOIN users u ON u.id = r.user_id WHERE r.project_id = ?", "r.id")]
        : [ofRuns("txt", name.column)];
    case "time":
      return [ofRuns("num", name.column)];
    case "number":
      return [
        ofRuns(
          "num",
          name.column === "exit_code"
            ? "exit_code"
            : "(coalesce(finished_at, heartbeat_at) - created_at) / 1000.0",
        ),
      ];
    case "tag":
      return [of("num", "1", "run_tags WHERE project_id = ? AND tag = ?", "run_id", name.tag)];
    case "tagged":
      return [of("num", "1", "run_tags WHERE project_id = ?", "run_id")];
  }

  function ofRuns(value: "num" | "txt", column: Exclude<TextColumn, "username"> | string): Question {
    return of(value, column, `runs WHERE project_id = ? AND ${column} IS NOT NULL`, "id");
  }
}

/** Where a column's runs have their places. */
interface Places {
  readonly count: number;
  readonly created: Float64Array;
  /** -1: of a run that is not of the project any more. */
  placeOf(run: number): number;
}

/** Every run's value. */
export function loadColumn(file: CatalogFile, name: ColumnName, project: number, runs: Places): Column {
  const room = runs.created.length;
  const column = new Column(room, name.kind === "tag" ? 0 : undefined);
  const places = isSorted(name) ? new Uint32Array(room) : undefined;
  const came = { num: 0, txt: 0 };
  for (const { value, sql, parameters } of questionsOf(name, project, undefined)) {
    file.each(sql, parameters, (run, given) => {
      const place = runs.placeOf(run);
      if (place < 0) return;
      if (value === "num") column.set(place, given as number, undefined);
      else column.set(place, undefined, given as string);
      if (places) places[came.num + came.txt] = place;
      came[value]++;
    });
  }
  if (places)
    column.keepOrder(ColumnOrder.ofSorted(column, places, came.num, came.txt, runs.count, runs.created));
  return column;
}

/** The value of one run as it is now. */
export function loadValue(file: CatalogFile, name: ColumnName, project: number, run: number): Value {
  const found: Value = {};
  for (const { value, sql, parameters } of questionsOf(name, project, run)) {
    const row = file.first(sql, parameters);
    if (row) Object.assign(found, { [value]: row[1] });
  }
  return found;
}
