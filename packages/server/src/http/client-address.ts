import type { Context } from "hono";
import type { AppEnv } from "./app.ts";

/**
 * Who asks, for counting. A proxy on this machine appends the address it was asked from; what others write in that header
 * means nothing.
 */
export function clientAddress(c: Context<AppEnv>): string {
  const bindings = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  const peer = bindings?.incoming?.socket?.remoteAddress ?? "unknown";
  if (!/^(::1|(::ffff:)?127\.)/.test(peer)) return peer;
  return c.req.header("x-forwarded-for")?.split(",").at(-1)?.trim().slice(0, 100) || peer;
}
