import { useMemo } from "react";
import { packList, unpackList, useAddress } from "../address/query-state.ts";
import type { XKind } from "../charts/draw.ts";
import { mostSmoothing, SMOOTHING_KINDS, type Smoothing } from "../charts/smooth.ts";

/** Axes that are no logged key: their names in the address. */
export const CLOCKS = ["step", "relative", "relative-wall", "wall"] as const;

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
  /** Zoomed range of x, shared by all panels. */
  range: [number, number] | undefined;
  /** Title of the panel that fills the screen, and of its section when the address says it. */
  full: string;
  fullSection: string;
  /** Sections that are not as they are at first: open ones closed, closed ones open. */
  flipped: ReadonlySet<string>;
  /** Titles of panels shown as tables. */
  tables: ReadonlySet<string>;
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
  range: "zoom",
  full: "panelDisplayName",
  fullSection: "panelSectionName",
  flipped: "flip",
  tables: "tables",
} as const;

export type SetView = (change: Partial<Record<keyof typeof PARAMETERS, string>>) => void;

export function useChartView(defaultX: "step" | "relative" = "step"): [ChartView, SetView] {
  const address = useAddress();
  const text = Object.fromEntries(
    Object.entries(PARAMETERS).map(([name, parameter]) => [name, address.get(parameter)]),
  ) as Record<keyof typeof PARAMETERS, string>;
  const all = JSON.stringify([defaultX, text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `all` is the text and the default
  const view = useMemo(() => readView(text, defaultX), [all]);
  return [
    view,
    (change) => {
      const values: Record<string, string | undefined> = {};
      for (const [name, value] of Object.entries(change))
        values[PARAMETERS[name as keyof typeof PARAMETERS]] = value;
      // Another axis has other numbers: its zoom would be nonsense.
      if (change.x !== undefined) values[PARAMETERS.range] = "";
      if (change.full !== undefined && change.fullSection === undefined) values[PARAMETERS.fullSection] = "";
      address.set(values);
    },
  ];
}

function readView(text: Record<keyof typeof PARAMETERS, string>, defaultX: "step" | "relative"): ChartView {
  const x = text.x || defaultX;
  const clock = CLOCKS.find((known) => known === x);
  const [from, to] = text.range.split("~").map(Number);
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
    range:
      text.range && Number.isFinite(from) && Number.isFinite(to) ? [from as number, to as number] : undefined,
    full: text.full,
    fullSection: text.fullSection,
    flipped: new Set(unpackList(text.flipped)),
    tables: new Set(unpackList(text.tables)),
  };
}

/** The list with `name` in it if it was not, without it if it was; as the address holds it. */
export function flip(names: ReadonlySet<string>, name: string): string {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return packList(next);
}
