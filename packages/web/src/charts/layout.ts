import { axisNumber } from "../ui/format.ts";
import { type Frame, yTicks } from "./draw.ts";
import type { Domain, DomainOptions, DrawnLine } from "./lines.ts";
import { makeScale, paddedDomain, type Scale } from "./scale.ts";

export interface Layout {
  frame: Frame;
  xs: Scale;
  ys: Scale;
  drawn: DrawnLine[];
}

/** Of the font of axes, at most. */
const DIGIT_PX = 6.6;

export function layoutOf(
  drawn: DrawnLine[],
  domain: Domain,
  size: { width: number; height: number },
  { range, yRange, logX, logY }: DomainOptions,
): Layout {
  const [xMin, xMax] = domain.x;
  const [low, high] = yRange ?? paddedDomain(domain.y[0], domain.y[1], logY);
  const [from, to] =
    range ?? (xMin < xMax ? [xMin, xMax] : Number.isFinite(xMin) ? [xMin - 1, xMin + 1] : [0, 1]);
  const ys = makeScale(low, high, logY);
  const xs = makeScale(logX ? Math.max(from, Number.isFinite(xMin) ? xMin : 1) : from, to, logX && to > 0);
  const room = { ...size, right: 10, top: 6, bottom: 20 };
  const longest = Math.max(0, ...yTicks(ys, room).map((tick) => axisNumber(tick).length));
  const frame = { ...room, left: Math.min(64, Math.max(30, longest * DIGIT_PX + 12)) };
  return { frame, xs, ys, drawn };
}
