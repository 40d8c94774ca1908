import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { t, useLanguage } from "../i18n/index.ts";
import { useTheme } from "../theme/theme.ts";
import { shortNumber } from "../ui/format.ts";
import { Crosshair } from "./Crosshair.tsx";
import { hoverX } from "./crosshair.ts";
import { plotHeight, plotWidth, type XKind, xLabel } from "./draw.ts";
import { distanceOf, distanceOfNew, frameQueue } from "./frame-queue.ts";
import { keyMove } from "./keyboard.ts";
import { type Layout, layoutOf } from "./layout.ts";
import {
  type ChartLine,
  type Domain,
  type DomainOptions,
  type DrawnLine,
  gapsText,
  kindsAt,
} from "./lines.ts";
import { type Picture, painting, settle, shift } from "./paint.ts";
import { nearestIndex } from "./smooth.ts";
import { type Point, Tooltip } from "./Tooltip.tsx";
import "./charts.css";

export interface LineChartProps {
  title: string;
  lines: ChartLine[];
  /** Of `lines`, in their order. */
  drawn: DrawnLine[];
  domain: Domain;
  options: DomainOptions;
  xKind: XKind;
  smoothed: boolean;
  /** Without a range: back to everything. */
  onZoom: (range: [number, number] | undefined, yRange?: [number, number]) => void;
  onFullScreen: () => void;
}

/** A box being drawn: x in values, y in pixels of the window. */
interface Drag {
  from: number;
  to: number;
  fromY: number;
  y: number;
}

/** With Shift the chart is moved along its axis: from where, and what it showed then. */
interface Pan {
  fromPx: number;
  layout: Layout;
  /** What it shows now, once it was moved. */
  range?: [number, number];
}

/** A click that shook is no zoom, and moves nothing. */
const SHAKE_PX = 6;
/** A hand that draws along the axis means the axis alone. */
const LEVEL_PX = 10;

function tallOf({ fromY, y }: Drag): { top: number; bottom: number } | undefined {
  return Math.abs(y - fromY) < LEVEL_PX ? undefined : { top: Math.min(fromY, y), bottom: Math.max(fromY, y) };
}

/** Lines that the live region reads out at a step of the cursor; more would never be heard to the end. */
const SPOKEN_LINES = 5;

/** What is around it is rendered more often than it changes. */
export const LineChart = memo(function LineChart(props: LineChartProps) {
  const { title, lines, drawn, domain, options, xKind, smoothed, onZoom, onFullScreen } = props;
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<{ width: number; height: number }>({ width: 0, height: 0 });
  /** Rendering the chart for each move of the pointer would take a good part of a frame: the tooltip alone is told. */
  const pointer = useRef<Point>(undefined);
  const tellTooltip = useRef<(pointer: Point | undefined) => void>(undefined);
  const point = (to: Point | undefined) => {
    pointer.current = to;
    tellTooltip.current?.(to);
  };
  const [drag, setDrag] = useState<Drag>();
  const [pan, setPan] = useState<Pan>();
  /** x chosen by keys. */
  const [cursor, setCursor] = useState<number>();

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    // Its first call has the size too: asked for here, it would be computed for every chart that comes.
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const layout = useMemo(
    () => (size.width > 0 ? layoutOf(drawn, domain, size, movedBy(options, pan)) : undefined),
    [drawn, domain, size, options, pan],
  );

  const picture = useMemo(
    (): Picture | undefined => layout && { layout, size, xKind, options, domain },
    [layout, size, xKind, options, domain],
  );
  const latest = useRef(picture);
  latest.current = picture;
  const isPainted = useRef(false);
  const isMoved = pan !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other inks
  useEffect(() => {
    const element = canvas.current;
    if (!element || !picture) return;
    if (!isMoved) settle(element);
    else if (shift(element, picture)) return;
    const slices = painting(element, () => latest.current ?? picture, isMoved);
    frameQueue.add(element, {
      distance: () => (isPainted.current ? distanceOf(element) : distanceOfNew(element)),
      run: () => {
        if (!slices.next().done) return true;
        isPainted.current = true;
        return false;
      },
    });
  }, [picture, isMoved, theme]);
  useEffect(() => {
    const element = canvas.current;
    return () => {
      if (element) frameQueue.drop(element);
    };
  }, []);

  const valueAt = useCallback(
    (clientX: number): number | undefined => {
      const bounds = box.current?.getBoundingClientRect();
      if (!bounds || !layout) return undefined;
      const at = (clientX - bounds.left - layout.frame.left) / plotWidth(layout.frame);
      return at < 0 || at > 1 ? undefined : layout.xs.value(at);
    },
    [layout],
  );

  // What grows, or is shown anew, moves under a pointer that rests.
  useEffect(() => {
    if (pointer.current) hoverX(xKind, valueAt(pointer.current.x));
  }, [valueAt, xKind]);

  const bounds = drag ? box.current?.getBoundingClientRect() : undefined;
  const dragTall = drag && tallOf(drag);
  /** Clipped to the plot. */
  const valueAtY = (clientY: number): number => {
    if (!layout || !bounds) return Number.NaN;
    const { frame, ys } = layout;
    const at = 1 - (clientY - bounds.top - frame.top) / plotHeight(frame);
    return ys.value(Math.min(1, Math.max(0, at)));
  };
  const language = useLanguage();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another language has other words
  const label = useMemo(
    () =>
      t(lines[0]?.group ? "group.chart" : "chart.label", {
        key: title,
        count: lines.length,
        summary: summaryOf(lines, domain),
      }),
    [title, lines, domain, language],
  );

  return (
    <div
      ref={box}
      className={pan ? "line-chart panned" : "line-chart"}
      role="application"
      tabIndex={0}
      aria-roledescription={t("chart.role")}
      aria-label={label}
      aria-keyshortcuts="ArrowLeft ArrowRight Home End + - Escape Enter"
      data-series={drawn.reduce((count, line) => count + (line.original ? 2 : 1), 0)}
      onKeyDown={(event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || !layout) return;
        const move = keyMove(event.key, event.shiftKey, {
          drawn,
          xs: layout.xs,
          cursor,
          range: options.range,
        });
        if (!move) return;
        event.preventDefault();
        // The arrows and Escape of the screen around mean something else.
        event.stopPropagation();
        if (move.kind === "full") onFullScreen();
        if (move.kind === "zoom") onZoom(move.range);
        if (move.kind === "cursor" || move.kind === "reset") {
          setCursor(move.kind === "cursor" ? move.x : undefined);
          hoverX(xKind, move.kind === "cursor" ? move.x : undefined);
          if (move.kind === "reset" && options.range) onZoom(undefined);
        }
      }}
      onBlur={() => {
        if (cursor === undefined) return;
        setCursor(undefined);
        hoverX(xKind, undefined);
      }}
      onPointerMove={(event) => {
        point({ x: event.clientX, y: event.clientY });
        setCursor(undefined);
        const value = valueAt(event.clientX);
        hoverX(xKind, value);
        if (drag && value !== undefined) setDrag({ ...drag, to: value, y: event.clientY });
        if (pan) setPan(moved(pan, event.clientX));
      }}
      onPointerLeave={() => {
        point(undefined);
        hoverX(xKind, undefined);
      }}
      onPointerDown={(event) => {
        const value = valueAt(event.clientX);
        if (event.button !== 0 || value === undefined) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        if (event.shiftKey && layout) return setPan({ fromPx: event.clientX, layout });
        setDrag({ from: value, to: value, fromY: event.clientY, y: event.clientY });
      }}
      onPointerUp={(event) => {
        setPan(undefined);
        if (pan?.range) onZoom(pan.range, options.yRange);
        if (!drag || !layout) return;
        setDrag(undefined);
        const pixels = Math.abs(layout.xs.at(drag.to) - layout.xs.at(drag.from)) * plotWidth(layout.frame);
        if (pixels <= SHAKE_PX) return;
        const tall = tallOf(drag);
        onZoom(
          [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)],
          tall && [valueAtY(tall.bottom), valueAtY(tall.top)],
        );
        event.preventDefault();
      }}
      onPointerCancel={() => {
        setDrag(undefined);
        setPan(undefined);
      }}
      onDoubleClick={() => onZoom(undefined)}
    >
      <canvas ref={canvas} style={{ width: size.width, height: size.height }} />
      <div className="visually-hidden" aria-live="polite">
        {cursor !== undefined && layout ? spoken(lines, layout, cursor, xKind) : ""}
      </div>
      {layout && <Crosshair layout={layout} xKind={xKind} cursor={cursor} />}
      {layout && drag && (
        <div
          className="zoom-box"
          style={{
            left:
              layout.frame.left +
              Math.min(layout.xs.at(drag.from), layout.xs.at(drag.to)) * plotWidth(layout.frame),
            width: Math.abs(layout.xs.at(drag.to) - layout.xs.at(drag.from)) * plotWidth(layout.frame),
            ...(dragTall && bounds
              ? { top: dragTall.top - bounds.top, height: dragTall.bottom - dragTall.top }
              : { top: layout.frame.top, height: plotHeight(layout.frame) }),
          }}
        />
      )}
      {layout && !drag && !pan?.range && (
        <Tooltip
          lines={lines}
          layout={layout}
          xKind={xKind}
          cursor={cursor}
          pointer={pointer}
          tell={tellTooltip}
          box={box}
          smoothed={smoothed}
        />
      )}
    </div>
  );
});

function moved(pan: Pan, toPx: number): Pan {
  const { frame, xs } = pan.layout;
  if (!pan.range && Math.abs(toPx - pan.fromPx) <= SHAKE_PX) return pan;
  const by = (toPx - pan.fromPx) / plotWidth(frame);
  return { ...pan, range: [xs.value(-by), xs.value(1 - by)] };
}

/** While it is moved it stays as high as it was. */
function movedBy(options: DomainOptions, pan: Pan | undefined): DomainOptions {
  if (!pan?.range) return options;
  const { ys } = pan.layout;
  return { ...options, range: pan.range, yRange: [ys.min, ys.max] };
}

function summaryOf(lines: ChartLine[], { y }: Domain): string {
  const points = lines.reduce((sum, { answer }) => sum + answer.points, 0);
  const extent =
    y[0] <= y[1] ? ` ${t("chart.extent", { low: shortNumber(y[0]), high: shortNumber(y[1]) })}` : "";
  const group = lines[0]?.group;
  if (group) return `${t("group.summary", { count: lines.length })}${extent}`;
  if (lines.every(({ answer }) => answer.exact)) return t("chart.exact") + extent;
  const buckets = lines.reduce((sum, { answer }) => sum + answer.xLast.length, 0);
  return t("chart.summarised", { points, buckets }) + extent;
}

function spoken(lines: ChartLine[], layout: Layout, x: number, xKind: XKind): string {
  const values = lines.slice(0, SPOKEN_LINES).map((line, index) => {
    const at = nearestIndex(line.answer.xLast, x);
    const value =
      line.answer.nonFinite[at] && line.answer.exact ? line.answer.last[at] : layout.drawn[index]?.y[at];
    const gaps = line.answer.exact ? "" : gapsText(kindsAt(line.answer, at));
    return `${line.label} ${shortNumber(value ?? Number.NaN)}${gaps && `, ${gaps}`}`;
  });
  const more = lines.length - values.length;
  if (more > 0) values.push(t("chart.more", { count: more }));
  return `${xLabel(x, xKind, layout.xs, String)}: ${values.join("; ")}`;
}
