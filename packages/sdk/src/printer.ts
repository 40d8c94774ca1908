import { SETTING_NAMES, type Settings, settingOf, tellable } from "@steelyard/protocol/settings";
import type { DebugLog } from "./debug-log.ts";
import type { RunFolder } from "./run-folder.ts";
import { VERSION } from "./version.ts";

/** How a run prints; WANDB_SILENT and WANDB_QUIET decide what reaches the terminal. */
export interface Printer {
  /** `onTerminal`: said there instead, when it has what must be in no file. */
  info(text: string, onTerminal?: string): void;
  serious(text: string): void;
  /** Into `debug.log` only. */
  quietly(level: "INFO" | "WARNING" | "ERROR", text: string): void;
}

/** Everything that is printed is in `debug.log` too, silent or not. */
export function printerOf(settings: Settings, debug: DebugLog): Printer {
  const { silent, quiet, showInfo, showWarnings } = settings;
  const print = (shown: boolean, text: string) => {
    if (shown && !silent) process.stderr.write(`steelyard: ${text}\n`);
  };
  return {
    info(text, onTerminal = text) {
      debug.write("INFO", "print", text);
      print(showInfo && !quiet, onTerminal);
    },
    serious(text) {
      debug.write("WARNING", "print", text);
      print(showWarnings, text);
    },
    quietly: (level, text) => debug.write(level, "run", text),
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
