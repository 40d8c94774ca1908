import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { RecordLogReader } from "@steelyard/protocol/record-log";
import { type LogRecord, readRecord } from "@steelyard/protocol/records";
import type { Tally } from "../workload.ts";

/** The records of the `.wandb` log of a run, somewhere under a folder. Throws when it is not there. */
export function* readLog(folder: string, run: string): Generator<LogRecord> {
  const [path] = globSync(`**/run-${run}.wandb`, { cwd: folder });
  if (!path) throw new Error(`no log of ${run}`);
  for (const found of new RecordLogReader().take(readFileSync(join(folder, path)), true)) {
    if (found.kind === "record") yield readRecord(found.bytes);
  }
}

/** What the logs of runs have, as the workers' `read_back` answers of a server. */
export function readLogs(folder: string, runs: readonly string[]): Record<string, Record<string, Tally>> {
  const read: Record<string, Record<string, Tally>> = {};
  for (const run of runs) {
    const tallies: Record<string, Tally> = {};
    for (const record of readLog(folder, run)) {
      if (record.kind === "history") addRow(tallies, record);
    }
    read[run] = tallies;
  }
  return read;
}

function addRow(tallies: Record<string, Tally>, { items, step }: LogRecord & { kind: "history" }): void {
  for (const [path, text] of items) {
    const key = path.join(".");
    if (key.startsWith("_")) continue;
    tallies[key] ??= [0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1];
    const tally = tallies[key];
    const value = parseExtendedJson(text) as number;
    tally[0]++;
    tally[5] = Math.max(tally[5], step);
    if (Number.isNaN(value)) tally[2]++;
    else {
      tally[1] += value;
      tally[3] = Math.min(tally[3], value);
      tally[4] = Math.max(tally[4], value);
    }
  }
}
