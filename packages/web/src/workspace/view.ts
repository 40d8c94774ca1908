import { useMemo, useRef } from "react";
import { packList, unpackList, useAddress } from "../address/query-state.ts";
import type { XKind } from "../charts/draw.ts";
import { rangeText } from "../charts/scale.ts";
import { mostSmoothing, SMOOTHING_KINDS, type Smoothing } from "../charts/smooth.ts";
import { useSteady } from "../ui/steady.ts";

/** Axes that are no logged key: their names in the address. */
export const CLOCKS = ["step", "relative", "relative-wall", "wall"] as const;

export type Range = [number, number];

/** What of a panel fills its frame. */
export interface Zoom {
  x: Range;
  y?: Range;
}

/** How the charts of a screen are shown; all of it in the address. */
export interface ChartView {
  x: { kind: (typeof CLOCKS)[number] } | { kind: "key"; key: string };
  xKind: XKind;
  smoothing: Smoothing;
  /** The line before smoothing, faintly. */
  showOriginal: boolean;
  ignoreOutliers: boolean;
  logX: boolean;
  logY: boolean;
  band: boolean;
  /** Panels whose key matches. */
  search: string;
  dashes: boolean;
  /** Zoomed range of x, shared by all panels that have none of their own. */
  range: Range | undefined;
  /** By the panel's title. */
  zooms: ReadonlyMap<string, Zoom>;
  /** What panels show in place of their key, by title. */
  expressions: ReadonlyMap<string, string>;
  /** Panels made for an expression, in their order. */
  added: readonly string[];
  /** A zoom is everyone's. */
  syncZoom: boolean;
  /** Title of the panel that fills the screen, and of its section when the address says it. */
  full: string;
  fullSection: string;
  /** Sections that are not as they are at first: open ones closed, closed ones open. */
  flipped: ReadonlySet<string>;
  /** Titles of panels shown as tables, and the line that tables show. */
  tables: ReadonlySet<string>;
  line: string;
  /** Whose histograms heat maps show; the first drawn run that has some when it is "" or has none. */
  heatRun: string;
  /** Their colours go by the logarithm of the count. */
  heatLog: boolean;
}

/** Names in the address. Those of a full panel are the official page's, whose links must work here. */
const PARAMETERS = {
  x: "x",
  smoothing: "smooth",
  smoothingKind: "smoothkind",
  showOriginal: "original",
  ignoreOutliers: "outliers",
  logX: "logx",
  logY: "logy",
  band: "band",
  search: "panels",
  dashes: "dashes",
  range: "zoom",
  syncZoom: "sync",
  full: "panelDisplayName",
  fullSection: "panelSectionName",
  flipped: "flip",
  tables: "tables",
  line: "line",
  heatRun: "heat",
  heatLog: "heatlog",
  added: "expr",
} as const;

/** Of a panel alone, before its title: `zoom.train/loss=100~200`. */
const OWN_ZOOM = `${PARAMETERS.range}.`;

/** As the zoom: `expr.train/loss=log(${train/loss})`. */
const OWN_EXPRESSION = `${PARAMETERS.added}.`;

export interface ViewChange extends Partial<Record<keyof typeof PARAMETERS, string>> {
  /** `to` undefined: back to everything. */
  zoom?: { panel: string; to: Zoom | undefined };
  /** `to` "": back to the key. */
  expression?: { panel: string; to: string };
  /** Title of a panel that becomes a table, or a chart again. */
  table?: string;
}
export type SetView = (change: ViewChange) => void;

export function useChartView(defaultX: "step" | "relative" = "step"): [ChartView, SetView] {
  const address = useAddress();
  const text = Object.fromEntries(
    Object.entries(PARAMETERS).map(([name, parameter]) => [name, address.get(parameter)]),
  ) as Record<keyof typeof PARAMETERS, string>;
  const zooms = address.under(OWN_ZOOM);
  const expressions = address.under(OWN_EXPRESSION);
  const all = JSON.stringify([defaultX, text, [...zooms], [...expressions]]);
  const before = useRef<ChartView>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `all` is all of it
  const view = useMemo(
    () => asBefore(before.current, readView(text, { zooms, expressions }, defaultX)),
    [all],
  );
  before.current = view;
  return [
    view,
    useSteady((change: ViewChange) => {
      const { zoom, expression, table, ...texts } = change;
      const values: Record<string, string | undefined> = {};
      if (table !== undefined) values[PARAMETERS.tables] = flip(view.tables, table);
      if (expression) values[OWN_EXPRESSION + expression.panel] = expression.to;
      const reset = () => {
        values[PARAMETERS.range] = "";
        for (const title of zooms.keys()) values[OWN_ZOOM + title] = "";
      };
      // Another axis has other numbers: its zoom would be nonsense.
      if (change.x !== undefined || change.range === "") reset();
      if (zoom && view.syncZoom) {
        reset();
        if (zoom.to) values[PARAMETERS.range] = rangeText(zoom.to.x);
      } else if (zoom) {
        const own = zoom.to && [zoom.to.x, ...(zoom.to.y ? [zoom.to.y] : [])].map(rangeText).join("~");
        values[OWN_ZOOM + zoom.panel] = own;
        if (!own) values[PARAMETERS.range] = "";
      }
      for (const [name, value] of Object.entries(texts))
        values[PARAMETERS[name as keyof typeof PARAMETERS]] = value;
      if (change.full !== undefined && change.fullSection === undefined) values[PARAMETERS.fullSection] = "";
      address.set(values);
    }),
  ];
}

/** What did not change is the same object still: a chart that was zoomed is not all charts drawn anew. */
function asBefore(before: ChartView | undefined, now: ChartView): ChartView {
  if (!before) return now;
  const same = <Part>(old: Part, part: Part) => (JSON.stringify(old) === JSON.stringify(part) ? old : part);
  const sameList = <List extends Iterable<unknown>>(old: List, list: List) =>
    JSON.stringify([...old]) === JSON.stringify([...list]) ? old : list;
  return {
    ...now,
    x: same(before.x, now.x),
    smoothing: same(before.smoothing, now.smoothing),
    range: same(before.range, now.range),
    added: same(before.added, now.added),
    expressions: sameList(before.expressions, now.expressions),
    flipped: sameList(before.flipped, now.flipped),
    tables: sameList(before.tables, now.tables),
    zooms: new Map(
      [...now.zooms].map(([title, zoom]) => [title, same(before.zooms.get(title) ?? zoom, zoom)]),
    ),
  };
}

function readView(
  text: Record<keyof typeof PARAMETERS, string>,
  { zooms, expressions }: Record<"zooms" | "expressions", ReadonlyMap<string, string>>,
  defaultX: "step" | "relative",
): ChartView {
  const x = text.x || defaultX;
  const clock = CLOCKS.find((known) => known === x);
  const kind = SMOOTHING_KINDS.find((known) => known === text.smoothingKind) ?? "time-weighted";
  const amount = Math.min(mostSmoothing(kind), Math.max(0, Number(text.smoothing) || 0));
  return {
    x: clock ? { kind: clock } : { kind: "key", key: x },
    xKind: clock ?? "key",
    smoothing: { kind, amount },
    showOriginal: text.showOriginal !== "0",
    ignoreOutliers: text.ignoreOutliers === "1",
    logX: text.logX === "1",
    logY: text.logY === "1",
    band: text.band !== "0",
    search: text.search,
    dashes: text.dashes === "1",
    range: readZoom(text.range)?.x,
    zooms: new Map(
      [...zooms].flatMap(([title, own]) => {
        const zoom = readZoom(own);
        return zoom ? [[title, zoom]] : [];
      }),
    ),
    expressions,
    added: [...new Set(unpackList(text.added))],
    syncZoom: text.syncZoom === "1",
    full: text.full,
    fullSection: text.fullSection,
    flipped: new Set(unpackList(text.flipped)),
    tables: new Set(unpackList(text.tables)),
    line: text.line,
    heatRun: text.heatRun,
    heatLog: text.heatLog === "1",
  };
}

function readZoom(text: string): Zoom | undefined {
  const [x0, x1, y0, y1] = text === "" ? [] : text.split("~").map(Number);
  if (!isRange(x0, x1)) return undefined;
  return { x: [x0 as number, x1 as number], ...(isRange(y0, y1) ? { y: [y0 as number, y1 as number] } : {}) };
}

function isRange(from: number | undefined, to: number | undefined): boolean {
  return Number.isFinite(from) && Number.isFinite(to) && Number(from) < Number(to);
}

/** The list with `name` in it if it was not, without it if it was; as the address holds it. */
export function flip(names: ReadonlySet<string>, name: string): string {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return packList(next);
}
