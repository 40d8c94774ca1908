import { createContext, type RefObject, useContext } from "react";
import type { DrawnGroups } from "./grouping.ts";
import type { PanelPlan } from "./sections.ts";
import type { ChartView, SetView } from "./view.ts";

export interface PanelRun {
  name: string;
  displayName: string;
  defaultColorIndex: number;
}

/** How all panels are shown; what else is in the address concerns one of them, or which there are. */
export type SharedView = Omit<
  ChartView,
  "zooms" | "tables" | "flipped" | "search" | "added" | "expressions" | "syncZoom"
>;

/** What all panels of a screen share. The same object until any of it changes: every panel is rendered for it. */
export interface PanelProps {
  entity: string;
  project: string;
  runs: PanelRun[];
  view: SharedView;
  setView: SetView;
  emphasised: string | undefined;
  /** Runs that would be drawn but for the limit, and what raises it. */
  limited?: { visible: number; raise: () => void } | undefined;
  /** What is drawn in place of the runs, which are then those in the groups. */
  grouping?: DrawnGroups | undefined;
  /** Opens the dialog. */
  editExpression: (panel: PanelPlan) => void;
  /** Title of the panel that filled the screen last: it takes the focus back. */
  lastFull: RefObject<string | undefined>;
}

/** By context: a section of which no panel is drawn has nothing to do with it. */
export const PanelContext = createContext<PanelProps | undefined>(undefined);

/** What panels have of their own, by title. `Panel` alone looks at it: a zoom is its panel's, and renders no other. */
export const OwnViewContext = createContext<Pick<ChartView, "zooms" | "tables">>({
  zooms: new Map(),
  tables: new Set(),
});

export function usePanelContext(): PanelProps {
  const shared = useContext(PanelContext);
  if (!shared) throw new Error("a panel stands in a PanelContext");
  return shared;
}
