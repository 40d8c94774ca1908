import assert from "node:assert/strict";
import { test } from "node:test";
import { readBody, readJson } from "./body.ts";

/** A body in two parts; its length is said when `length` is. */
function request(parts: string[], length?: number): Request {
  const body = new ReadableStream({
    pull(controller) {
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(Buffer.from(part));
    },
  });
  const headers: Record<string, string> = length === undefined ? {} : { "content-length": String(length) };
  return new Request("http://localhost/", { method: "POST", headers, body, duplex: "half" } as RequestInit);
}

test("a body is read whole up to its bound and refused beyond, whether its length was said or not", async () => {
  for (const length of [10, undefined]) {
    assert.equal(String(await readBody(request(["01234", "56789"], length), 10)), "0123456789");
    await assert.rejects(readBody(request(["01234", "56789"], length), 9), { code: "too-large" });
  }
  assert.equal(String(await readBody(new Request("http://localhost/", { method: "POST" }), 9)), "");
});

test("a body that is not JSON is told so, with the place", async () => {
  assert.deepEqual(await readJson(request(['{"a":', " 1}"])), { a: 1 });
  await assert.rejects(readJson(request(['{"a": oops}'])), {
    code: "invalid-json",
    message: /not JSON: .*oops/,
  });
});
