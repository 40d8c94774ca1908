import type { Page } from "playwright-core";

/** How a system's page of charts is come to. */
export interface ChartPage {
  /** From the address its server is at to the page of charts. */
  path: string;
  /** Before the clock runs: sign in, dismiss what greets a first visitor. */
  prepare?(page: Page, url: string, key: string): Promise<void>;
  /** What of the page is shown, where it is less than ten charts of all runs. */
  shows?: string;
}

export const CHART_PAGES: Record<string, ChartPage> = {
  "Steelyard, wire": {
    path: "/admin/bench",
    async prepare(page, url, key) {
      await page.goto(`${url}/login`);
      await page.getByLabel("API key").fill(key);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL("**/home");
    },
  },
  "MLflow, SQLite": { path: "/#/experiments/1/runs?compareRunsMode=CHART", shows: "its newest ten runs" },
  Aim: { path: "", shows: "ten charts of one run: its page of many runs waits for a query" },
  Trackio: { path: "/?project=bench" },
  TensorBoard: { path: "/#timeseries" },
};

export interface PageTimes {
  /** From the start of navigation to the first chart with a curve, milliseconds. */
  firstChartMs: number;
  /** Between two frames while the pointer is dragged over the chart. */
  frames: { p50: number; p95: number; longest: number };
  /** Of JavaScript, after all that. */
  heapMb: number;
}

/** Open the page as a visitor with an empty cache does; throws when no chart comes within `timeoutMs`. */
export async function visit(page: Page, url: string, timeoutMs: number): Promise<PageTimes> {
  const began = performance.now();
  await page.goto(url, { waitUntil: "commit", timeout: timeoutMs });
  const found = await page.waitForFunction(drawnChart, undefined, { polling: "raf", timeout: timeoutMs });
  const firstChartMs = performance.now() - began;
  const box = (await found.jsonValue()) as Box;
  // A page that waits for news has a question open for ever.
  await page.waitForLoadState("networkidle", { timeout: 4_000 }).catch(() => {});
  const frames = await framesWhileDragging(page, box);
  const heap = await page.evaluate(
    () => (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? 0,
  );
  return { firstChartMs, frames, heapMb: heap / 2 ** 20 };
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where the first chart with a curve is, once there is one: a path of many points, or a canvas that is not blank. Runs in the page. */
function drawnChart(): Box | undefined {
  const large = (element: Element) => {
    const { width, height, top } = element.getBoundingClientRect();
    return width > 100 && height > 80 && top < innerHeight;
  };
  const hasCurve = (svg: Element) =>
    [...svg.querySelectorAll("path, polyline")].some((line) => {
      const points = line.getAttribute("d") ?? line.getAttribute("points") ?? "";
      return points.length > 300 && line.getBoundingClientRect().width > 50;
    });
  const isPainted = (canvas: HTMLCanvasElement) => {
    try {
      // A small copy is enough to see whether there is anything.
      const copy = new OffscreenCanvas(64, 64);
      const context = copy.getContext("2d", { willReadFrequently: true });
      context?.drawImage(canvas, 0, 0, 64, 64);
      const pixels = context?.getImageData(0, 0, 64, 64).data ?? [];
      let painted = 0;
      for (let at = 3; at < pixels.length; at += 4) if ((pixels[at] ?? 0) > 0) painted++;
      return painted > 20;
    } catch {
      return false;
    }
  };
  const roots: ParentNode[] = [document];
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
    for (const svg of root.querySelectorAll("svg")) if (large(svg) && hasCurve(svg)) return boxOf(svg);
    for (const canvas of root.querySelectorAll("canvas"))
      if (large(canvas) && isPainted(canvas)) return boxOf(canvas);
  }
  return undefined;

  function boxOf(element: Element): Box {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  }
}

async function framesWhileDragging(page: Page, { x, y, width, height }: Box): Promise<PageTimes["frames"]> {
  await page.evaluate(() => {
    const times: number[] = [];
    (globalThis as unknown as { benchFrames: number[] }).benchFrames = times;
    const frame = (now: number) => {
      times.push(now);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const across = (share: number) => x + width * (0.2 + 0.6 * share);
  for (let stroke = 0; stroke < 3; stroke++) {
    await page.mouse.move(across(0), y + height / 2);
    await page.mouse.down();
    for (let step = 0; step <= 40; step++) {
      await page.mouse.move(across(step / 40), y + height / 2 + Math.sin(step / 5) * 10);
      await page.waitForTimeout(8);
    }
    await page.mouse.up();
  }
  const times = await page.evaluate(() => (globalThis as unknown as { benchFrames: number[] }).benchFrames);
  const gaps = times.slice(1).map((time, at) => time - (times[at] ?? time));
  gaps.sort((a, b) => a - b);
  const at = (share: number) =>
    gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), longest: at(1) };
}
