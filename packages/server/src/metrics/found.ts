import type { Context } from "hono";
import { SteelyardError } from "../errors.ts";
import type { AppEnv } from "../http/app.ts";
import { findProject, type ProjectRef, type RunRef, readableRun } from "../projects/access.ts";
import type { Services } from "../services.ts";

/** The project and the runs that a question names, if who asks may see them. */

export async function visibleProject(
  c: Context<AppEnv>,
  services: Services,
  entity: string,
  project: string,
): Promise<ProjectRef> {
  const found = await findProject(services, c.get("viewer"), entity, project, "read");
  if (found) return found;
  if (!c.get("viewer")) throw new SteelyardError("not-authenticated", "sign in to see this");
  throw new SteelyardError("not-found", `there is no project ${entity}/${project}, or you may not see it`);
}

/** The run that `?entity&project&run` names. */
export async function visibleRun(c: Context<AppEnv>, services: Services): Promise<RunRef> {
  const { entity = "", project = "", run = "" } = c.req.query();
  const found = await readableRun(services, c.get("viewer"), entity, project, run);
  if (found) return found;
  if (!c.get("viewer")) throw new SteelyardError("not-authenticated", "sign in to see this");
  throw new SteelyardError("not-found", `there is no run ${entity}/${project}/${run}, or you may not see it`);
}

export function streamOf(c: Context<AppEnv>): "history" | "events" {
  const stream = c.req.query("stream") ?? "history";
  if (stream === "history" || stream === "events") return stream;
  throw new SteelyardError("bad-request", "stream must be history or events");
}

/** Catalog number → public id, of those that exist: a run deleted meanwhile must not fail the chart of the others. */
export async function runNumbers(
  services: Services,
  project: ProjectRef,
  names: readonly string[],
): Promise<Map<number, string>> {
  if (names.length === 0) return new Map();
  const rows = await services.catalog.db
    .selectFrom("runs")
    .select(["id", "name"])
    .where("project_id", "=", project.id)
    .where("name", "in", names)
    .where("deleted_at", "is", null)
    .execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}
