import { SteelyardError } from "../errors.ts";

/**
 * The opaque ids of the wire. A client never reads them, but it drops the `=` of a view's id when it makes an address of
 * it, so parsing takes them with padding or without, in either base64 alphabet.
 *
 * An id proves nothing: whoever parses one still asks `projects/access.ts` whether the viewer may have the object.
 */

/** base64 of `Type:<n>`. */
export function globalId(type: string, id: number): string {
  return Buffer.from(`${type}:${id}`).toString("base64");
}

/** The number in a `globalId` of this type; throws bad-request for anything else. */
export function parseGlobalId(type: string, id: string): number {
  const match = /^([A-Za-z]+):(\d{1,15})$/.exec(decode(id));
  if (match && match[1] === type) return Number(match[2]);
  throw unknownId(type, id);
}

/** base64 of `View:<n>` without padding: it is part of a report's address. */
export function viewGlobalId(id: number): string {
  return globalId("View", id).replace(/=+$/, "");
}

export function parseViewGlobalId(id: string): number {
  return parseGlobalId("View", id);
}

export interface RunPath {
  /** Public run id. */
  run: string;
  project: string;
  entity: string;
}

/** base64 of `Run:v1:{run}:{project}:{entity}`; none of the three may hold a colon (`runs/names.ts` sees to it). */
export function runGlobalId(run: { name: string; project: { name: string; entityName: string } }): string {
  return Buffer.from(`Run:v1:${run.name}:${run.project.name}:${run.project.entityName}`).toString("base64");
}

export function parseRunGlobalId(id: string): RunPath {
  const [type, version, run, project, entity, ...rest] = decode(id).split(":");
  if (type === "Run" && version === "v1" && run && project && entity && rest.length === 0) {
    return { run, project, entity };
  }
  throw unknownId("Run", id);
}

/** The type an id names (`Run`, `Project`, …), "" when it is none of ours. */
export function globalIdType(id: string): string {
  return /^([A-Za-z]+):/.exec(decode(id))?.[1] ?? "";
}

function decode(id: string): string {
  return /^[A-Za-z0-9+/_-]{1,2000}={0,2}$/.test(id) ? Buffer.from(id, "base64").toString("utf8") : "";
}

function unknownId(type: string, id: string): SteelyardError {
  return new SteelyardError(
    "bad-request",
    `"${id.slice(0, 100)}" is not the id of a ${type}; take ids from this server's answers as they are`,
  );
}
