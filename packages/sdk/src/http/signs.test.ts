import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Http, RefusedError, send } from "../http.ts";
import { loadSettings } from "../machine.ts";
import { connectionOf } from "./connection.ts";

test("a server gives a sign when it takes a part of a file and when it says yes, not when it says no", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-signs-"));
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.statusCode = request.url === "/no" ? 404 : 200;
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const signs: number[] = [];
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http: Http = {
    ...connectionOf(loadSettings({ baseUrl }), "x".repeat(40), () => {}),
    signal: new AbortController().signal,
    onRetry() {},
    onSign: (bytes) => signs.push(bytes),
  };
  const put = (path: string, bytes: number) => {
    const file = join(folder, "file");
    writeFileSync(file, Buffer.alloc(bytes));
    return send(http, "PUT", path, { path: file }, { patience: http.fileTransfer });
  };
  await put("/yes", 10);
  assert.deepEqual(signs.splice(0), [10, 0]);
  await put("/yes", 300_000);
  assert.ok(signs.length > 2, String(signs));
  assert.deepEqual([signs.at(-1), signs.splice(0).reduce((sum, bytes) => sum + bytes)], [0, 300_000]);
  await send(http, "POST", "/yes", "{}", { patience: http.graphql });
  assert.deepEqual(signs.splice(0), [0]);
  await assert.rejects(send(http, "POST", "/no", "{}", { patience: http.graphql }), RefusedError);
  assert.deepEqual(signs, []);
});
