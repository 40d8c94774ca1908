import { axisNumber } from "../ui/format.ts";
import { drawAxes, drawLine, drawOutside, type LineInk, plotHeight, plotWidth, type XKind } from "./draw.ts";
import type { Layout } from "./layout.ts";
import type { Domain, DomainOptions, DrawnLine } from "./lines.ts";

/** The whole picture of a chart, anew. */
export function paint(
  canvas: HTMLCanvasElement,
  layout: Layout,
  {
    size,
    xKind,
    options,
    domain,
  }: { size: { width: number; height: number }; xKind: XKind; options: DomainOptions; domain: Domain },
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  const inks = {
    grid: style.getPropertyValue("--hairline"),
    text: style.getPropertyValue("--muted"),
    accent: style.getPropertyValue("--accent"),
    font: `11px ${style.getPropertyValue("--font")}`,
  };
  const { frame, xs, ys } = layout;
  drawAxes(context, frame, xs, ys, xKind, inks, axisNumber);
  context.save();
  context.beginPath();
  // A dot on the edge is a whole one.
  context.rect(frame.left - 3, frame.top - 2, plotWidth(frame) + 6, plotHeight(frame) + 4);
  context.clip();
  const ink = lineInk(layout.drawn, options.band);
  const pen = { context, ratio };
  for (const line of layout.drawn) if (line.faded) drawLine(pen, frame, xs, ys, line, ink);
  for (const line of layout.drawn) if (!line.faded) drawLine(pen, frame, xs, ys, line, ink);
  drawOutside(context, frame, domain, inks);
  context.restore();
  markFirst();
}

/** What painting it costs, in points: a band is as much again, and so is a line that is not as thin as it can be. */
export function costOf({ drawn }: Layout, isBand: boolean): number {
  const { band, width } = lineInk(drawn, isBand);
  return drawn.reduce(
    (sum, { x, exact }) => sum + x.length * (Math.ceil(width) + (band > 0 && !exact ? 1 : 0)),
    0,
  );
}

/** Whether any of it is in the window now. */
export function isSeen(element: Element | null): boolean {
  if (!element) return false;
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

/** Below this opacity nobody sees a band, and of so many lines they would take most of the painting. */
const FAINTEST_BAND = 0.01;
/** Of so many lines each is as thin as it can be. */
const THICK_LINES = 20;

/** A band has 15 % of its line's colour; of many over each other each has less, and noise too, so that they are no wall. */
function lineInk(drawn: readonly DrawnLine[], isBand: boolean): LineInk {
  const shown = drawn.filter(({ faded }) => !faded).length;
  const band = Math.min(0.15, 0.5 / Math.max(1, shown));
  return {
    band: isBand && band >= FAINTEST_BAND ? band : 0,
    width: shown > THICK_LINES ? 1 : 1.5,
    spikes: isBand,
    noise: shown > 2 ? 0.55 : 1,
  };
}

let marked = false;

/** When the first chart of this visit stood there, for whoever measures: `performance.getEntriesByName("first-chart")`. */
function markFirst(): void {
  if (marked) return;
  marked = true;
  performance.mark("first-chart");
}
