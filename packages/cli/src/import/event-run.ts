import { CommandError, info, warn } from "../terminal.ts";
import { ImportedRun, type ImportOptions } from "./imported-run.ts";
import { type EventFolder, eventRows } from "./tensorboard.ts";

export interface EventRunOptions extends ImportOptions {
  /** Damage is named and passed over; else it ends the import. */
  skipBad?: boolean;
}

/** The axis of a folder's charts. */
const STEP = "global_step";

/**
 * One run of folders with event files: its log, undefined when they hold nothing for it. Of several folders each has its
 * name before its tags, as the official client has it. `told` = what the user knows it by.
 */
export async function importEventRun(
  folders: readonly EventFolder[],
  options: EventRunOptions,
  told: string,
): Promise<string | undefined> {
  let run: ImportedRun | undefined;
  const left = new Map<string, number>();
  const config: Record<string, unknown> = {};
  const prefixes = folders.map(({ below }) => (folders.length === 1 || below === "" ? "" : `${below}/`));
  const begin = async (startTimeMs?: number): Promise<ImportedRun> => {
    const begun = await ImportedRun.begin(options, startTimeMs);
    for (const prefix of prefixes) begun.stepBy(`${prefix}${STEP}`, `${prefix}*`);
    return begun;
  };
  try {
    for (const [at, { files }] of folders.entries()) {
      const prefix = prefixes[at] ?? "";
      for await (const row of eventRows(files)) {
        if (row.kind === "row") {
          run ??= await begin(row.timestamp * 1000);
          const values = Object.entries(row.values).map(([key, value]) => [prefix + key, value]);
          run.add({ ...Object.fromEntries(values), _timestamp: row.timestamp });
        } else if (row.kind === "config") Object.assign(config, row.values);
        else if (row.kind === "other") left.set(row.plugin, (left.get(row.plugin) ?? 0) + 1);
        else if (options.skipBad) warn(`${row.file}: byte ${row.at}: ${row.reason}`);
        else
          throw new CommandError(`${row.file}: byte ${row.at}: ${row.reason}; --skip-bad imports the rest`);
      }
    }
    if (Object.keys(config).length > 0) {
      run ??= await begin();
      run.configure(config);
    }
    await run?.end();
  } catch (error) {
    await run?.discard();
    throw error;
  }
  const kinds = [...left].map(([plugin, count]) => `${count} ${plugin}`).join(", ");
  if (kinds) warn(`${told}: not imported, they are no scalars: ${kinds}`);
  if (!run) {
    warn(`${told} has no scalars and no hyperparameters; no run is made of it`);
    return undefined;
  }
  info(`${told}: ${run.rows} rows`);
  return run.log;
}
