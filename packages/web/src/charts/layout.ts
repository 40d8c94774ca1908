import { shortNumber } from "../ui/format.ts";
import type { Frame } from "./draw.ts";
import type { Domain, DomainOptions, DrawnLine } from "./lines.ts";
import { makeScale, paddedDomain, type Scale } from "./scale.ts";

export interface Layout {
  frame: Frame;
  xs: Scale;
  ys: Scale;
  drawn: DrawnLine[];
}

export function layoutOf(
  drawn: DrawnLine[],
  domain: Domain,
  size: { width: number; height: number },
  { range, logX, logY }: DomainOptions,
): Layout {
  const [xMin, xMax] = domain.x;
  const [low, high] = paddedDomain(domain.y[0], domain.y[1], logY);
  const [from, to] =
    range ?? (xMin < xMax ? [xMin, xMax] : Number.isFinite(xMin) ? [xMin - 1, xMin + 1] : [0, 1]);
  const ys = makeScale(low, high, logY);
  const xs = makeScale(logX ? Math.max(from, Number.isFinite(xMin) ? xMin : 1) : from, to, logX && to > 0);
  const labelWidth =
    Math.max(
      ...[low, high, (low + high) / 2].map((value) => shortNumber(Number(value.toPrecision(3))).length),
    ) * 6.4;
  const frame = { ...size, left: Math.min(64, Math.max(30, labelWidth + 12)), right: 10, top: 6, bottom: 20 };
  return { frame, xs, ys, drawn };
}
