import assert from "node:assert/strict";
import { test } from "node:test";
import { keyMove } from "./keyboard.ts";
import type { DrawnLine } from "./lines.ts";
import { makeScale } from "./scale.ts";

const x = Float64Array.from({ length: 101 }, (_, at) => at);
const line = { x, y: x } as unknown as DrawnLine;
const state = { drawn: [line], xs: makeScale(0, 100, false), cursor: undefined, range: undefined };

test("arrows walk over points, Home and End go to the ends", () => {
  assert.deepEqual(keyMove("ArrowRight", false, state), { kind: "cursor", x: 0 });
  assert.deepEqual(keyMove("ArrowRight", false, { ...state, cursor: 5 }), { kind: "cursor", x: 6 });
  assert.deepEqual(keyMove("ArrowRight", true, { ...state, cursor: 95 }), { kind: "cursor", x: 100 });
  assert.deepEqual(keyMove("ArrowLeft", false, { ...state, cursor: 0 }), { kind: "cursor", x: 0 });
  assert.deepEqual(keyMove("Home", false, { ...state, cursor: 50 }), { kind: "cursor", x: 0 });
  assert.deepEqual(keyMove("End", false, state), { kind: "cursor", x: 100 });
});

test("plus halves the range around the cursor, minus doubles it, Escape takes it back", () => {
  const whole = { ...state, xs: makeScale(0, 128, false), cursor: 32 };
  assert.deepEqual(keyMove("+", false, whole), { kind: "zoom", range: [0, 64] });
  const zoomed = { ...state, xs: makeScale(0, 64, false), range: [0, 64] as [number, number] };
  assert.deepEqual(keyMove("-", false, zoomed), { kind: "zoom", range: [-32, 96] });
  assert.deepEqual(keyMove("Escape", false, zoomed), { kind: "reset" });
  assert.equal(keyMove("Escape", false, state), undefined);
  assert.deepEqual(keyMove("Enter", false, state), { kind: "full" });
  assert.equal(keyMove("a", false, state), undefined);
});
