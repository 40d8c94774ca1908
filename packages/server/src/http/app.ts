import type { Hono } from "hono";
import type { Viewer } from "./viewer.ts";

/** What a route finds in its context: `c.get("viewer")` is undefined when nobody is signed in. */
export interface AppEnv {
  Variables: { viewer: Viewer | undefined; requestId: string };
}
export type App = Hono<AppEnv>;
