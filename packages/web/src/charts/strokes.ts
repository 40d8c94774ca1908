import type { Scale } from "./scale.ts";

/**
 * The hot path of painting: plain loops over typed arrays, nothing allocated per point.
 *
 * Without a GPU a line of one pixel of the device is painted some fifty times faster than a wider one, whose outline is
 * computed and filled (100 lines × 400 points: 3 ms, and 30 to 300). So everything here is such hairlines: a wider line is
 * several beside each other, a band is one upright line for each column of pixels.
 */
export interface Pen {
  context: CanvasRenderingContext2D;
  /** Pixels of the device in one of CSS. */
  ratio: number;
}

/** Just below a pixel of the device: what rounding makes of a whole one may be more. */
const HAIR = 0.999;

/** `values` in pixels: `from` is where the axis begins, `size` how far it goes, downwards below zero. NaN has no place. */
export function placed(
  values: Float64Array,
  scale: Scale,
  from: number,
  size: number,
  into: Float64Array,
): Float64Array {
  const places =
    into.length < values.length ? new Float64Array(values.length) : into.subarray(0, values.length);
  if (scale.log) {
    for (let at = 0; at < values.length; at++) places[at] = from + scale.at(values[at] as number) * size;
    return places;
  }
  const { min, max } = scale;
  const by = size / (max - min || 1);
  for (let at = 0; at < values.length; at++) places[at] = from + ((values[at] as number) - min) * by;
  return places;
}

/** How far a line goes up and down. */
export function travel(y: Float64Array): number {
  let sum = 0;
  for (let at = 1; at < y.length; at++) {
    const by = Math.abs((y[at] as number) - (y[at - 1] as number));
    if (by > 0) sum += by;
  }
  return sum;
}

/** A line through the points, in the context's colour; what has no place is a gap. */
export function strokeLine(
  { context, ratio }: Pen,
  x: Float64Array,
  y: Float64Array,
  lineWidth: number,
): void {
  const hairs = Math.max(1, Math.round(lineWidth * ratio));
  const apart = hairs > 1 ? (lineWidth - 1 / ratio) / (hairs - 1) : 0;
  context.lineWidth = HAIR / ratio;
  let dots = 0;
  for (let hair = 0; hair < hairs; hair++) {
    const by = (hair - (hairs - 1) / 2) * apart;
    context.beginPath();
    let isDown = false;
    for (let at = 0; at < x.length; at++) {
      const py = (y[at] as number) + by;
      const px = x[at] as number;
      // Infinity - Infinity and NaN - NaN are NaN.
      if (py - py !== 0 || px - px !== 0) isDown = false;
      else if (isDown) context.lineTo(px, py);
      else if (isAlone(y, at)) dots++;
      else {
        context.moveTo(px, py);
        isDown = true;
      }
    }
    context.stroke();
  }
  if (dots > 0) fillDots(context, x, y);
}

/** A point with a gap on both sides would be no line at all: it is a dot. */
function isAlone(y: Float64Array, at: number): boolean {
  const next = y[at + 1] as number;
  return !Number.isFinite(next);
}

const DOT_PX = 3;

function fillDots(context: CanvasRenderingContext2D, x: Float64Array, y: Float64Array): void {
  context.beginPath();
  for (let at = 0; at < x.length; at++) {
    const [px, py] = [x[at] as number, y[at] as number];
    const before = y[at - 1] as number;
    if (!Number.isFinite(py) || !Number.isFinite(px) || Number.isFinite(before) || !isAlone(y, at)) continue;
    context.moveTo(px + DOT_PX, py);
    context.arc(px, py, DOT_PX, 0, 2 * Math.PI);
  }
  context.fill();
}

/** From `low` to `high`, between the points as the line goes; with a gap where either has no place. Up to `width` pixels. */
export function strokeBand(
  { context, ratio }: Pen,
  x: Float64Array,
  low: Float64Array,
  high: Float64Array,
  width: number,
): void {
  // Of a chart that is being zoomed most lies far beyond.
  const columns = Math.ceil(width * ratio);
  context.lineWidth = HAIR / ratio;
  context.beginPath();
  let column = Number.NaN;
  let top = 0;
  let bottom = 0;
  const put = () => {
    const px = (column + 0.5) / ratio;
    context.moveTo(px, top);
    context.lineTo(px, bottom);
  };
  const take = (at: number, above: number, below: number) => {
    if (at < 0 || at > columns) return;
    if (at !== column) {
      if (column - column === 0) put();
      column = at;
      top = above;
      bottom = below;
      return;
    }
    if (above < top) top = above;
    if (below > bottom) bottom = below;
  };
  let before = Number.NaN;
  let highBefore = 0;
  let lowBefore = 0;
  for (let at = 0; at < x.length; at++) {
    const px = (x[at] as number) * ratio;
    const above = high[at] as number;
    const below = low[at] as number;
    if (px - px !== 0 || above - above !== 0 || below - below !== 0) {
      before = Number.NaN;
      continue;
    }
    if (before - before === 0) {
      const end = Math.min(Math.floor(px), columns);
      for (let between = Math.max(0, Math.floor(before) + 1); between < end; between++) {
        const part = (between + 0.5 - before) / (px - before);
        take(between, highBefore + (above - highBefore) * part, lowBefore + (below - lowBefore) * part);
      }
    }
    take(Math.floor(px), above, below);
    before = px;
    highBefore = above;
    lowBefore = below;
  }
  if (column - column === 0) put();
  context.stroke();
}
