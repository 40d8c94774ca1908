import type { SeriesAnswer } from "@steelyard/protocol/series";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { t } from "../i18n/index.ts";
import { useTheme } from "../theme/theme.ts";
import { shortNumber } from "../ui/format.ts";
import { hoverX, useHoverX } from "./crosshair.ts";
import {
  type DrawnLine,
  drawAxes,
  drawLine,
  type Frame,
  plotHeight,
  plotWidth,
  type XKind,
  xLabel,
} from "./draw.ts";
import { makeScale, paddedDomain, type Scale } from "./scale.ts";
import { nearestIndex, smoothTimeWeighted } from "./smooth.ts";
import "./charts.css";

export interface ChartLine {
  id: string;
  label: string;
  colour: string;
  answer: SeriesAnswer;
}

export interface LineChartProps {
  title: string;
  lines: ChartLine[];
  xKind: XKind;
  logX: boolean;
  logY: boolean;
  /** 0 … 1. */
  smoothing: number;
  band: boolean;
  /** Range that was asked for; undefined = everything. */
  range: [number, number] | undefined;
  onZoom: (range: [number, number] | undefined) => void;
  /** A run pointed at elsewhere; the others fade. */
  emphasised?: string | undefined;
}

interface Layout {
  frame: Frame;
  xs: Scale;
  ys: Scale;
  drawn: DrawnLine[];
}

const TOOLTIP_ROWS = 12;

export function LineChart(props: LineChartProps) {
  const { title, lines, xKind, logX, logY, smoothing, band, range, onZoom, emphasised } = props;
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<{ width: number; height: number }>({ width: 0, height: 0 });
  const [pointer, setPointer] = useState<{ x: number; y: number }>();
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const sharedX = useHoverX(xKind);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    setSize({ width: element.clientWidth, height: element.clientHeight });
    return () => observer.disconnect();
  }, []);

  const drawn = useMemo(
    () =>
      lines.map(({ id, colour, answer }): DrawnLine => {
        const y = smoothing > 0 ? smoothTimeWeighted(answer.xLast, answer.mean, smoothing) : answer.mean;
        return {
          colour,
          x: answer.xLast,
          y,
          ...(smoothing > 0 ? { original: answer.mean } : {}),
          min: answer.min,
          max: answer.max,
          exact: answer.exact,
          faded: emphasised !== undefined && emphasised !== id,
        };
      }),
    [lines, smoothing, emphasised],
  );

  const layout = useMemo(
    () => (size.width > 0 ? layoutOf(drawn, size, { range, logX, logY, band }) : undefined),
    [drawn, size, range, logX, logY, band],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other inks
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !layout || !canvas.current) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = Math.round(size.width * ratio);
    canvas.current.height = Math.round(size.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(document.documentElement);
    const ink = {
      grid: style.getPropertyValue("--hairline"),
      text: style.getPropertyValue("--muted"),
      accent: style.getPropertyValue("--accent"),
      font: `11px ${style.getPropertyValue("--font")}`,
    };
    const { frame, xs, ys } = layout;
    drawAxes(context, frame, xs, ys, xKind, ink, shortNumber);
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top - 2, plotWidth(frame), plotHeight(frame) + 4);
    context.clip();
    for (const line of layout.drawn) if (line.faded) drawLine(context, frame, xs, ys, line, band);
    for (const line of layout.drawn) if (!line.faded) drawLine(context, frame, xs, ys, line, band);
    context.restore();
  }, [layout, size, xKind, band, theme]);

  const valueAt = useCallback(
    (clientX: number): number | undefined => {
      const bounds = box.current?.getBoundingClientRect();
      if (!bounds || !layout) return undefined;
      const at = (clientX - bounds.left - layout.frame.left) / plotWidth(layout.frame);
      return at < 0 || at > 1 ? undefined : layout.xs.value(at);
    },
    [layout],
  );

  const shownX = sharedX ?? (pointer ? valueAt(pointer.x) : undefined);
  const crossAt =
    shownX !== undefined && layout
      ? layout.frame.left + layout.xs.at(shownX) * plotWidth(layout.frame)
      : undefined;
  const points = lines.reduce((sum, { answer }) => sum + answer.points, 0);
  const exact = lines.every(({ answer }) => answer.exact);
  const summary = exact
    ? t("chart.exact")
    : t("chart.summarised", {
        points,
        buckets: lines.reduce((sum, { answer }) => sum + answer.xLast.length, 0),
      });

  return (
    <div
      ref={box}
      className="line-chart"
      role="img"
      aria-label={t("chart.label", { key: title, count: lines.length, summary })}
      onPointerMove={(event) => {
        setPointer({ x: event.clientX, y: event.clientY });
        const value = valueAt(event.clientX);
        hoverX(xKind, value);
        if (drag && value !== undefined) setDrag({ from: drag.from, to: value });
      }}
      onPointerLeave={() => {
        setPointer(undefined);
        hoverX(xKind, undefined);
      }}
      onPointerDown={(event) => {
        const value = valueAt(event.clientX);
        if (event.button !== 0 || value === undefined) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: value, to: value });
      }}
      onPointerUp={(event) => {
        if (!drag || !layout) return;
        setDrag(undefined);
        const pixels = Math.abs(layout.xs.at(drag.to) - layout.xs.at(drag.from)) * plotWidth(layout.frame);
        // A click that shook is no zoom.
        if (pixels > 6) onZoom([Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]);
        event.preventDefault();
      }}
      onDoubleClick={() => onZoom(undefined)}
    >
      <canvas ref={canvas} style={{ width: size.width, height: size.height }} />
      {layout && crossAt !== undefined && crossAt >= layout.frame.left && (
        <div
          className="crosshair"
          style={{ left: crossAt, top: layout.frame.top, height: plotHeight(layout.frame) }}
        />
      )}
      {layout && drag && (
        <div
          className="zoom-box"
          style={{
            left:
              layout.frame.left +
              Math.min(layout.xs.at(drag.from), layout.xs.at(drag.to)) * plotWidth(layout.frame),
            width: Math.abs(layout.xs.at(drag.to) - layout.xs.at(drag.from)) * plotWidth(layout.frame),
            top: layout.frame.top,
            height: plotHeight(layout.frame),
          }}
        />
      )}
      {layout && pointer && shownX !== undefined && !drag && (
        <Tooltip
          lines={lines}
          layout={layout}
          x={shownX}
          xKind={xKind}
          pointer={pointer}
          box={box.current}
          smoothed={smoothing > 0}
        />
      )}
    </div>
  );
}

function layoutOf(
  drawn: DrawnLine[],
  size: { width: number; height: number },
  options: { range: [number, number] | undefined; logX: boolean; logY: boolean; band: boolean },
): Layout {
  let xMin = Number.POSITIVE_INFINITY;
  let xMax = Number.NEGATIVE_INFINITY;
  let yMin = Number.POSITIVE_INFINITY;
  let yMax = Number.NEGATIVE_INFINITY;
  for (const line of drawn) {
    for (let at = 0; at < line.x.length; at++) {
      const x = line.x[at] as number;
      if (options.range && (x < options.range[0] || x > options.range[1])) continue;
      if (!options.logX || x > 0) {
        if (x < xMin) xMin = x;
        if (x > xMax) xMax = x;
      }
      const low = (
        options.band && !line.exact
          ? line.min[at]
          : line.original
            ? Math.min(line.y[at] as number, line.original[at] as number)
            : line.y[at]
      ) as number;
      const high = (
        options.band && !line.exact
          ? line.max[at]
          : line.original
            ? Math.max(line.y[at] as number, line.original[at] as number)
            : line.y[at]
      ) as number;
      if (Number.isFinite(low) && (!options.logY || low > 0) && low < yMin) yMin = low;
      if (Number.isFinite(high) && (!options.logY || high > 0) && high > yMax) yMax = high;
      if (options.logY && low <= 0 && high > 0 && high < yMin) yMin = high;
    }
  }
  const [low, high] = paddedDomain(yMin, yMax, options.logY);
  const [from, to] =
    options.range ?? (xMin < xMax ? [xMin, xMax] : Number.isFinite(xMin) ? [xMin - 1, xMin + 1] : [0, 1]);
  const ys = makeScale(low, high, options.logY);
  const xs = makeScale(
    options.logX ? Math.max(from, Number.isFinite(xMin) ? xMin : 1) : from,
    to,
    options.logX && to > 0,
  );
  const labelWidth =
    Math.max(
      ...[low, high, (low + high) / 2].map((value) => shortNumber(Number(value.toPrecision(3))).length),
    ) * 6.4;
  const frame = { ...size, left: Math.min(64, Math.max(30, labelWidth + 12)), right: 10, top: 6, bottom: 20 };
  return { frame, xs, ys, drawn };
}

function Tooltip({
  lines,
  layout,
  x,
  xKind,
  pointer,
  box,
  smoothed,
}: {
  lines: ChartLine[];
  layout: Layout;
  x: number;
  xKind: XKind;
  pointer: { x: number; y: number };
  box: HTMLElement | null;
  smoothed: boolean;
}) {
  const bounds = box?.getBoundingClientRect();
  if (!bounds) return null;
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
  near.sort((a, b) => b.value - a.value);
  const middle = Math.max(0, near.indexOf(nearest) - TOOLTIP_ROWS / 2);
  const shown = near.slice(middle, middle + TOOLTIP_ROWS);
  const right = pointer.x > bounds.left + bounds.width / 2;
  const nearX = nearest.line.answer.xLast[nearest.at] ?? x;
  return (
    <div
      className="chart-tooltip"
      style={{
        top: Math.max(0, Math.min(pointer.y - bounds.top - 20, bounds.height - 40)),
        ...(right ? { right: bounds.right - pointer.x + 14 } : { left: pointer.x - bounds.left + 14 }),
      }}
    >
      <div className="muted mono">
        {xKind === "wall" ? new Date(nearX * 1000).toLocaleString() : xLabel(nearX, xKind, layout.xs, String)}
      </div>
      {shown.map(({ line, at, value }) => {
        const { answer } = line;
        return (
          <div key={`${line.id} ${line.label}`} className={line === nearest.line ? "row nearest" : "row"}>
            <span className="swatch" style={{ background: line.colour }} />
            <span className="name">{line.label}</span>
            <span className="mono">{shortNumber(value)}</span>
            {smoothed && <span className="mono muted">{shortNumber(answer.mean[at] ?? Number.NaN)}</span>}
            {!answer.exact && line === nearest.line && (
              <span className="mono muted">
                {shortNumber(answer.min[at] ?? Number.NaN)} … {shortNumber(answer.max[at] ?? Number.NaN)} · n{" "}
                {answer.count[at]}
              </span>
            )}
          </div>
        );
      })}
      {near.length > shown.length && (
        <div className="muted">{t("chart.more", { count: near.length - shown.length })}</div>
      )}
    </div>
  );
}
