/**
 * The page beside those of other trackers, in a real browser on the same runs: from the start of navigation to the first
 * chart with a curve, and the frames while the pointer is dragged over it, at three lengths of run. BENCH_SYSTEMS=Aim: only those so named.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHART_PAGES, type ChartPage, type PageTimes, visit } from "./peers/chart-page.ts";
import { growthText, slopeOf } from "./peers/growth.ts";
import { lossesText } from "./peers/losses.ts";
import { failureOf, openBench, withSystem } from "./peers/opening.ts";
import { SYSTEMS } from "./peers/systems.ts";
import type { Worker } from "./peers/worker.ts";
import { makePool, spikeOf } from "./peers/workload.ts";
import { short } from "./report/plot.ts";
import type { TablePart } from "./report/result.ts";
import { writeReport } from "./report/write.ts";

const { quick, systems, missing } = openBench(SYSTEMS.filter(({ name }) => CHART_PAGES[name]));
const RUNS = 10;
const KEYS = 10;
const LENGTHS = quick ? [1_000] : [1_000, 10_000, 100_000];
/** Of filling one system once; as soon as it shows that it would take longer, it is left. */
const FILL_SECONDS = quick ? 5 : 60;
const TIMES = quick ? 1 : 3;
const TIMEOUT_MS = 60_000;
/** Where a picture of each page goes, for looking at what was timed. */
const PICTURES = process.env.BENCH_PICTURES;

const answers = new Map<string, (PageTimes | string)[]>();
const browser = await chromium.launch({
  executablePath: process.env.STEELYARD_TEST_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
try {
  for (const system of systems) {
    const own: (PageTimes | string)[] = [];
    answers.set(system.name, own);
    for (const rows of LENGTHS) {
      const last = own.at(-1);
      const reason = missing.get(system.name) ?? (typeof last === "string" ? last : undefined);
      const answer =
        reason ??
        (await withSystem(system, (worker) => measure(worker, system.name, rows)).catch((error: Error) =>
          failureOf(error),
        ));
      own.push(answer);
      console.error(
        `   ${system.name}, ${rows} steps: ${typeof answer === "string" ? answer : `${answer.firstChartMs.toFixed(0)} ms`}`,
      );
    }
  }
} finally {
  await browser.close();
}
report();

async function measure(worker: Worker, system: string, rows: number): Promise<PageTimes> {
  const pool = makePool(KEYS, rows);
  const chartPage = CHART_PAGES[system] as ChartPage;
  try {
    // Memory is not what is asked for, and looking at it is work on the same cores.
    worker.sampleEvery(60_000);
    const runs = Array.from({ length: RUNS }, (_, run) => `run-${run}`);
    await worker.call(
      "fill",
      { pool: pool.path, runs, rows, spike: spikeOf(rows), seconds: FILL_SECONDS },
      FILL_SECONDS * 2 + 60,
    );
    const {
      url,
      path = chartPage.path,
      key,
    } = await worker.call<{ url: string; path?: string; key: string }>("page", {}, 120);
    const times: PageTimes[] = [];
    for (let turn = 0; turn < TIMES; turn++) {
      // An empty cache each time, as somebody has who comes by a link.
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      const page = await context.newPage();
      try {
        await chartPage.prepare?.(page, url, key);
        times.push(await visit(page, url + path, TIMEOUT_MS));
      } finally {
        if (PICTURES) {
          mkdirSync(PICTURES, { recursive: true });
          await page.screenshot({
            timeout: 5000,
            path: join(PICTURES, `${system.replaceAll(/\W+/g, "-")}-${rows}.png`),
          });
        }
        await context.close();
      }
    }
    return times.sort((a, b) => a.firstChartMs - b.firstChartMs)[times.length >> 1] as PageTimes;
  } finally {
    pool.remove();
  }
}

function report(): void {
  writeReport([
    {
      kind: "text",
      text: `${RUNS} runs × ${KEYS} keys, headless Chromium without a GPU, 1440 × 900, an empty cache; the median visit of ${TIMES}. A system whose filling would take longer than ${FILL_SECONDS} s, by the fastest way it has, is shown at smaller lengths. Frames: the time between two while the pointer is dragged to and fro over the first chart. ${systems
        .flatMap(({ name }) => (CHART_PAGES[name]?.shows ? [`${name}: ${CHART_PAGES[name].shows}.`] : []))
        .join(" ")}`,
    },
    tableOf(
      "From the start of navigation to the first chart with a curve: ms",
      ({ firstChartMs }) => firstChartMs,
    ),
    tableOf("Between frames while dragging, 95 of 100 are shorter: ms", ({ frames }) => frames.p95),
    tableOf("The longest frame: ms", ({ frames }) => frames.longest),
    tableOf("JavaScript heap after it: MB", ({ heapMb }) => heapMb),
    { kind: "text", text: losses() },
  ]);
}

/** At the greatest length. */
function losses(): string {
  const at = LENGTHS.length - 1;
  const valuesOf = (value: (times: PageTimes) => number) =>
    new Map(
      [...answers].flatMap(([name, own]) => {
        const times = own[at];
        return times && typeof times !== "string" ? [[name, value(times)] as const] : [];
      }),
    );
  const size = `${short(LENGTHS[at] ?? 0)} steps`;
  return lossesText([
    {
      measure: `the first chart, ${size}`,
      values: valuesOf(({ firstChartMs }) => firstChartMs),
      remedy: "less JavaScript before the first question, and the question in the page's own HTML",
    },
    {
      measure: `frames while dragging, ${size}`,
      values: valuesOf(({ frames }) => frames.p95),
      remedy: "fewer charts drawn again for a pointer that is over one of them",
    },
    {
      measure: `heap, ${size}`,
      values: valuesOf(({ heapMb }) => heapMb),
      remedy: "fewer buckets kept of charts that are out of sight",
    },
  ]);
}

function tableOf(title: string, value: (times: PageTimes) => number): TablePart {
  return {
    kind: "table",
    title,
    head: ["system", ...LENGTHS.map((length) => `${short(length)} steps`), "growth"],
    rows: systems.map(({ name }) => {
      const own = answers.get(name) ?? [];
      const points = own.map((answer, at): [number, number] => [
        LENGTHS[at] ?? 0,
        typeof answer === "string" ? Number.NaN : value(answer),
      ]);
      return [
        name,
        ...own.map((answer) => (typeof answer === "string" ? answer : short(value(answer)))),
        growthText(slopeOf(points)),
      ];
    }),
  };
}
