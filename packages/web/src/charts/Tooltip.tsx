import { Fragment, type RefObject, useLayoutEffect, useState } from "react";
import { t } from "../i18n/index.ts";
import { shortNumber } from "../ui/format.ts";
import { plotHeight, plotWidth, type XKind, xLabel } from "./draw.ts";
import { LineMark } from "./LineMark.tsx";
import type { Layout } from "./layout.ts";
import { type ChartLine, gapsText, kindsAt } from "./lines.ts";
import { nearestIndex } from "./smooth.ts";

const TOOLTIP_ROWS = 12;
/** As in workspace.css: one column of charts. */
const NARROW_PX = 720;

/** Of the window. */
export interface Point {
  x: number;
  y: number;
}

/** The lines near the pointer, or near the x that keys chose. */
export function Tooltip({
  lines,
  layout,
  xKind,
  cursor,
  pointer: pointerNow,
  tell,
  box,
  smoothed,
}: {
  lines: ChartLine[];
  layout: Layout;
  xKind: XKind;
  /** x chosen by keys in this chart. */
  cursor: number | undefined;
  /** Where the pointer is when the tooltip comes; from then on `tell` is called with where it is. */
  pointer: RefObject<Point | undefined>;
  tell: RefObject<((pointer: Point | undefined) => void) | undefined>;
  box: RefObject<HTMLElement | null>;
  smoothed: boolean;
}) {
  const [pointed, setPointed] = useState(pointerNow.current);
  useLayoutEffect(() => {
    tell.current = setPointed;
    return () => {
      tell.current = undefined;
    };
  }, [tell]);
  const bounds = pointed || cursor !== undefined ? box.current?.getBoundingClientRect() : undefined;
  if (!bounds) return null;
  const { frame, xs } = layout;
  const width = plotWidth(frame);
  const at = pointed ? (pointed.x - bounds.left - frame.left) / width : Number.NaN;
  const x = cursor ?? (at >= 0 && at <= 1 ? xs.value(at) : undefined);
  if (x === undefined) return null;
  const pointer = pointed ?? {
    x: bounds.left + frame.left + xs.at(x) * width,
    y: bounds.top + bounds.height / 3,
  };
  const height = plotHeight(layout.frame);
  const pointerAt = 1 - (pointer.y - bounds.top - layout.frame.top) / height;
  const near: { line: ChartLine; at: number; value: number; distance: number }[] = [];
  for (const [index, line] of lines.entries()) {
    const at = nearestIndex(line.answer.xLast, x);
    const value = at < 0 ? Number.NaN : (layout.drawn[index]?.y[at] ?? Number.NaN);
    // A run that ended long before this x has nothing to say here.
    if (at < 0 || Math.abs(layout.xs.at(line.answer.xLast[at] ?? 0) - layout.xs.at(x)) > 0.05) continue;
    near.push({ line, at, value, distance: Math.abs(layout.ys.at(value) - pointerAt) });
  }
  if (near.length === 0) return null;
  const nearest = near.reduce((best, one) => (one.distance < best.distance ? one : best));
  // What has no place among the values stands last.
  near.sort((a, b) => (Number.isNaN(a.value) ? 1 : Number.isNaN(b.value) ? -1 : b.value - a.value));
  // The nearest in the middle, as far as the list has something on both sides.
  const first = Math.min(near.indexOf(nearest) - TOOLTIP_ROWS / 2, near.length - TOOLTIP_ROWS);
  const shown = near.slice(Math.max(0, first)).slice(0, TOOLTIP_ROWS);
  const right = pointer.x > bounds.left + bounds.width / 2;
  const nearX = nearest.line.answer.xLast[nearest.at] ?? x;
  return (
    <div
      className="chart-tooltip"
      style={
        // A narrow screen has no room beside a finger.
        window.innerWidth < NARROW_PX
          ? { top: "100%", left: 0, right: 0, maxWidth: "none" }
          : {
              top: Math.max(0, Math.min(pointer.y - bounds.top - 20, bounds.height - 40)),
              ...(right ? { right: bounds.right - pointer.x + 14 } : { left: pointer.x - bounds.left + 14 }),
            }
      }
    >
      <div className="muted mono">
        {xKind === "wall"
          ? new Date(nearX * 1000).toLocaleString(document.documentElement.lang)
          : xLabel(nearX, xKind, layout.xs, String)}
      </div>
      {shown.map(({ line, at, value }, row) => {
        const { answer } = line;
        const gaps = gapsText(kindsAt(answer, at));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines pass through the rows with each move: a row gets other words
          <Fragment key={row}>
            <div className={line === nearest.line ? "row nearest" : "row"}>
              <LineMark colour={line.colour} dash={line.dash} />
              <span className="name">{line.label}</span>
              <span className="mono">{shortNumber(value)}</span>
              {smoothed && <span className="mono muted">{shortNumber(answer.last[at] ?? Number.NaN)}</span>}
            </div>
            {line.group && (
              <div className="mono muted bucket">
                {t(answer.exact ? "group.runs" : "group.hover", {
                  min: shortNumber(answer.min[at] ?? Number.NaN),
                  max: shortNumber(answer.max[at] ?? Number.NaN),
                  count: answer.count[at] ?? 0,
                })}
              </div>
            )}
            {!line.group && !answer.exact && line === nearest.line && (
              <div className="mono muted bucket">
                {t("chart.bucket", {
                  min: shortNumber(answer.min[at] ?? Number.NaN),
                  max: shortNumber(answer.max[at] ?? Number.NaN),
                  count: answer.count[at] ?? 0,
                })}
                {gaps && `, ${gaps}`}
              </div>
            )}
          </Fragment>
        );
      })}
      {near.length > shown.length && (
        <div className="muted">{t("chart.more", { count: near.length - shown.length })}</div>
      )}
    </div>
  );
}
