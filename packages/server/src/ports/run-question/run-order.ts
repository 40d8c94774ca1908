import { SteelyardError } from "../../errors.ts";
import { type RunField, runField } from "./run-field.ts";

/**
 * How a list of runs is ordered. Ascending or descending, numbers come before texts and runs without the value come
 * last; ties are in order of creation (of the run's number, which is given at creation), in the same direction.
 */
export interface RunOrder {
  field: Exclude<RunField, { kind: "artifacts" | "key" | "tags" }> | { kind: "tag"; tag: string };
  descending: boolean;
}

/** `+field`, `-field` or `field` (ascending); empty = oldest first, as the client's documents expect. */
export function parseOrder(text: string | null | undefined): RunOrder {
  const order = (text ?? "").trim();
  const sign = /^[+-]/.exec(order)?.[0];
  const name = sign ? order.slice(1) : order;
  const descending = sign === "-";
  if (name === "") return { field: { kind: "time", column: "created_at" }, descending };
  if (name.startsWith("tags.") && name.length > 5)
    return { field: { kind: "tag", tag: name.slice(5) }, descending };
  const field = runField(name);
  if (field?.kind === "key") return { field: { kind: "cell", path: field.path }, descending };
  if (field && field.kind !== "tags" && field.kind !== "artifacts") return { field, descending };
  throw new SteelyardError(
    "invalid-filter",
    `order: ${JSON.stringify(name.slice(0, 100))} is not something runs are ordered by; use a column such as created_at, config.<key> or summary_metrics.<key>, with + or -`,
  );
}

/** Where a page ended: what the last run was ordered by, and the run. */
export interface RunCursor {
  /** number, text, or neither. */
  value: number | string | null;
  createdAt: number;
  id: number;
}

export function encodeCursor(cursor: RunCursor): string {
  return Buffer.from(JSON.stringify([cursor.value, cursor.createdAt, cursor.id])).toString("base64url");
}

export function decodeCursor(text: string): RunCursor {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    parts = undefined;
  }
  if (Array.isArray(parts) && parts.length === 3) {
    const [value, createdAt, id] = parts as unknown[];
    const valueIsKnown = value === null || typeof value === "number" || typeof value === "string";
    if (valueIsKnown && Number.isInteger(createdAt) && Number.isInteger(id)) {
      return { value, createdAt: createdAt as number, id: id as number };
    }
  }
  throw new SteelyardError("bad-request", "after is not a cursor of this list; begin again without it");
}
