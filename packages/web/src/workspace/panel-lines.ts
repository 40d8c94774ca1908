import type { SeriesAnswer } from "@steelyard/protocol/series";
import { dashesOf } from "../charts/dashes.ts";
import type { ChartLine } from "../charts/lines.ts";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import type { DrawnGroups } from "./grouping.ts";
import type { PanelRun } from "./panel-context.ts";

interface Looks {
  /** Of the panel, in its order. */
  keys: readonly string[];
  theme: "light" | "dark";
  /** All neighbouring lines differ in them. */
  dashes: boolean;
}

/** What was answered for a panel as lines, in the order of the runs, with names and colours. */
export function linesOfRuns(
  answers: readonly SeriesAnswer[],
  runs: readonly PanelRun[],
  { keys, theme, dashes }: Looks,
): ChartLine[] {
  const places = new Map(runs.map(({ name }, at) => [name, at]));
  const runOf = ({ run }: SeriesAnswer) => runs[places.get(run) ?? -1];
  const several = keys.length > 1;
  const shown = answers
    .filter((answer) => runOf(answer) && answer.xLast.length > 0)
    .sort((a, b) => (places.get(a.run) ?? 0) - (places.get(b.run) ?? 0));
  // The keys of one run have colours of their own; those of several runs have the run's, and dashes to tell them apart.
  const colours = shown.map((answer) =>
    runColour(
      several && runs.length === 1 ? keys.indexOf(answer.key) : (runOf(answer)?.defaultColorIndex ?? 0),
      theme,
    ),
  );
  const dash = dashesOf(colours, dashes);
  return shown.map((answer, at) => {
    const run = runOf(answer)?.displayName ?? answer.run;
    return {
      id: answer.run,
      label: !several ? run : runs.length > 1 ? `${run} ${answer.key}` : answer.key,
      colour: colours[at] ?? "",
      dash: dash[at] ?? 0,
      answer,
    };
  });
}

/** As `linesOfRuns`, a line a group. */
export function linesOfGroups(
  answers: readonly SeriesAnswer[],
  { groups, choice }: DrawnGroups,
  { keys, theme, dashes }: Looks,
): ChartLine[] {
  const places = new Map(groups.map(({ id }, at) => [id, at]));
  const shown = answers
    .filter(({ run, xLast }) => places.has(run) && xLast.length > 0)
    .sort((a, b) => (places.get(a.run) ?? 0) - (places.get(b.run) ?? 0));
  const colours = shown.map(({ run }) => runColour(groups[places.get(run) ?? 0]?.colour ?? 0, theme));
  const dash = dashesOf(colours, dashes);
  return shown.map((answer, at) => {
    const group = groups[places.get(answer.run) ?? 0];
    const name = `${group?.value ?? t("group.none")} (${group?.runs.length ?? 0})`;
    return {
      id: answer.run,
      label: keys.length > 1 ? `${name} ${answer.key}` : name,
      colour: colours[at] ?? "",
      dash: dash[at] ?? 0,
      answer,
      group: choice,
    };
  });
}
