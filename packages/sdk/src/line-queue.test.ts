import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LineQueue, type TakenLines } from "./line-queue.ts";

const dir = mkdtempSync(join(tmpdir(), "steelyard-lines-"));
after(() => rmSync(dir, { recursive: true, force: true }));

function texts({ blocks, count }: TakenLines): string[] {
  const lines = JSON.parse(`[${Buffer.concat(blocks).toString().slice(0, -2)}]`) as string[];
  assert.equal(lines.length, count);
  return lines;
}

test("every line once, in order, through memory and disk", () => {
  const path = join(dir, "unsent");
  const queue = new LineQueue(path);
  const line = (index: number) =>
    `{"n":${index},"text":"한글 \\"quoted\\"\\n${"x".repeat((index * 131) % 3000)}"}`;
  let pushed = 0;
  const got: string[] = [];
  const push = (count: number) => {
    for (const end = pushed + count; pushed < end; pushed++) queue.push(line(pushed));
  };
  push(3);
  got.push(...texts(queue.take(1000, 10)));
  assert.equal(got.length, 3);
  // Some 30 MB: more than stays in memory.
  push(20_000);
  assert.ok(existsSync(path));
  got.push(...texts(queue.take(2 ** 20, 1000)));
  push(1000);
  queue.push("z".repeat(2 ** 20));
  while (!queue.empty) {
    const taken = queue.take(8 * 2 ** 20, 50_000);
    assert.ok(taken.count > 0);
    got.push(...texts(taken));
  }
  assert.equal(got.pop(), "z".repeat(2 ** 20));
  assert.equal(got.length, pushed);
  for (const [index, text] of got.entries()) assert.equal(text, line(index));
  assert.equal(existsSync(path), false);
  push(1);
  assert.deepEqual(texts(queue.take(1000, 10)), [line(pushed - 1)]);
});
