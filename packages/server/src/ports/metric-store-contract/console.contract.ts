import assert from "node:assert/strict";
import { test } from "node:test";
import { console, type Open, twice } from "./opened-store.contract.ts";

/** Lines of a console by number and by text. */
export function testConsole(name: string, open: Open): void {
  test(`${name}: a long console is searched to its end`, async () => {
    await twice(
      open,
      async (store) => {
        for (let at = 0; at < 130_000; at += 10_000) {
          await store.append([
            console(
              Array.from({ length: 10_000 }, (_, i) => `line ${at + i}`),
              at,
            ),
          ]);
        }
        await store.append([console(["line 120000 again"], 7)]);
      },
      async (store) => {
        assert.deepEqual(await store.searchConsole(1, "120000", 0, 10), [7, 120_000]);
        assert.deepEqual(await store.searchConsole(1, "120000", 8, 10), [120_000]);
        assert.equal((await store.searchConsole(1, "LINE", 0, 70_000)).length, 70_000);
        assert.deepEqual(await store.searchConsole(1, "line 129999", 129_999, 10), [129_999]);
        assert.deepEqual(await store.searchConsole(1, "line", 130_000, 10), []);
      },
    );
  });

  test(`${name}: console lines by number, rewritten, by page and by search`, async () => {
    await twice(
      open,
      async (store) => {
        await store.append([console(Array.from({ length: 5000 }, (_, i) => `line ${i}`))]);
        await store.append([console(["progress 1 %"], 5000)]);
        await store.append([console(["progress 2 %", "Done ✓ ERROR {not json"], 5000)]);
        await store.append([console(["rewritten"], 10)]);
      },
      async (store) => {
        assert.deepEqual(await store.consoleLines(1, 9, 3), [
          { number: 9, writer: "", text: "line 9" },
          { number: 10, writer: "", text: "rewritten" },
          { number: 11, writer: "", text: "line 11" },
        ]);
        const end = await store.consoleLines(1, 4999, 100);
        assert.deepEqual(
          end.map(({ text }) => text),
          ["line 4999", "progress 2 %", "Done ✓ ERROR {not json"],
        );
        assert.deepEqual(await store.searchConsole(1, "PROGRESS", 0, 10), [5000]);
        assert.deepEqual(await store.searchConsole(1, "line 49", 0, 3), [49, 490, 491]);
        assert.deepEqual(await store.tail(1, "console", 1), ["Done ✓ ERROR {not json"]);
        assert.equal((await store.lineCounts(1)).console, 5002);
      },
    );
  });

  test(`${name}: console lines of several writers, each with numbers of its own, by page`, async () => {
    await twice(
      open,
      async (store) => {
        await store.append([{ ...console(["a0", "a1", "a2"]), writer: "a" }]);
        await store.append([{ ...console(["b0", "b1"]), writer: "b" }]);
      },
      async (store) => {
        const texts = async (from: number, limit: number) =>
          (await store.consoleLines(1, from, limit)).map(({ text }) => text);
        assert.deepEqual(await texts(0, 1), ["a0", "b0"]);
        assert.deepEqual(await texts(1, 2), ["a1", "b1", "a2"]);
        assert.deepEqual(await texts(0, 3), ["a0", "b0", "a1", "b1", "a2"]);
        assert.deepEqual(await texts(0, 0), []);
      },
    );
  });
}
