import type { HeatMap } from "@steelyard/protocol/series";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { t } from "../i18n/index.ts";
import { useTheme } from "../theme/theme.ts";
import { axisNumber, shortNumber } from "../ui/format.ts";
import { drawAxes, type Frame, pageInk, plotHeight, plotWidth, type XKind, xLabel, yTicks } from "./draw.ts";
import {
  binEdges,
  type Cell,
  columnAt,
  columnEdges,
  countOf,
  mostOf,
  shadeColour,
  shadeOf,
} from "./heat-map.ts";
import { makeScale, type Scale } from "./scale.ts";
import { show } from "./show.ts";
import "./charts.css";

export interface HeatMapChartProps {
  title: string;
  /** Of the run. */
  name: string;
  map: HeatMap;
  xKind: XKind;
  xName: string;
  logX: boolean;
  /** Of the colours. */
  log: boolean;
  range: [number, number] | undefined;
  onZoom: (range: [number, number] | undefined) => void;
  onFullScreen: () => void;
}

interface Layout {
  frame: Frame;
  xs: Scale;
  ys: Scale;
}

/** A click that shook is no zoom. */
const SHAKE_PX = 6;
/** Of the font of axes, at most. */
const DIGIT_PX = 6.6;

/** Histograms over x: a column for each part of x, in it a cell for each bin, the darker the more values it has. */
export function HeatMapChart(props: HeatMapChartProps) {
  const { title, name, map, xKind, xName, logX, log, range, onZoom, onFullScreen } = props;
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [cell, setCell] = useState<Cell & { by: "keys" | "pointer" }>();
  /** x, from and to, in pixels of the plot. */
  const [drag, setDrag] = useState<[number, number]>();
  const edges = useMemo(() => columnEdges(map), [map]);
  const most = useMemo(() => mostOf(map), [map]);
  const layout = useMemo(() => layoutOf(map, edges, size, range, logX), [map, edges, size, range, logX]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = canvas.current;
    if (!element) return;
    show(element, size, (context) => {
      drawAxes(context, layout.frame, layout.xs, layout.ys, xKind, pageInk(), axisNumber);
      for (let column = 0; column < edges.from.length; column++) {
        for (let bin = 0; bin < map.bins; bin++) {
          const shade = shadeOf(countOf(map, { column, bin }), most, log);
          if (shade === 0) continue;
          const { left, top, width, height } = placeOf({ column, bin }, map, edges, layout);
          context.fillStyle = shadeColour(shade, theme);
          context.fillRect(left, top, width, height);
        }
      }
    });
  }, [layout, map, edges, most, log, size, theme, xKind]);

  const bounds = box.current?.getBoundingClientRect();
  const pxOf = (clientX: number) => {
    const { frame } = layout;
    const left = box.current?.getBoundingClientRect().left ?? 0;
    return Math.min(frame.width - frame.right, Math.max(frame.left, clientX - left)) - frame.left;
  };
  const cellAt = (clientX: number, clientY: number): Cell | undefined => {
    const { left = 0, top = 0 } = box.current?.getBoundingClientRect() ?? {};
    const { frame, xs, ys } = layout;
    const [x, y] = [
      (clientX - left - frame.left) / plotWidth(frame),
      (clientY - top - frame.top) / plotHeight(frame),
    ];
    if (x < 0 || x > 1 || y < 0 || y > 1) return undefined;
    const column = columnAt(edges, xs.value(x));
    const bin =
      map.high > map.low ? Math.floor(((ys.value(1 - y) - map.low) / (map.high - map.low)) * map.bins) : 0;
    return column < 0 || !(bin >= 0 && bin < map.bins) ? undefined : { column, bin };
  };
  /** Another answer may have fewer columns. */
  const shown = cell && cell.column < edges.from.length ? cell : undefined;
  const place = shown && size.width > 0 ? placeOf(shown, map, edges, layout) : undefined;
  const xText = (x: number) =>
    xKind === "wall"
      ? new Date(x * 1000).toLocaleString(document.documentElement.lang)
      : xLabel(x, xKind, layout.xs, String);
  const told = shown && wordsOf(shown, map, xName, xText);

  return (
    <div
      ref={box}
      className="line-chart heat-map"
      role="application"
      tabIndex={0}
      aria-roledescription={t("heat.role")}
      aria-label={t("heat.label", {
        key: title,
        run: name,
        x: xName,
        columns: map.columns.xFirst.length,
        low: shortNumber(map.low),
        high: shortNumber(map.high),
      })}
      aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown Home End Escape Enter"
      onKeyDown={(event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const next = moved(event.key, shown, map);
        if (next === undefined && event.key !== "Enter" && !(event.key === "Escape" && (shown || range)))
          return;
        event.preventDefault();
        // The arrows and Escape of the screen around mean something else.
        event.stopPropagation();
        if (next) setCell({ ...next, by: "keys" });
        else if (event.key === "Enter") onFullScreen();
        else if (shown) setCell(undefined);
        else onZoom(undefined);
      }}
      onBlur={() => setCell((now) => (now?.by === "keys" ? undefined : now))}
      onPointerMove={(event) => {
        const now = cellAt(event.clientX, event.clientY);
        setCell(now && { ...now, by: "pointer" });
        if (drag) setDrag([drag[0], pxOf(event.clientX)]);
      }}
      onPointerLeave={() => setCell(undefined)}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        const px = pxOf(event.clientX);
        setDrag([px, px]);
      }}
      onPointerUp={() => {
        setDrag(undefined);
        if (!drag || Math.abs(drag[1] - drag[0]) <= SHAKE_PX) return;
        const [from, to] = [...drag]
          .sort((a, b) => a - b)
          .map((px) => layout.xs.value(px / plotWidth(layout.frame)));
        onZoom([from as number, to as number]);
      }}
      onPointerCancel={() => setDrag(undefined)}
      onDoubleClick={() => onZoom(undefined)}
    >
      <canvas ref={canvas} data-left={layout.frame.left} style={{ width: size.width, height: size.height }} />
      <div className="visually-hidden" aria-live="polite">
        {shown?.by === "keys" && told ? told.join(", ") : ""}
      </div>
      {place && <div className="heat-cell" style={place} />}
      {drag && (
        <div
          className="zoom-box"
          style={{
            left: layout.frame.left + Math.min(...drag),
            width: Math.abs(drag[1] - drag[0]),
            top: layout.frame.top,
            height: plotHeight(layout.frame),
          }}
        />
      )}
      {told && place && bounds && !drag && (
        <div
          className="chart-tooltip"
          style={{
            top: Math.max(0, Math.min(place.top + place.height + 8, bounds.height - 60)),
            ...(place.left > bounds.width / 2
              ? { right: bounds.width - place.left + 8 }
              : { left: place.left + place.width + 8 }),
          }}
        >
          {told.map((line, at) => (
            <div key={line} className={at === 1 ? "mono heat-count" : "mono muted"}>
              {line}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

/** Where in x, which values, how many. */
function wordsOf(cell: Cell, map: HeatMap, xName: string, xText: (x: number) => string): string[] {
  const { xFirst, xLast, histograms } = map.columns;
  const { column, bin } = cell;
  const [first, last] = [xText(xFirst[column] as number), xText(xLast[column] as number)];
  const [from, to] = binEdges(map, bin).map(shortNumber);
  const count = map.counts[column * map.bins + bin] as number;
  const all = map.counts
    .subarray(column * map.bins, (column + 1) * map.bins)
    .reduce((sum, one) => sum + one, 0);
  return [
    `${xName} ${first === last ? first : `${first} – ${last}`}`,
    `${from} … ${to}: ${shortNumber(count)}`,
    t("heat.share", { percent: shortNumber(all > 0 ? Number(((100 * count) / all).toPrecision(3)) : 0) }),
    ...((histograms[column] as number) > 1
      ? [t("heat.histograms", { count: histograms[column] as number })]
      : []),
  ];
}

function moved(key: string, from: Cell | undefined, { bins, columns }: HeatMap): Cell | undefined {
  const last = columns.xFirst.length - 1;
  const { column, bin } = from ?? { column: -1, bin: bins >> 1 };
  const at = (to: number, up = bin) => ({
    column: Math.min(last, Math.max(0, to)),
    bin: Math.min(bins - 1, Math.max(0, up)),
  });
  switch (key) {
    case "ArrowRight":
      return at(column + 1);
    case "ArrowLeft":
      return at(from ? column - 1 : last);
    case "ArrowUp":
      return at(column, bin + 1);
    case "ArrowDown":
      return at(column, bin - 1);
    case "Home":
      return at(0);
    case "End":
      return at(last);
    default:
      return undefined;
  }
}

function layoutOf(
  map: HeatMap,
  { from, to }: ReturnType<typeof columnEdges>,
  size: { width: number; height: number },
  range: [number, number] | undefined,
  logX: boolean,
): Layout {
  const [start, end] = range ?? [from[0] ?? 0, to.at(-1) ?? 1];
  // All values may be one.
  const [low, high] = map.high > map.low ? [map.low, map.high] : [map.low - 0.5, map.low + 0.5];
  const ys = makeScale(low, high, false);
  const isLog = logX && end > 0;
  const positive = map.columns.xFirst.find((x) => x > 0) ?? 1;
  const xs = makeScale(isLog && start <= 0 ? positive : start, end, isLog);
  const room = { ...size, right: 10, top: 6, bottom: 20 };
  const longest = Math.max(0, ...yTicks(ys, room).map((tick) => axisNumber(tick).length));
  return { frame: { ...room, left: Math.min(64, Math.max(30, longest * DIGIT_PX + 12)) }, xs, ys };
}

/** On whole pixels, so that neighbours leave no seam. */
function placeOf(
  { column, bin }: Cell,
  map: HeatMap,
  { from, to }: ReturnType<typeof columnEdges>,
  { frame, xs, ys }: Layout,
): { left: number; top: number; width: number; height: number } {
  const [least, most] = [frame.left, frame.width - frame.right];
  const x = (value: number | undefined) => {
    const at = xs.at(value ?? 0);
    return Math.round(
      Math.min(most, Math.max(least, frame.left + (Number.isNaN(at) ? 0 : at) * plotWidth(frame))),
    );
  };
  const bottom = frame.height - frame.bottom;
  const y = (value: number) => Math.round(bottom - ys.at(value) * plotHeight(frame));
  const [low, high] = map.high > map.low ? binEdges(map, bin) : [ys.min, ys.max];
  const left = x(from[column]);
  return { left, top: y(high), width: x(to[column]) - left, height: y(low) - y(high) };
}
