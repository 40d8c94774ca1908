import { dirname } from "node:path";
import { linkWithoutKey } from "./anonymous.ts";
import { countText } from "./count-text.ts";
import type { HistoryGrid } from "./history-sketch.ts";
import type { Entry } from "./messages.ts";
import type { Printer } from "./printer.ts";
import { VERSION } from "./version.ts";

/** What a run says of itself at its beginning and its end, in the official client's order. */
export interface Whereabouts {
  /** `root/run-DATE_TIME-ID`. */
  folder: string;
  name: string;
  /** Undefined offline. */
  urls: { run: string; project: string; sweep: string | undefined } | undefined;
}

export function tellStart(
  print: Printer,
  { folder, name, urls }: Whereabouts,
  { resumed, key }: { resumed: boolean; key: { host: string; source: string } },
): void {
  if (urls) print.info(`Loaded credentials for ${key.host} from ${key.source}.`);
  print.info(`Tracking run with steelyard version ${VERSION}`);
  if (!urls) {
    print.place(`This run is offline; it is saved in ${folder}`);
    return;
  }
  print.info(`Run data is saved locally in ${folder}`);
  print.info(`${resumed ? "Resuming" : "Syncing"} run ${name}`);
  print.info(`${print.emoji("⭐")}View project at ${urls.project}`);
  if (urls.sweep) print.info(`${print.emoji("🧹")}View sweep at ${urls.sweep}`);
  link(print, `${print.emoji("🚀")}View run at`, urls.run);
}

/** A key that is in the address reaches the terminal alone. */
function link(print: Printer, text: string, url: string): void {
  print.place(`${text} ${linkWithoutKey(url)}`, `${text} ${url}`);
}

/** For the log of the run's own story. `refused`: of what the server got it would not have something. */
export function whoHasIt(sent: boolean, refused: boolean): string {
  if (!sent) return "the log has everything";
  return refused ? "the server has everything but what it refused" : "the server has everything";
}

export interface Outcome {
  /** The server has everything. */
  sent: boolean;
  rows: number;
  /** Undefined when there is no time to draw it: the process is leaving. */
  grids?: { history: HistoryGrid; summary: readonly Entry[]; maxSummary: number };
  /** How it is sent is said of several runs together. */
  unsaid?: boolean;
}

export function tellEnd(
  print: Printer,
  { folder, name, urls }: Whereabouts,
  { sent, rows, grids, unsaid }: Outcome,
): void {
  if (grids) {
    grid(print, "Run history:", grids.history.lines, grids.history.more);
    const summary = scalars(grids.summary);
    const shown = summary.slice(0, grids.maxSummary);
    grid(print, "Run summary:", shown, summary.length - shown.length);
    if (grids.history.lines.length + shown.length > 0) print.info("");
  }
  if (unsaid && !sent) return;
  if (urls && sent) {
    link(print, `${print.emoji("🚀")}View run ${name} at:`, urls.run);
    print.place(`${print.emoji("⭐")}View project at: ${urls.project}`);
    if (grids && rows > 0) print.info(`Synced ${countText(rows)} row${rows === 1 ? "" : "s"}`);
  } else print.info(`You can send this run to the server by running:\nsteelyard sync ${folder}`);
  print.info(`Find logs at: ${folder}/logs`);
}

/** A process has left it: the server does not have all of it. */
export interface LeftRun {
  print: Printer;
  whereabouts: Whereabouts;
}

/** Of more, the folder they are in is named. */
const MOST_FOLDERS = 20;

/** Together, however many they are; `of` = all that the process left. */
export function tellLeft(left: readonly LeftRun[], of: number): void {
  for (const { print, whereabouts } of left)
    print.quietly("INFO", `left behind; \`steelyard sync ${whereabouts.folder}\` sends it`);
  const told = left.filter(({ print }) => !print.isSilent);
  const [first] = told;
  if (!first) return;
  const { print, whereabouts } = first;
  const online = told.filter(({ whereabouts: { urls } }) => urls).length;
  if (online > 0)
    print.serious(
      `${of === 1 ? "the run" : `${countText(online)} of ${countText(of)} runs`} did not get to the server whole before the process ended`,
    );
  if (told.length === 1) {
    tellEnd(print, whereabouts, { sent: false, rows: 0 });
    return;
  }
  const folders = told.map(({ whereabouts: { folder } }) => folder);
  const way =
    folders.length <= MOST_FOLDERS
      ? `steelyard sync ${folders.join(" ")}`
      : `steelyard sync --include-online ${[...new Set(folders.map((folder) => dirname(folder)))].join(" ")}`;
  print.info(`You can send these ${countText(told.length)} runs to the server by running:\n${way}`);
}

function grid(print: Printer, title: string, lines: HistoryGrid["lines"], more: number): void {
  if (lines.length === 0) return;
  const all = more > 0 ? [...lines, [`+${countText(more)}`, "..."] as const] : lines;
  const width = Math.max(...all.map(([key]) => key.length));
  print.info(["", title, ...all.map(([key, text]) => `${key.padStart(width + 2)} ${text}`)].join("\n"));
}

const MAX_TEXT = 20;

/** What one line can show of the summary: no lists, nothing nested. */
function scalars(summary: readonly Entry[]): [string, string][] {
  return summary
    .filter(([key, json]) => !key.startsWith("_") && json !== "null" && !/^[[{]/.test(json))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, json]) => [key, scalar(json)]);
}

function scalar(json: string): string {
  if (json.startsWith('"')) {
    const text = (JSON.parse(json) as string).replaceAll("\n", " ");
    return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
  }
  const number = Number(json);
  return Number.isFinite(number) && !Number.isInteger(number) ? String(rounded(number)) : json;
}

/** To five places, and never to nothing. */
function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5 || Number(value.toPrecision(5));
}
