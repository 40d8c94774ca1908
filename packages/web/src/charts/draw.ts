import { DASHES } from "./dashes.ts";
import { type DrawnLine, kindsAt } from "./lines.ts";
import { atLeastTwo, durationLabel, durationTicks, linearTicks, logTicks, type Scale } from "./scale.ts";
import type { Context } from "./show.ts";
import { type Pen, placed, strokeBand, strokeLine, travel } from "./strokes.ts";

/** What a chart is painted of: our own strokes on a 2D canvas, the lines themselves in `strokes.ts`. */
export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Ink {
  grid: string;
  text: string;
  accent: string;
  font: string;
}

/** Of the theme that the page has now. */
export function pageInk(): Ink {
  const style = getComputedStyle(document.documentElement);
  return {
    grid: style.getPropertyValue("--hairline"),
    text: style.getPropertyValue("--muted"),
    accent: style.getPropertyValue("--accent"),
    font: `11px ${style.getPropertyValue("--font")}`,
  };
}

export type XKind = "step" | "relative" | "relative-wall" | "wall" | "key";

export function plotWidth(frame: Frame): number {
  return frame.width - frame.left - frame.right;
}
export function plotHeight(frame: Frame): number {
  return frame.height - frame.top - frame.bottom;
}

export function yTicks(ys: Scale, frame: Pick<Frame, "height" | "top" | "bottom">): number[] {
  const height = frame.height - frame.top - frame.bottom;
  return ys.log
    ? logTicks(ys.min, ys.max, 5)
    : linearTicks(ys.min, ys.max, Math.max(2, Math.floor(height / 40)));
}

export function drawAxes(
  context: Context,
  frame: Frame,
  xs: Scale,
  ys: Scale,
  kind: XKind,
  ink: Ink,
  number: (value: number) => string,
): void {
  context.font = ink.font;
  context.lineWidth = 1;
  context.strokeStyle = ink.grid;
  context.fillStyle = ink.text;
  context.textBaseline = "middle";
  const bottom = frame.height - frame.bottom;
  context.textAlign = "right";
  for (const tick of yTicks(ys, frame)) {
    const y = Math.round(bottom - ys.at(tick) * plotHeight(frame)) + 0.5;
    context.beginPath();
    context.moveTo(frame.left, y);
    context.lineTo(frame.width - frame.right, y);
    context.stroke();
    context.fillText(number(tick), frame.left - 6, y);
  }
  const wanted = Math.max(2, Math.floor(plotWidth(frame) / 80));
  const timed = kind === "relative" || kind === "relative-wall" || kind === "wall";
  const ticks = xs.log ? logTicks : timed ? durationTicks : linearTicks;
  const xTicks = atLeastTwo((count) => ticks(xs.min, xs.max, count), wanted);
  context.textBaseline = "top";
  for (const tick of xTicks) {
    const x = frame.left + xs.at(tick) * plotWidth(frame);
    const text = xLabel(tick, kind, xs, number);
    const half = context.measureText(text).width / 2;
    context.textAlign = "center";
    context.fillText(text, Math.min(Math.max(x, frame.left + half - 8), frame.width - half - 2), bottom + 5);
  }
}

export function xLabel(value: number, kind: XKind, scale: Scale, number: (value: number) => string): string {
  if (kind === "relative" || kind === "relative-wall") return durationLabel(value);
  if (kind !== "wall") return number(value);
  const date = new Date(value * 1000);
  const span = scale.max - scale.min;
  if (span > 3 * 86_400)
    return date.toLocaleDateString(document.documentElement.lang, { month: "short", day: "numeric" });
  return date.toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
    ...(span < 600 ? { second: "2-digit" } : {}),
  });
}

export interface LineInk {
  /** How opaque bands are; 0: none. */
  band: number;
  /** Whether what leaps out of a bucket is drawn as a line. */
  spikes: boolean;
  /** Of lines, in CSS pixels. */
  width: number;
  /** How opaque lines are that fill their place with going up and down. */
  noise: number;
}

/** Reused from line to line. */
const scratch = Array.from({ length: 4 }, () => new Float64Array(4096)) as [
  Float64Array,
  Float64Array,
  Float64Array,
  Float64Array,
];

export function drawLine(pen: Pen, frame: Frame, xs: Scale, ys: Scale, line: DrawnLine, ink: LineInk): void {
  const { context } = pen;
  const bottom = frame.height - frame.bottom;
  const width = plotWidth(frame);
  const height = plotHeight(frame);
  const down = (values: Float64Array, into: Float64Array) => placed(values, ys, bottom, -height, into);
  context.strokeStyle = line.colour;
  context.fillStyle = line.colour;
  context.lineJoin = "bevel";
  const x = placed(line.x, xs, frame.left, width, scratch[0]);
  const y = down(line.y, scratch[1]);
  if (ink.band > 0 && !line.exact) {
    const low = down(line.min, scratch[2]);
    // Below a log axis is below the plot.
    for (let at = 0; at < low.length; at++) if (Number.isNaN(low[at])) low[at] = bottom;
    context.globalAlpha = line.faded ? ink.band / 4 : ink.band;
    strokeBand(pen, x, low, down(line.max, scratch[3]), frame.width);
  }
  if (ink.spikes && !line.exact) {
    context.globalAlpha = line.faded ? 0.1 : 0.6;
    drawSpikes(context, frame, xs, ys, line);
  }
  if (line.original) {
    context.globalAlpha = line.faded ? 0.06 : 0.22;
    strokeLine(pen, x, down(line.original, scratch[2]), 1);
  }
  const isNoisy = travel(y) > NOISY * width;
  context.globalAlpha = line.faded ? 0.2 : isNoisy ? ink.noise : 1;
  if (line.dash > 0) context.setLineDash(DASHES[line.dash] as number[]);
  strokeLine(pen, x, y, isNoisy ? 1 : ink.width);
  if (line.dash > 0) context.setLineDash([]);
  drawMarks(context, frame, xs, ys, line);
  context.globalAlpha = 1;
}

/** Pixels that a line goes up and down for each that it goes on: above it, it fills its place, and is drawn lighter. */
const NOISY = 10;

/** Of the mean extent of a line's buckets, and of the height of the plot: what is more on both is a spike. */
const SPIKE_OF_MEAN = 6;
const SPIKE_OF_PLOT = 0.04;

/** One step that leaps out of a long run is a pixel of a faint band: it is drawn as a line, so that it is seen. */
function drawSpikes(context: Context, frame: Frame, xs: Scale, ys: Scale, { x, min, max }: DrawnLine): void {
  let sum = 0;
  let buckets = 0;
  for (let at = 0; at < x.length; at++) {
    const extent = ys.at(max[at] as number) - ys.at(min[at] as number);
    if (!(extent >= 0)) continue;
    sum += extent;
    buckets++;
  }
  const least = Math.max(SPIKE_OF_PLOT, (SPIKE_OF_MEAN * sum) / buckets);
  const bottom = frame.height - frame.bottom;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = 0; at < x.length; at++) {
    const low = ys.at(min[at] as number);
    const high = ys.at(max[at] as number);
    if (!(high - low > least)) continue;
    const px = frame.left + xs.at(x[at] as number) * plotWidth(frame);
    context.moveTo(px, bottom - low * plotHeight(frame));
    context.lineTo(px, bottom - high * plotHeight(frame));
  }
  context.stroke();
}

/**
 * Where a value is not finite: a triangle at the edge it left by, a diamond at the last finite value for NaN. A bucket has one
 * of each kind that is in it.
 */
export function drawMarks(context: Context, frame: Frame, xs: Scale, ys: Scale, line: DrawnLine): void {
  const { x, y, nonFinite } = line;
  const bottom = frame.height - frame.bottom;
  let before = bottom - 5;
  for (let at = 0; at < x.length; at++) {
    const py = bottom - ys.at(y[at] as number) * plotHeight(frame);
    if (Number.isFinite(py)) before = py;
    if (nonFinite[at] === 0) continue;
    const px = frame.left + xs.at(x[at] as number) * plotWidth(frame);
    if (!Number.isFinite(px)) continue;
    const { nan, infinite, negativeInfinite } = kindsAt(line, at);
    context.beginPath();
    if (infinite > 0) triangle(context, px, frame.top, 7);
    if (negativeInfinite > 0) triangle(context, px, bottom, -7);
    if (nan > 0) {
      const middle = Math.min(Math.max(before, frame.top + 4), bottom - 4);
      context.moveTo(px, middle - 4);
      context.lineTo(px + 4, middle);
      context.lineTo(px, middle + 4);
      context.lineTo(px - 4, middle);
    }
    context.fill();
  }
}

/** Its tip at (x, y); `size` below zero hangs it the other way up. */
function triangle(context: Context, x: number, y: number, size: number): void {
  context.moveTo(x, y);
  context.lineTo(x + Math.abs(size) * 0.6, y + size);
  context.lineTo(x - Math.abs(size) * 0.6, y + size);
}

/** On the edge that values lie beyond: they are clipped, not gone. */
export function drawOutside(
  context: Context,
  frame: Frame,
  { above, below }: { above: number; below: number },
  ink: Ink,
): void {
  context.fillStyle = ink.text;
  const x = frame.width - frame.right - 6;
  for (const [count, y, size] of [
    [above, frame.top, 7],
    [below, frame.height - frame.bottom, -7],
  ] as const) {
    if (count === 0) continue;
    context.beginPath();
    triangle(context, x, y, size);
    context.closePath();
    context.fill();
  }
}
