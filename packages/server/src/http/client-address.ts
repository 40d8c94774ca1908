import { isIPv6 } from "node:net";
import type { Context } from "hono";
import type { AppEnv } from "./app.ts";

/**
 * Who asks, for counting. A proxy on this machine appends the address it was asked from; what others write in that header
 * means nothing. Of IPv6 it is the network (`2001:db8:0:1::/64`): one home or one machine has all of its addresses.
 */
export function clientAddress(c: Context<AppEnv>): string {
  const bindings = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  const peer = bindings?.incoming?.socket?.remoteAddress ?? "unknown";
  if (!/^(::1|(::ffff:)?127\.)/.test(peer)) return networkOf(peer);
  return networkOf(c.req.header("x-forwarded-for")?.split(",").at(-1)?.trim().slice(0, 100) || peer);
}

function networkOf(address: string): string {
  const [plain = ""] = address.split("%", 1);
  if (!plain.includes(":") || !isIPv6(plain) || plain === "::1") return address;
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (v4) return v4;
  const [before = "", after] = plain.split("::", 2);
  const head = before.split(":").filter(Boolean);
  const tail = after?.split(":").filter(Boolean) ?? [];
  const groups = [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
