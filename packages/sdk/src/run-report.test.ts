import assert from "node:assert/strict";
import { test } from "node:test";
import { countText } from "./count-text.ts";
import { FinishProgress } from "./finish-progress.ts";
import type { Printer } from "./printer.ts";
import { tellEnd, tellLeft } from "./run-report.ts";
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

test("runs that a process left are told together, silent ones not at all", () => {
  const said = (count: number, of: number, how: { offline?: true; silent?: true } = {}) => {
    const lines: string[] = [];
    const say = (text: string) => void lines.push(text);
    const print = { info: say, serious: say, quietly: () => {}, isSilent: how.silent === true };
    const urls = how.offline ? undefined : { run: "http://h/r", project: "http://h/p", sweep: undefined };
    tellLeft(
      Array.from({ length: count }, (_, place) => ({
        print: print as unknown as Printer,
        whereabouts: { folder: `/w/run-${place}`, name: "n", urls },
      })),
      of,
    );
    return lines.join("\n");
  };
  assert.equal(said(0, 3), "");
  assert.equal(said(3, 3, { silent: true }), "");
  assert.match(said(1, 1), /^the run did not get .*\nYou can send this run .*\nsteelyard sync \/w\/run-0\n/);
  assert.match(
    said(2, 50),
    /^2 of 50 runs did not .*\nYou can send these 2 .*\nsteelyard sync \/w\/run-0 \/w\/run-1$/,
  );
  assert.match(said(2, 2, { offline: true }), /^You can send these 2 runs/);
  assert.match(
    said(1200, 1200),
    /^1,200 of 1,200 .*\n.*these 1,200 .*\nsteelyard sync --include-online \/w$/,
  );
});
