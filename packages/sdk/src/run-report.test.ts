import assert from "node:assert/strict";
import { test } from "node:test";
import { countText } from "./count-text.ts";
import { FinishProgress } from "./finish-progress.ts";
import type { Printer } from "./printer.ts";
import { tellEnd } from "./run-report.ts";
import { Unsent } from "./unsent.ts";

test("counts have commas", () => {
  const texts = [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 1_234_567_890].map(countText);
  assert.deepEqual(texts, ["0", "7", "999", "1,000", "12,345", "999,999", "1,000,000", "1,234,567,890"]);
});

test("the end of a run is told without the language's tables, for which the event loop stands still", (t) => {
  t.mock.method(Number.prototype, "toLocaleString", () => {
    throw new Error("loads tables for 14 ms");
  });
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const print = { info: say, place: say, live: say, isLive: true, emoji: () => "" } as unknown as Printer;
  const urls = { run: "http://h/r", project: "http://h/p", sweep: undefined };
  tellEnd(
    print,
    { folder: "f", name: "n", urls },
    {
      sent: true,
      rows: 12_345,
      grids: { history: { lines: [["loss", "▁"]], more: 1000 }, summary: [], maxSummary: 10 },
    },
  );
  t.mock.timers.enable({ apis: ["setInterval"] });
  const progress = new FinishProgress(print);
  progress.waiting(2000);
  t.mock.timers.tick(100);
  progress.end();
  say(new Unsent("log", "files", true).text(3000));
  const all = said.join("\n");
  for (const text of ["Synced 12,345 rows", "+1,000", "2,000 rows", "3,000 rows"])
    assert.ok(all.includes(text), `${text} in ${all}`);
});
