import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOURS, colourDistance, linearRgb, runColour } from "./colour.ts";

/** The grounds that lines are drawn on: a panel, and a row of the run list under the pointer. */
const GROUNDS = { light: ["#ffffff", "#f3f5f7"], dark: ["#161b20", "#12171b"] } as const;

for (const theme of ["light", "dark"] as const) {
  const colour = (index: number) => runColour(index, theme);

  test(`74: runs made one after the other differ, ${theme}`, () => {
    for (let index = 0; index < COLOURS; index++) {
      const apart = colourDistance(colour(index), colour(index + 1));
      assert.ok(apart >= 20, `${index} and the next are ${apart.toFixed(2)} apart`);
    }
  });

  test(`74: of the first twelve no two are near each other, ${theme}`, () => {
    for (let a = 0; a < 12; a++) {
      for (let b = a + 1; b < 12; b++) {
        const apart = colourDistance(colour(a), colour(b));
        assert.ok(apart >= 12, `${a} and ${b} are ${apart.toFixed(2)} apart`);
      }
    }
  });

  test(`every colour has 3:1 against its ground, ${theme}`, () => {
    for (let index = 0; index < COLOURS; index++) {
      for (const ground of GROUNDS[theme]) {
        const contrast = contrastOf(colour(index), ground);
        assert.ok(contrast >= 3, `${colour(index)} on ${ground}: ${contrast.toFixed(2)}`);
      }
    }
  });
}

test("the distance is the one of OKLab: white is 100 from black, and nothing from itself", () => {
  assert.ok(Math.abs(colourDistance("#ffffff", "#000000") - 100) < 0.01);
  assert.equal(colourDistance("#0072b2", "#0072b2"), 0);
});

/** WCAG 2. */
function contrastOf(a: string, b: string): number {
  const [low, high] = [a, b].map(luminance).sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = linearRgb(colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
