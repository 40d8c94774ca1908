import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Http, send } from "../http.ts";
import { RateLimit } from "./rate-limit.ts";

const headers = (remaining: number, reset: number) => ({
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(reset),
});

/** Requests in each of so many windows of 10 s, when the server has `quota` units for one, and `cost` goes for a request. */
function windows(limit: RateLimit, quota: number, cost: number, count: number): number[] {
  const made: number[] = Array.from({ length: count }, () => 0);
  // An answer takes 10 ms.
  for (let nowMs = 0; nowMs < count * 10_000; nowMs += 10) {
    nowMs += limit.wait(nowMs);
    const at = Math.floor(nowMs / 10_000);
    if (at >= count) break;
    made[at] = (made[at] ?? 0) + 1;
    limit.hear(headers(Math.max(0, quota - (made[at] ?? 0) * cost), 10 - (nowMs % 10_000) / 1000), nowMs);
  }
  return made;
}

test("requests keep to what the server has left, whatever its units are, and use it", () => {
  for (const [quota, cost] of [
    [100, 1],
    [3000, 30],
    [50, 0.5],
  ] as const) {
    // The first windows teach what a request costs.
    const learnt = windows(new RateLimit(), quota, cost, 12).slice(4);
    const allowed = quota / cost;
    for (const made of learnt) assert.ok(made <= allowed * 1.1, `${made} of ${allowed}: ${learnt}`);
    assert.ok(Math.max(...learnt) > allowed * 0.5, `${learnt} of ${allowed}`);
  }
});

test("a server that says nothing of limits, or nothing that can be understood, is not waited for", () => {
  for (const said of [
    {},
    { "ratelimit-remaining": "many", "ratelimit-reset": "10" },
    { "ratelimit-remaining": "0" },
    { "ratelimit-remaining": "-1", "ratelimit-reset": "10" },
    { "ratelimit-remaining": "0", "ratelimit-reset": "1" },
  ]) {
    const limit = new RateLimit();
    for (let at = 0; at < 1000; at++) {
      assert.equal(limit.wait(at), 0);
      limit.hear(said, at);
    }
  }
});

test("a server that has nothing left is asked ten times, and then one time in ten seconds", async () => {
  let asked = 0;
  const enough = new AbortController();
  const server = createServer((_request, response) => {
    // A while in which a client without a limit would be through.
    if (++asked === 10) setTimeout(() => enough.abort(), 300);
    response.writeHead(200, headers(0, 60)).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const patience = { retries: 0, firstWaitMs: 0, longestWaitMs: 0, timeoutMs: 0 };
  const http: Http = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    apiKey: "",
    identity: undefined,
    headers: {},
    proxies: { forHttp: undefined, forHttps: undefined, system: { forHttp: "", forHttps: "", none: "" } },
    proxyAuthorization: undefined,
    checksCertificates: true,
    certificates: [],
    graphql: patience,
    fileStream: patience,
    fileTransfer: patience,
    gzip: false,
    onRetry: () => {},
    signal: enough.signal,
  };
  await assert.rejects(async () => {
    for (let at = 0; at < 30; at++) await send(http, "POST", "/graphql", "{}", { patience });
  });
  server.closeAllConnections();
  server.close();
  assert.ok(asked >= 10 && asked <= 20, `${asked} requests`);
});
