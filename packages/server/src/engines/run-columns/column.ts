import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RunField, TextColumn } from "../../ports/run-question/run-field.ts";
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
interface Value {
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
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  get bytes(): number {
    return (this.num?.byteLength ?? 0) + (this.codes?.byteLength ?? 0) + this.texts.bytes;
  }

  grow(room: number): void {
    this.#room = room;
    if (this.num) this.num = grown(this.num, new Float64Array(room).fill(Number.NaN));
    if (this.codes) this.codes = grown(this.codes, new Int32Array(room).fill(-1));
  }

  set(place: number, { num, txt }: Value): void {
    if (num !== undefined) this.num ??= new Float64Array(this.#room).fill(Number.NaN);
    if (txt !== undefined) this.codes ??= new Int32Array(this.#room).fill(-1);
    if (this.num) this.num[place] = num ?? Number.NaN;
    if (this.codes) this.codes[place] = txt === undefined ? -1 : this.texts.codeOf(txt);
  }
}

function grown<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** Rows of [run, value]; values in their order, so that texts come sorted. */
interface Question {
  value: "num" | "txt";
  sql: string;
  parameters: (string | number)[];
}

/** What to ask for a column of a project, or of one run of it. */
function questionsOf(name: ColumnName, project: number, run: number | undefined): Question[] {
  const of = (
    value: "num" | "txt",
    columns: string,
    from: string,
    id: string,
    ...more: string[]
  ): Question => {
    const only = run === undefined ? "" : ` AND ${id} = ${run}`;
    const order = value === "txt" && run === undefined ? " ORDER BY 2" : "";
    return { value, sql: `SELECT ${columns} FROM ${from}${only}${order}`, parameters: [project, ...more] };
  };
  switch (name.kind) {
    case "cell": {
      const cells = (value: "num" | "txt") =>
        of(
          value,
          `run_id, ${value}`,
          `run_cells WHERE project_id = ? AND path = ? AND ${value} IS NOT NULL`,
          "run_id",
          name.path,
        );
      return [cells("num"), cells("txt")];
    }
    case "exists": {
      const sorts = ["num IS NOT NULL", "txt IS NOT NULL", "num IS NULL AND txt IS NULL"];
      return sorts.flatMap((sort) => [
        of(
          "num",
          "run_id, 1",
          `run_cells WHERE project_id = ? AND path = ? AND ${sort}`,
          "run_id",
          name.path,
        ),
        of(
          "num",
          "run_id, 1",
          `run_cells WHERE project_id = ? AND path > ? AND path < ? AND ${sort}`,
          "run_id",
          `${name.path}.`,
          `${name.path}/`,
        ),
      ]);
    }
    case "text":
      return name.column === "username"
        ? [
            of(
              "txt",
              "r.id, u.username",
              "runs r JOIN users u ON u.id = r.user_id WHERE r.project_id = ?",
              "r.id",
            ),
          ]
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
      return [of("num", "run_id, 1", "run_tags WHERE project_id = ? AND tag = ?", "run_id", name.tag)];
    case "tagged":
      return [of("num", "DISTINCT run_id, 1", "run_tags WHERE project_id = ?", "run_id")];
  }

  function ofRuns(value: "num" | "txt", column: Exclude<TextColumn, "username"> | string): Question {
    return of(value, `id, ${column}`, `runs WHERE project_id = ? AND ${column} IS NOT NULL`, "id");
  }
}

/** Every run's value; `placeOf` gives a run's place, -1 for one that is not of the project any more. */
export function loadColumn(
  database: DatabaseSync,
  name: ColumnName,
  project: number,
  room: number,
  placeOf: (run: number) => number,
): Column {
  const column = new Column(room);
  for (const { value, sql, parameters } of questionsOf(name, project, undefined)) {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    for (const row of statement.iterate(...parameters) as unknown as Iterable<[number, string | number]>) {
      const place = placeOf(row[0]);
      if (place >= 0) column.set(place, { [value]: row[1] });
    }
  }
  return column;
}

/** The value of one run as it is now. */
export function loadValue(database: DatabaseSync, name: ColumnName, project: number, run: number): Value {
  const found: Value = {};
  for (const { value, sql, parameters } of questionsOf(name, project, run)) {
    const statement: StatementSync = database.prepare(sql);
    statement.setReturnArrays(true);
    const row = statement.get(...parameters) as unknown as [number, string | number] | undefined;
    if (row) Object.assign(found, { [value]: row[1] });
  }
  return found;
}
