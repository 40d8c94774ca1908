import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameQueue } from "./frame-queue.ts";

function stand() {
  const frames: (() => void)[] = [];
  const done: string[] = [];
  let nowMs = 0;
  const queue = new FrameQueue(
    (run) => frames.push(run),
    () => nowMs,
  );
  /** So many slices, each of which takes so long. */
  const add = (
    name: string,
    { slices = 1, ms = 0, distance = 0, bringsMs = 0, owner = {} as object } = {},
  ) => {
    let left = slices;
    const run = () => {
      nowMs += ms;
      done.push(name);
      return --left > 0;
    };
    queue.add(owner, { distance: () => distance, bringsMs, run });
  };
  /** What the next frame did. */
  const frame = () => {
    done.length = 0;
    frames.shift()?.();
    return done.join(" ");
  };
  return { queue, add, frame, frames };
}

test("a frame does what it has time for: small jobs share it, a large one has a slice in each", () => {
  const { add, frame, frames } = stand();
  for (const name of ["a", "b", "c"]) add(name, { ms: 1 });
  add("large", { slices: 5, ms: 2 });
  add("d", { ms: 1 });
  assert.equal(frame(), "a b c large");
  assert.equal(frame(), "large large");
  assert.equal(frame(), "large large");
  assert.equal(frame(), "d");
  assert.equal(frames.length, 0, "a frame was asked for with nothing to do");
});

test("a slice that takes longer than a frame has is still done", () => {
  const { add, frame } = stand();
  add("slow", { slices: 2, ms: 100 });
  add("next");
  assert.equal(frame(), "slow");
  assert.equal(frame(), "slow");
  assert.equal(frame(), "next");
});

test("what others make of a job in the same frame is of the frame's time too", () => {
  const { add, frame } = stand();
  for (const name of ["a", "b", "c"]) add(name, { bringsMs: 2 });
  add("large", { bringsMs: 100 });
  add("d", { bringsMs: 2 });
  assert.equal(frame(), "a b");
  assert.equal(frame(), "c");
  assert.equal(frame(), "large");
  assert.equal(frame(), "d");
});

test("what is seen goes first, and what is near, the nearest first, only when nobody waits for what they see", () => {
  const { add, frame } = stand();
  add("far", { ms: 9, distance: 500 });
  add("near", { ms: 9, distance: 1 });
  add("seen", { ms: 9 });
  add("seen too", { ms: 1 });
  assert.equal(frame(), "seen");
  assert.equal(frame(), "seen too");
  assert.equal(frame(), "near");
  assert.equal(frame(), "far");
});

test("what is not there yet goes before what is painted anew", () => {
  const { add, frame } = stand();
  add("anew", { ms: 9 });
  add("anew too", { ms: 9 });
  add("new", { ms: 9, distance: -1 });
  assert.equal(frame(), "new");
  assert.equal(frame(), "anew");
  assert.equal(frame(), "anew too");
});

test("a chart that changes again is painted once, and not at all when it is gone", () => {
  const { queue, add, frame } = stand();
  const [chart, gone] = [{}, {}];
  add("old", { owner: chart });
  add("gone", { owner: gone });
  add("new", { owner: chart });
  queue.drop(gone);
  assert.equal(frame(), "new");
  assert.equal(frame(), "");
});

test("a chart that changes all the time is painted to the end, then as it is now", () => {
  const { queue, add, frame } = stand();
  const chart = {};
  add("first", { slices: 3, ms: 5, owner: chart });
  assert.equal(frame(), "first");
  add("second", { owner: chart });
  assert.equal(frame(), "first");
  add("third", { slices: 2, ms: 5, owner: chart });
  add("other", { ms: 5 });
  assert.equal(frame(), "first");
  assert.equal(frame(), "third");
  queue.drop(chart);
  assert.equal(frame(), "other");
});
