/**
 * Frames of a workspace of 30 charts × 100 runs while all 100 log a row a second: scrolled through, hovered over, and
 * panned. A frame is missed when the browser, which begins one each 60th of a second, begins none: its own times of them
 * are counted, for those of a script say when it was called within a frame. That depends on the machine's other work too,
 * so beside it stands what the page's main thread computed between two frames: 60 frames a second need less than 16.7 ms.
 * What the machine itself costs is in the first row: the same page, no run live and nothing moved.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Fixture, makeRun, noise, openFixture, signIn, stream } from "../e2e/browser.ts";
import { writeReport } from "./report/write.ts";

const quick = process.argv.includes("--quick");
const PROJECT = "frames";
const RUNS = 100;
const PANELS = 30;
const STEPS = quick ? 200 : 1000;
const FRAMES = quick ? 120 : 300;
const LIVE_EVERY_MS = 1000;
const FRAME_MS = 1000 / 60;

/** Milliseconds, by the browser's time of each frame and by the trace's clock. */
interface Frames {
  /** From one frame to the next, whole multiples of a frame. */
  gapsMs: number[];
  longTasksMs: number[];
  computedMs: number[];
  /** Of all processes of the browser. */
  browserMs: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  tdur?: number;
  args: { name?: string };
}

const fixture = await openFixture();
const wanders = Array.from({ length: RUNS }, (_, run) => noise(run));
let grown = STEPS;
let isLive = true;
try {
  const { page, server } = fixture;
  await signIn(fixture);
  for (let run = 0; run < RUNS; run++) {
    const keys = Array.from({ length: PANELS }, (_, key) => [
      `train/m${key}`,
      (step: number) => value(run, key, step),
    ]);
    await makeRun(server, PROJECT, {
      name: `r${run}`,
      displayName: `run ${run}`,
      steps: STEPS,
      keys: Object.fromEntries(keys) as Record<string, (step: number) => number>,
      running: true,
    });
  }
  await page.goto(`${server.url}/admin/${PROJECT}?max=${RUNS}`);
  await page.locator(".line-chart canvas").first().waitFor();
  await page.waitForLoadState("networkidle");
  const atRest = row("at rest, no run live", await during(fixture, resting));
  const live = grow(fixture);
  await sleep(2 * LIVE_EVERY_MS);
  const rows = [
    atRest,
    row("at rest", await during(fixture, resting)),
    row("scrolled through", await during(fixture, scrolling)),
    row("hovered over", await during(fixture, hovering)),
    row("one of them panned", await during(fixture, panning)),
  ];
  isLive = false;
  await live;
  writeReport([
    {
      kind: "table",
      title: `${PANELS} charts × ${RUNS} runs × ${STEPS} steps, ${RUNS} of them live, ${FRAMES} frames each; goal: 60 a second, and no task > 50 ms`,
      head: [
        "",
        "frames a second",
        "missed, of 300",
        "most missed at once",
        "computed, p50",
        "p95",
        "longest",
        "tasks > 50 ms",
        "browser CPU a frame",
      ],
      rows,
    },
  ]);
  fixture.checkErrors();
} finally {
  isLive = false;
  await fixture.close();
}

function value(run: number, key: number, step: number): number {
  return Math.exp(-step / 300) * (key + 1) + (wanders[run]?.(step + key) ?? 0) / 10;
}

/** Every run logs a row a second until told otherwise. */
async function grow({ server }: Fixture): Promise<void> {
  while (isLive) {
    const beganMs = performance.now();
    const step = grown++;
    await Promise.all(
      wanders.map((_, run) => {
        const row: Record<string, number> = { _step: step, _runtime: step, _timestamp: Date.now() / 1000 };
        for (let key = 0; key < PANELS; key++) row[`train/m${key}`] = value(run, key, step);
        const content = [JSON.stringify(row)];
        return stream(server, PROJECT, `r${run}`, {
          files: { "wandb-history.jsonl": { offset: step, content } },
        });
      }),
    );
    await sleep(Math.max(0, LIVE_EVERY_MS - (performance.now() - beganMs)));
  }
}

async function during(
  { page, browser }: Fixture,
  act: (page: Fixture["page"]) => Promise<void>,
): Promise<Frames> {
  const session = await browser.newBrowserCDPSession();
  const cpuMs = async () =>
    (await session.send("SystemInfo.getProcessInfo")).processInfo.reduce(
      (sum, { cpuTime }) => sum + cpuTime * 1000,
      0,
    );
  const before = await cpuMs();
  await browser.startTracing(page, { categories: ["toplevel", "blink.user_timing", "__metadata"] });
  await page.evaluate(() => {
    const kept = window as unknown as { gaps: number[]; long: number[]; measuring: boolean };
    Object.assign(kept, { gaps: [], long: [], measuring: true });
    const { long } = kept;
    const observer = new PerformanceObserver((list) => {
      if (kept.long !== long) return observer.disconnect();
      for (const { duration } of list.getEntries()) long.push(duration);
    });
    observer.observe({ type: "longtask" });
    let last = Number.NaN;
    const frame = (now: number) => {
      kept.gaps.push(now - last);
      last = now;
      performance.mark("frame");
      if (kept.measuring) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await act(page);
  const kept = await page.evaluate(() => {
    const kept = window as unknown as { gaps: number[]; long: number[]; measuring: boolean };
    kept.measuring = false;
    return { gaps: kept.gaps.slice(1), long: kept.long };
  });
  const browserMs = (await cpuMs()) - before;
  await session.detach();
  const trace = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] };
  return {
    gapsMs: kept.gaps,
    longTasksMs: kept.long,
    computedMs: computedBetween(trace.traceEvents),
    browserMs,
  };
}

/** Processor time of the main thread from each frame's mark to the next one's. */
function computedBetween(events: TraceEvent[]): number[] {
  const marks = events.filter(({ name }) => name === "frame").sort((a, b) => a.ts - b.ts);
  const [first] = marks;
  const tasks = events.filter(
    ({ name, ph, pid, tid }) =>
      ph === "X" && name.endsWith("RunTask") && pid === first?.pid && tid === first.tid,
  );
  const computed = new Array<number>(Math.max(0, marks.length - 1)).fill(0);
  let at = 0;
  for (const { ts, tdur = 0 } of tasks.sort((a, b) => a.ts - b.ts)) {
    while (at < computed.length && ts >= (marks[at + 1]?.ts ?? Number.POSITIVE_INFINITY)) at++;
    if (ts >= (first?.ts ?? 0) && at < computed.length) computed[at] = (computed[at] ?? 0) + tdur / 1000;
  }
  return computed;
}

function row(name: string, { gapsMs, longTasksMs, computedMs, browserMs }: Frames): string[] {
  const shares = (values: number[]) => {
    const sorted = [...values].sort((a, b) => a - b);
    return [0.5, 0.95, 1].map(
      (share) => `${(sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1)} ms`,
    );
  };
  const each = `${(browserMs / gapsMs.length).toFixed(1)} ms`;
  const allMs = gapsMs.reduce((sum, gap) => sum + gap, 0);
  const missed = gapsMs.map((gap) => Math.max(0, Math.round(gap / FRAME_MS) - 1));
  const missedInAll = missed.reduce((sum, count) => sum + count, 0);
  return [
    name,
    ((1000 * gapsMs.length) / allMs).toFixed(1),
    ((300 * missedInAll) / (gapsMs.length + missedInAll)).toFixed(0),
    String(Math.max(...missed)),
    ...shares(computedMs),
    String(longTasksMs.length),
    each,
  ];
}

/** Down and up again, as far as there is something. */
async function scrolling(page: Fixture["page"]): Promise<void> {
  await page.evaluate(async (frames) => {
    const scroller = document.querySelector(".panels-scroll") as HTMLElement;
    let by = 24;
    for (let frame = 0; frame < frames; frame++) {
      const before = scroller.scrollTop;
      scroller.scrollTop += by;
      if (scroller.scrollTop === before) by = -by;
      await new Promise(requestAnimationFrame);
    }
    scroller.scrollTop = 0;
  }, FRAMES);
}

async function resting(page: Fixture["page"]): Promise<void> {
  await page.evaluate(async (frames) => {
    for (let frame = 0; frame < frames; frame++) await new Promise(requestAnimationFrame);
  }, FRAMES);
}

async function hovering(page: Fixture["page"]): Promise<void> {
  const box = await page.locator(".line-chart").first().boundingBox();
  if (box) await pointing(page, 0, (move) => [box.x + 50 + ((move * 7) % (box.width - 60)), middleOf(box)]);
}

async function panning(page: Fixture["page"]): Promise<void> {
  const box = await page.locator(".line-chart").first().boundingBox();
  if (!box) return;
  const at = box.x + box.width / 2;
  await page.keyboard.down("Shift");
  await page.mouse.move(at, middleOf(box));
  await page.mouse.down();
  await pointing(page, 1, (move) => [at + 100 * Math.sin(move / 20), middleOf(box)]);
  await page.mouse.up();
  await page.keyboard.up("Shift");
}

function middleOf({ y, height }: { y: number; height: number }): number {
  return y + height / 2;
}

/** The pointer is somewhere else each 60th of a second, as a hand moves it: whatever the page makes of it. */
async function pointing(
  page: Fixture["page"],
  buttons: 0 | 1,
  at: (move: number) => [x: number, y: number],
): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const beganMs = performance.now();
  const taken: Promise<unknown>[] = [];
  for (let move = 0; move < FRAMES; move++) {
    const [x, y] = at(move);
    const held = buttons ? ({ button: "left", buttons, modifiers: 8 } as const) : {};
    taken.push(session.send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y, ...held }));
    await sleep(Math.max(0, beganMs + (move + 1) * FRAME_MS - performance.now()));
  }
  await Promise.all(taken);
  await session.detach();
}
