import type { KeyInfo } from "../ports/metric-store.ts";

/** The table that rows become where a file wants one: a column per key. */

/** `text`: of values that are no text their JSON. */
export type ColumnType = "step" | "number" | "text" | "boolean" | "json";

export interface ExportColumn {
  name: string;
  /** Undefined for the column that says which run a row is of. */
  key: string | undefined;
  type: ColumnType;
}

/** Column of the rows of several runs. */
const RUN = "run";

/**
 * The step first, then the keys by name. `several`: with the run before them; a key of that name gets a number. Values of
 * several types, lists and maps are JSON.
 */
export function exportColumns(infos: readonly KeyInfo[], several: boolean): ExportColumn[] {
  const types = new Map<string, Set<string>>();
  for (const { key, types: found } of infos) {
    const known = types.get(key) ?? new Set();
    for (const type of Object.keys(found)) if (type !== "null") known.add(type);
    types.set(key, known);
  }
  const keys = [...types.keys()].sort(
    (a, b) => Number(b === "_step") - Number(a === "_step") || (a < b ? -1 : 1),
  );
  const taken = new Set(several ? [RUN, ...keys.filter((key) => key !== RUN)] : []);
  const columns = keys.map((key): ExportColumn => {
    let name = key;
    for (let n = 2; several && key === RUN && taken.has(name); n++) name = `${key}_${n}`;
    return { name, key, type: typeOf(key, types.get(key) ?? new Set()) };
  });
  return several ? [{ name: RUN, key: undefined, type: "text" }, ...columns] : columns;
}

function typeOf(key: string, types: ReadonlySet<string>): ColumnType {
  const [type, other] = types;
  if (other !== undefined) return "json";
  switch (type) {
    case "number":
      return key === "_step" ? "step" : "number";
    case "string":
      return "text";
    case "boolean":
      return "boolean";
    case undefined:
      // null everywhere
      return "text";
    default:
      return "json";
  }
}
