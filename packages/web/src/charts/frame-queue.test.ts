import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameQueue } from "./frame-queue.ts";

function stand() {
  const frames: (() => void)[] = [];
  const done: string[] = [];
  const queue = new FrameQueue((run) => frames.push(run));
  const add = (name: string, cost: number, seen = true, owner: object = {}) =>
    queue.add(owner, { cost, isSeen: () => seen, run: () => done.push(name) });
  /** What the next frame did. */
  const frame = () => {
    done.length = 0;
    frames.shift()?.();
    return done.join(" ");
  };
  return { queue, add, frame, frames };
}

test("small jobs share a frame, large ones have one each", () => {
  const { add, frame, frames } = stand();
  for (const name of ["a", "b", "c"]) add(name, 100);
  add("large", 1e9);
  add("d", 100);
  add("e", 100);
  assert.equal(frame(), "a b c");
  assert.equal(frame(), "large");
  assert.equal(frame(), "d e");
  assert.equal(frames.length, 0, "a frame was asked for with nothing to do");
});

test("what is seen goes first, and what is near only when nobody waits for what they see", () => {
  const { add, frame } = stand();
  add("near", 1, false);
  add("seen", 1e9);
  add("seen too", 1e9);
  assert.equal(frame(), "seen");
  assert.equal(frame(), "seen too");
  assert.equal(frame(), "near");
});

test("a chart that changes again is painted once, and not at all when it is gone", () => {
  const { queue, add, frame } = stand();
  const [chart, gone] = [{}, {}];
  add("old", 1, true, chart);
  add("gone", 1, true, gone);
  add("new", 1, true, chart);
  queue.drop(gone);
  assert.equal(frame(), "new");
  assert.equal(frame(), "");
});
