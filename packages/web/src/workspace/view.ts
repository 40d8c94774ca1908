import { useMemo } from "react";
import { useAddress } from "../address/query-state.ts";
import type { XKind } from "../charts/draw.ts";

/** How the charts of a screen are shown; all of it in the address. */
export interface ChartView {
  x: { kind: "step" | "relative" | "wall" } | { kind: "key"; key: string };
  xKind: XKind;
  smoothing: number;
  logX: boolean;
  logY: boolean;
  band: boolean;
  /** Panels whose key matches. */
  search: string;
  /** Zoomed range of x, shared by all panels. */
  range: [number, number] | undefined;
  /** Key of the panel that fills the screen. */
  full: string;
}

export function useChartView(
  defaultX: "step" | "relative" = "step",
): [ChartView, (change: Partial<Record<keyof ChartView, string>>) => void] {
  const address = useAddress();
  const x = address.get("x") || defaultX;
  const zoom = address.get("zoom");
  const smoothing = Math.min(0.999, Math.max(0, Number(address.get("smooth")) || 0));
  const logX = address.get("logx") === "1";
  const logY = address.get("logy") === "1";
  const band = address.get("band") !== "0";
  const search = address.get("panels");
  const full = address.get("full");
  const view = useMemo((): ChartView => {
    const [from, to] = zoom.split("~").map(Number);
    return {
      x: x === "step" || x === "relative" || x === "wall" ? { kind: x } : { kind: "key", key: x },
      xKind: x === "step" || x === "relative" || x === "wall" ? x : "key",
      smoothing,
      logX,
      logY,
      band,
      search,
      range:
        zoom && Number.isFinite(from) && Number.isFinite(to) ? [from as number, to as number] : undefined,
      full,
    };
  }, [x, zoom, smoothing, logX, logY, band, search, full]);
  const names: Record<keyof ChartView, string> = {
    x: "x",
    xKind: "x",
    smoothing: "smooth",
    logX: "logx",
    logY: "logy",
    band: "band",
    search: "panels",
    range: "zoom",
    full: "full",
  };
  return [
    view,
    (change) => {
      const values: Record<string, string | undefined> = {};
      for (const [name, value] of Object.entries(change)) values[names[name as keyof ChartView]] = value;
      // Another axis has other numbers: its zoom would be nonsense.
      if (change.x !== undefined) values.zoom = "";
      address.set(values);
    },
  ];
}
