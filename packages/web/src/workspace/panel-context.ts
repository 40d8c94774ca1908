import { createContext, type RefObject, useContext } from "react";
import type { DrawnGroups } from "./grouping.ts";
import type { PanelPlan } from "./sections.ts";
import type { ChartView, SetView } from "./view.ts";

export interface PanelRun {
  name: string;
  displayName: string;
  defaultColorIndex: number;
}

/** What all panels of a screen share. */
export interface PanelProps {
  entity: string;
  project: string;
  runs: PanelRun[];
  view: ChartView;
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

export function usePanelContext(): PanelProps {
  const shared = useContext(PanelContext);
  if (!shared) throw new Error("a panel stands in a PanelContext");
  return shared;
}
