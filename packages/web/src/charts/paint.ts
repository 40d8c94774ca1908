import { axisNumber } from "../ui/format.ts";
import {
  drawAxes,
  drawLine,
  drawOutside,
  type LineInk,
  pageInk,
  plotHeight,
  plotWidth,
  type XKind,
} from "./draw.ts";
import type { Layout } from "./layout.ts";
import type { Domain, DomainOptions, DrawnLine } from "./lines.ts";
import { show } from "./show.ts";

/** What a chart shows. */
export interface Picture {
  layout: Layout;
  size: { width: number; height: number };
  xKind: XKind;
  options: DomainOptions;
  domain: Domain;
}

/** The lines of a picture, painted beside the page. */
interface Painted {
  canvas: HTMLCanvasElement;
  picture: Picture;
  ratio: number;
  /** Where its upper left corner belongs, in CSS pixels of the chart. */
  left: number;
  top: number;
  /** Of lines on both sides of the plot, for a chart that is being moved. */
  margin: number;
}

/** What all charts are painted on, one after the other. */
let _shared: HTMLCanvasElement | undefined;
/** Of charts that are being moved: what is seen of their lines is shifted, not painted anew. */
const moving = new WeakMap<HTMLCanvasElement, Painted>();

/** Points of lines painted in a slice: about a millisecond with script and raster, without a GPU. */
const SLICE = 4000;

/**
 * The picture that `latest` answers when it begins, painted in slices beside the page and shown when it is whole. Meanwhile
 * the chart shows what it did. `isMoved`: with room beside the plot, for `shift`.
 */
export function* painting(
  canvas: HTMLCanvasElement,
  latest: () => Picture,
  isMoved: boolean,
): Generator<undefined, void> {
  const picture = latest();
  const { layout, options } = picture;
  const { frame, xs, ys, drawn } = layout;
  _shared ??= document.createElement("canvas");
  const beside = isMoved ? document.createElement("canvas") : _shared;
  const margin = isMoved ? plotWidth(frame) : 0;
  const painted = placeBeside(beside, picture, margin);
  const { ratio } = painted;
  // Painted by the processor at once: a slice takes what its painting takes, and leaves nothing for the end of the frame.
  const context = beside.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  const own = ownFrame(painted);
  const ink = lineInk(drawn, options.band);
  const pen = { context, ratio };
  let points = 0;
  for (const line of [...drawn.filter(({ faded }) => faded), ...drawn.filter(({ faded }) => !faded)]) {
    if (points > SLICE) {
      points = 0;
      finish(context);
      yield;
    }
    drawLine(pen, own, xs, ys, line, ink);
    points += line.x.length * (Math.ceil(ink.width) + (ink.band > 0 && !line.exact ? 1 : 0));
  }
  finish(context);
  if (isMoved) {
    moving.set(canvas, painted);
    if (shift(canvas, latest())) return;
  }
  showLines(canvas, picture, painted, 0);
}

/** A chart that is moved shows its lines elsewhere, as far as they are painted; true if nothing is left to be painted. */
export function shift(canvas: HTMLCanvasElement, picture: Picture): boolean {
  const painted = moving.get(canvas);
  if (!painted || !isAlike(painted, picture)) return false;
  const { xs, frame, drawn } = picture.layout;
  const from = painted.picture.layout.xs;
  const by = ((from.min - xs.min) / (xs.max - xs.min)) * plotWidth(frame);
  showLines(canvas, picture, painted, Math.round(by * painted.ratio) / painted.ratio);
  return (
    Math.abs(by) <= painted.margin &&
    painted.picture.layout.drawn === drawn &&
    painted.picture.options.band === picture.options.band
  );
}

/** It stands still again. */
export function settle(canvas: HTMLCanvasElement): void {
  moving.delete(canvas);
}

/** The same plot but for where on the axis it is. */
function isAlike({ picture, ratio }: Painted, { layout, size }: Picture): boolean {
  const { xs, ys, frame } = layout;
  const before = picture.layout;
  return (
    ratio === pixelRatio() &&
    size.width === picture.size.width &&
    size.height === picture.size.height &&
    frame.left === before.frame.left &&
    !xs.log &&
    !before.xs.log &&
    Math.abs((xs.max - xs.min) / (before.xs.max - before.xs.min) - 1) < 1e-6 &&
    ys.log === before.ys.log &&
    ys.min === before.ys.min &&
    ys.max === before.ys.max
  );
}

function pixelRatio(): number {
  return window.devicePixelRatio || 1;
}

/** A dot on the edge is a whole one: what of the plot's surroundings lines may use, in CSS pixels. */
const EDGE = { x: 3, y: 2 };

/** From a whole pixel of the device on. */
function placeBeside(canvas: HTMLCanvasElement, picture: Picture, margin: number): Painted {
  const { frame } = picture.layout;
  const ratio = pixelRatio();
  const left = Math.floor((frame.left - EDGE.x - margin) * ratio) / ratio;
  const top = Math.floor((frame.top - EDGE.y) * ratio) / ratio;
  // Setting them clears it.
  canvas.width = Math.ceil((frame.left + plotWidth(frame) + EDGE.x + margin - left) * ratio);
  canvas.height = Math.ceil((frame.top + plotHeight(frame) + EDGE.y - top) * ratio);
  canvas.getContext("2d", { willReadFrequently: true })?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { canvas, picture, ratio, left, top, margin };
}

/** The plot's place on what its lines are painted on. */
function ownFrame({ canvas, picture, ratio, left, top }: Painted): Layout["frame"] {
  const { frame } = picture.layout;
  const [width, height] = [canvas.width / ratio, canvas.height / ratio];
  const own = { left: frame.left - left, top: frame.top - top };
  return {
    ...own,
    width,
    height,
    right: width - own.left - plotWidth(frame),
    bottom: height - own.top - plotHeight(frame),
  };
}

/** What was drawn is painted when someone looks at it. */
function finish(context: CanvasRenderingContext2D): void {
  context.getImageData(0, 0, 1, 1);
}

/** Axes, and the lines moved by so many CSS pixels. */
function showLines(canvas: HTMLCanvasElement, picture: Picture, painted: Painted, by: number): void {
  const { size, layout, xKind, domain } = picture;
  show(canvas, size, (context) => {
    const ink = pageInk();
    const { frame, xs, ys } = layout;
    drawAxes(context, frame, xs, ys, xKind, ink, axisNumber);
    context.save();
    context.beginPath();
    context.rect(
      frame.left - EDGE.x,
      frame.top - EDGE.y,
      plotWidth(frame) + 2 * EDGE.x,
      plotHeight(frame) + 2 * EDGE.y,
    );
    context.clip();
    const { canvas: lines, ratio } = painted;
    context.drawImage(lines, painted.left + by, painted.top, lines.width / ratio, lines.height / ratio);
    drawOutside(context, frame, domain, ink);
    context.restore();
  });
  markFirst();
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
