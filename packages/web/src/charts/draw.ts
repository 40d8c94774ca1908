import { DASHES } from "./dashes.ts";
import type { DrawnLine } from "./lines.ts";
import { atLeastTwo, durationLabel, durationTicks, linearTicks, logTicks, type Scale } from "./scale.ts";

/**
 * The hot path of the page: plain loops over typed arrays, one path per line, nothing allocated per point. Our own strokes
 * on a 2D canvas: two to five times less raster time than a chart library's, and no GPU needed.
 */
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
  context: CanvasRenderingContext2D,
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

/** How opaque bands are (0: none), and lines that fill their place with going up and down. */
export interface LineInk {
  band: number;
  noise: number;
}

export function drawLine(
  context: CanvasRenderingContext2D,
  frame: Frame,
  xs: Scale,
  ys: Scale,
  line: DrawnLine,
  ink: LineInk,
): void {
  const bottom = frame.height - frame.bottom;
  const width = plotWidth(frame);
  const height = plotHeight(frame);
  context.strokeStyle = line.colour;
  context.fillStyle = line.colour;
  context.lineJoin = "round";
  if (ink.band > 0 && !line.exact) {
    context.globalAlpha = line.faded ? ink.band / 4 : ink.band;
    drawBand(context, frame, xs, ys, line);
    context.globalAlpha = line.faded ? 0.1 : 0.6;
    drawSpikes(context, frame, xs, ys, line);
  }
  if (line.original) {
    context.globalAlpha = line.faded ? 0.06 : 0.22;
    stroke(line.x, line.original, 1);
  }
  const noisy = travel(line.y, ys) * height > NOISY * width;
  context.globalAlpha = line.faded ? 0.2 : noisy ? ink.noise : 1;
  if (line.dash > 0) context.setLineDash(DASHES[line.dash] as number[]);
  stroke(line.x, line.y, noisy ? 1 : 1.5);
  if (line.dash > 0) context.setLineDash([]);
  drawMarks(context, frame, xs, ys, line);
  context.globalAlpha = 1;

  function stroke(x: Float64Array, y: Float64Array, lineWidth: number): void {
    context.lineWidth = lineWidth;
    context.beginPath();
    let pen = false;
    for (let at = 0; at < x.length; at++) {
      const py = bottom - ys.at(y[at] as number) * height;
      if (!Number.isFinite(py)) {
        pen = false;
        continue;
      }
      const px = frame.left + xs.at(x[at] as number) * width;
      if (pen) {
        context.lineTo(px, py);
        continue;
      }
      // A point with a gap on both sides would be no line at all: it is a dot.
      const next = bottom - ys.at(y[at + 1] as number) * height;
      if (!Number.isFinite(next)) {
        context.moveTo(px + 2.5, py);
        context.arc(px, py, 2.5, 0, 2 * Math.PI);
      } else {
        context.moveTo(px, py);
        pen = true;
      }
    }
    context.stroke();
  }
}

/** Pixels that a line goes up and down for each that it goes on: above it, it fills its place, and is drawn lighter. */
const NOISY = 10;

/** How far a line goes up and down, in heights of the plot. */
function travel(y: Float64Array, ys: Scale): number {
  let sum = 0;
  let before = Number.NaN;
  for (let at = 0; at < y.length; at++) {
    const here = ys.at(y[at] as number);
    const by = Math.abs(here - before);
    if (by > 0) sum += by;
    before = here;
  }
  return sum;
}

function drawBand(
  context: CanvasRenderingContext2D,
  frame: Frame,
  xs: Scale,
  ys: Scale,
  line: DrawnLine,
): void {
  const bottom = frame.height - frame.bottom;
  const width = plotWidth(frame);
  const height = plotHeight(frame);
  const { x, min, max } = line;
  let from = 0;
  while (from < x.length) {
    // One closed shape per stretch without a gap.
    while (from < x.length && !Number.isFinite(ys.at(max[from] as number))) from++;
    let to = from;
    while (to < x.length && Number.isFinite(ys.at(max[to] as number))) to++;
    if (to > from) {
      context.beginPath();
      for (let at = from; at < to; at++)
        context.lineTo(
          frame.left + xs.at(x[at] as number) * width,
          bottom - ys.at(max[at] as number) * height,
        );
      for (let at = to - 1; at >= from; at--) {
        const low = ys.at(min[at] as number);
        context.lineTo(
          frame.left + xs.at(x[at] as number) * width,
          bottom - (Number.isFinite(low) ? low : 0) * height,
        );
      }
      context.closePath();
      context.fill();
    }
    from = to;
  }
}

/** Of the mean extent of a line's buckets, and of the height of the plot: what is more on both is a spike. */
const SPIKE_OF_MEAN = 6;
const SPIKE_OF_PLOT = 0.04;

/** One step that leaps out of a long run is a pixel of a faint band: it is drawn as a line, so that it is seen. */
function drawSpikes(
  context: CanvasRenderingContext2D,
  frame: Frame,
  xs: Scale,
  ys: Scale,
  { x, min, max }: DrawnLine,
): void {
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

/** Where a value is not finite: a triangle at the edge it left by, a diamond at the last finite value for NaN. */
function drawMarks(
  context: CanvasRenderingContext2D,
  frame: Frame,
  xs: Scale,
  ys: Scale,
  line: DrawnLine,
): void {
  const { x, y, nonFinite, last } = line;
  const bottom = frame.height - frame.bottom;
  let before = bottom - 5;
  for (let at = 0; at < x.length; at++) {
    const py = bottom - ys.at(y[at] as number) * plotHeight(frame);
    if (Number.isFinite(py)) before = py;
    if (nonFinite[at] === 0) continue;
    const px = frame.left + xs.at(x[at] as number) * plotWidth(frame);
    if (!Number.isFinite(px)) continue;
    context.beginPath();
    if (last[at] === Number.POSITIVE_INFINITY) triangle(context, px, frame.top, 7);
    else if (last[at] === Number.NEGATIVE_INFINITY) triangle(context, px, bottom, -7);
    else {
      const middle = Math.min(Math.max(before, frame.top + 4), bottom - 4);
      context.moveTo(px, middle - 4);
      context.lineTo(px + 4, middle);
      context.lineTo(px, middle + 4);
      context.lineTo(px - 4, middle);
    }
    context.closePath();
    context.fill();
  }
}

/** Its tip at (x, y); `size` below zero hangs it the other way up. */
function triangle(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.moveTo(x, y);
  context.lineTo(x + Math.abs(size) * 0.6, y + size);
  context.lineTo(x - Math.abs(size) * 0.6, y + size);
}

/** On the edge that values lie beyond: they are clipped, not gone. */
export function drawOutside(
  context: CanvasRenderingContext2D,
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
