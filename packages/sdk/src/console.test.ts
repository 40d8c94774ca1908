import assert from "node:assert/strict";
import { test } from "node:test";
import { captureConsole } from "./console.ts";

test("what a listener itself prints does not come round again, and a listener that fails takes nothing from the terminal", () => {
  const { write } = process.stdout;
  const shown: string[] = [];
  process.stdout.write = ((chunk: string) => {
    shown.push(chunk);
    return true;
  }) as typeof process.stdout.write;
  const heard: string[] = [];
  try {
    const one = captureConsole(
      (_stream, text) => {
        heard.push(text);
        process.stdout.write(`heard ${text}`);
      },
      { children: false },
    );
    process.stdout.write("a");
    const fails = captureConsole(
      () => {
        throw new Error("no");
      },
      { children: false },
    );
    process.stdout.write("b");
    fails();
    process.stdout.write("c");
    one();
    process.stdout.write("d");
  } finally {
    process.stdout.write = write;
  }
  assert.deepEqual(heard, ["a", "b", "c"]);
  assert.deepEqual(shown, ["heard a", "a", "heard b", "b", "heard c", "c", "d"]);
});
