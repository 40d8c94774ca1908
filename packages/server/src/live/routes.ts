import type { LiveChange } from "@steelyard/protocol/live";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { AppEnv } from "../http/app.ts";
import { authenticate } from "../http/authenticate.ts";
import { visibleProject } from "../metrics/found.ts";
import type { Change } from "../ports/bus.ts";
import { findProjectById, requireViewer } from "../projects/access.ts";
import type { Services } from "../services.ts";

/** Keeps proxies from closing a quiet stream. */
const BEAT_MS = 15_000;
/** Changes that wait for a slow reader; beyond it the oldest go: each only says that something is stale. */
const MAX_WAITING = 1000;
/** How long "this viewer may see that project" is believed. */
const ACCESS_MS = 60_000;

/** `GET /api/v1/live`: what changed, as server-sent events, to those who may see it. */
export function liveRoutes(services: Services): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/api/v1/live", async (c) => {
    requireViewer(c.get("viewer"));
    const { entity = "", project } = c.req.query();
    const only = project === undefined ? undefined : await visibleProject(c, services, entity, project);
    const known = new Map<number, { entity: string; project: string; visible: boolean; untilMs: number }>();

    async function place(change: Change) {
      const before = known.get(change.project);
      if (before && before.untilMs > services.now()) return before;
      // The key may have been revoked since, the person deleted.
      const viewer = await authenticate(services, c.req.raw.headers, "GET").catch(() => undefined);
      if (!viewer) return undefined;
      const found = await findProjectById(services, viewer, change.project, "read").catch(() => undefined);
      const now = {
        entity: found?.entityName ?? "",
        project: found?.name ?? "",
        visible: found !== undefined,
        untilMs: services.now() + ACCESS_MS,
      };
      known.set(change.project, now);
      return now;
    }

    c.header("x-accel-buffering", "no");
    return streamSSE(c, async (out) => {
      const waiting: Change[] = [];
      let wake: (() => void) | undefined;
      const unsubscribe = services.bus.subscribe((change) => {
        if (only && change.project !== only.id) return;
        if (waiting.length >= MAX_WAITING) waiting.shift();
        waiting.push(change);
        wake?.();
      });
      out.onAbort(() => {
        unsubscribe();
        wake?.();
      });
      const end = () => {
        unsubscribe();
        out.abort();
        wake?.();
      };
      services.stopping.addEventListener("abort", end, { once: true });
      await out.write(": open\n\n");
      while (!out.aborted && !out.closed) {
        const change = waiting.shift();
        if (!change) {
          const beat = await new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(true), BEAT_MS);
            timer.unref();
            wake = () => {
              clearTimeout(timer);
              resolve(false);
            };
          });
          wake = undefined;
          if (beat) await out.write(": beat\n\n");
          continue;
        }
        const at = await place(change);
        if (!at) break;
        if (at.visible) await out.writeSSE({ event: "change", data: JSON.stringify(toldOf(change, at)) });
      }
      unsubscribe();
      services.stopping.removeEventListener("abort", end);
    });
  });
  return routes;
}

function toldOf(change: Change, at: { entity: string; project: string }): LiveChange {
  const { entity, project } = at;
  switch (change.kind) {
    case "run":
      return { kind: "run", entity, project, run: change.name, state: change.state };
    case "run-rows":
      return {
        kind: "rows",
        entity,
        project,
        run: change.name,
        streams: change.streams as ("history" | "events" | "console")[],
      };
    case "run-files":
      return { kind: "files", entity, project, run: change.name };
    case "run-deleted":
      return { kind: "deleted", entity, project, run: change.name };
    case "project":
      return { kind: "project", entity, project };
  }
}
