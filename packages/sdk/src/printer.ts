import { SETTING_NAMES, type Settings, settingOf, tellable } from "@steelyard/protocol/settings";
import type { DebugLog } from "./debug-log.ts";
import { inDenoNotebook } from "./notebook.ts";
import type { RunFolder } from "./run-folder.ts";
import { VERSION } from "./version.ts";

/**
 * How a run speaks: on standard error, so that standard output is the program's alone. WANDB_SILENT, WANDB_QUIET and the
 * WANDB_SHOW_ switches decide what reaches the terminal; `debug.log` has all of it.
 */
export interface Printer {
  info(text: string): void;
  /** Where the run can be found: WANDB_QUIET leaves it. `onTerminal`: said there instead, when it has what must be in no file. */
  place(text: string, onTerminal?: string): void;
  serious(text: string): void;
  error(text: string): void;
  /** Into `debug.log` only. */
  quietly(level: "INFO" | "WARNING" | "ERROR", text: string): void;
  /** One line on a terminal that the next one takes the place of; without a text it goes. Elsewhere nothing is shown. */
  live(text?: string): void;
  /** A live line would be seen. */
  readonly isLive: boolean;
  /** Nothing is printed, whatever it is. */
  readonly isSilent: boolean;
  /** With a blank behind it, or nothing. */
  emoji(symbol: string): string;
}

const CLEAR_LINE = "\r\u001b[K";

/** What of the process decides how it looks. */
export interface TerminalFacts {
  isTTY: boolean;
  platform: NodeJS.Platform;
  environment: Readonly<Record<string, string | undefined>>;
}

const thisTerminal = (): TerminalFacts => ({
  isTTY: process.stderr.isTTY === true,
  platform: process.platform,
  environment: process.env,
});

/** Everything that is printed is in `debug.log` too, silent or not. */
export function printerOf(
  settings: Settings,
  debug: DebugLog,
  { isTTY, platform, environment }: TerminalFacts = thisTerminal(),
): Printer {
  const { silent, quiet, showInfo, showWarnings, showErrors } = settings;
  const able = isTTY && environment.TERM !== "dumb";
  // https://no-color.org: present and not empty.
  const coloured = settings.showColors ?? (able && !environment.NO_COLOR);
  const pictured = settings.showEmoji ?? (able && platform !== "win32");
  const style = (codes: string, text: string) => (coloured ? `\u001b[${codes}m${text}\u001b[0m` : text);
  const prefix = `${style("1;34", "steelyard")}: `;
  const isLive = able && !silent && !quiet && showInfo;
  let liveText: string | undefined;

  const write = (text: string) => {
    // What Deno's kernel gets on the stream itself, its notebook does not show.
    if (inDenoNotebook()) console.error(text.trimEnd());
    else process.stderr.write(text);
  };
  const print = (shown: boolean, text: string, level = "") => {
    if (!shown || silent) return;
    const lines = text.split("\n").map((line) => `${prefix}${level}${line}`.trimEnd());
    write(`${liveText === undefined ? "" : CLEAR_LINE}${lines.join("\n")}\n${liveText ?? ""}`);
  };
  return {
    info(text) {
      debug.write("INFO", "print", text);
      print(showInfo && !quiet, text);
    },
    place(text, onTerminal = text) {
      debug.write("INFO", "print", text);
      print(showInfo, onTerminal);
    },
    serious(text) {
      debug.write("WARNING", "print", text);
      print(showWarnings, text, `${style("33", "WARNING")} `);
    },
    error(text) {
      debug.write("ERROR", "print", text);
      print(showErrors, text, `${style("31", "ERROR")} `);
    },
    quietly: (level, text) => debug.write(level, "run", text),
    live(text) {
      if (!isLive || (text === undefined && liveText === undefined)) return;
      liveText = text === undefined ? undefined : `${prefix}${text}`;
      write(CLEAR_LINE + (liveText ?? ""));
    },
    isLive,
    isSilent: silent,
    emoji: (symbol) => (pictured ? `${symbol} ` : ""),
  };
}

/** What the run was started with; of the key, only that there is one. */
export function tellSettings(
  debug: DebugLog,
  settings: Settings,
  config: Record<string, string>,
  { debugLog, internalLog }: RunFolder,
): void {
  const tell = (text: string) => debug.write("INFO", "init", text);
  tell(`Current SDK version is ${VERSION} (steelyard), Node ${process.version}, pid ${process.pid}`);
  const variables = Object.keys(process.env).filter((name) => name.startsWith("WANDB_"));
  tell(`Variables that are set: ${variables.sort().join(", ") || "none"}`);
  const said = Object.fromEntries(
    SETTING_NAMES.map((name) => [name, tellable(settingOf(name), settings[name])]),
  );
  tell(`Settings: ${JSON.stringify(said)}`);
  tell(`Logging user logs to ${debugLog}`);
  tell(`Logging internal logs to ${internalLog}`);
  tell(
    `init called with config: {${Object.entries(config)
      .map(([key, json]) => `${JSON.stringify(key)}: ${json}`)
      .join(", ")}}`,
  );
}
