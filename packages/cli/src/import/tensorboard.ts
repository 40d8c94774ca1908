import { createReadStream, readdirSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { EventRecordReader, type PluginOfTag, readEvent } from "@steelyard/protocol/tfevents";
import { CommandError } from "../terminal.ts";

/** Folders below `root` that hold event files: a run each. */
export interface EventFolder {
  /** Path below the root; the root's own name for the root itself. */
  name: string;
  /** Path below the root; "" for the root itself. */
  below: string;
  files: string[];
}

export type EventRow =
  | { kind: "row"; timestamp: number; values: Record<string, unknown> }
  | { kind: "config"; values: Record<string, unknown> }
  | { kind: "other"; plugin: string }
  | { kind: "damage"; file: string; at: number; reason: string };

/** TensorFlow leaves such files beside those with events. */
const NO_EVENTS = /\.(profile-empty|sagemaker-uploaded)$/;

/** An event file, or a folder with some and no log of a run, which would have the same rows. */
export function holdsEvents(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found !== undefined && isEventFile(basename(path));
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return !names.some((name) => name.endsWith(".wandb")) && names.some((name) => isEventFile(basename(name)));
}

const isEventFile = (name: string): boolean => /tfevents/.test(name) && !NO_EVENTS.test(name);

/** Throws CommandError when there is no event file. */
export function eventFolders(root: string): EventFolder[] {
  const folders: EventFolder[] = [];
  const look = (folder: string) => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    const files = entries.filter((entry) => entry.isFile() && isEventFile(entry.name));
    if (files.length > 0)
      folders.push({
        name: relative(root, folder) || basename(resolve(root)),
        below: relative(root, folder),
        files: files.map(({ name }) => join(folder, name)),
      });
    for (const entry of entries) if (entry.isDirectory()) look(join(folder, entry.name));
  };
  const found = statSync(root, { throwIfNoEntry: false });
  if (!found) throw new CommandError(`${root} is not there`);
  if (found.isFile()) return [{ name: basename(resolve(root, "..")), below: "", files: [root] }];
  look(root);
  if (folders.length === 0)
    throw new CommandError(`${root} and the folders in it hold no event files (…tfevents…)`);
  return folders;
}

/**
 * Scalars of the files in turn. Events that follow each other with one step are one row, which has it as `global_step`: the
 * tags of a file count their steps each by itself, so a row's own step is its number.
 */
export async function* eventRows(files: readonly string[]): AsyncGenerator<EventRow> {
  const plugins: PluginOfTag = new Map();
  let open: { step: number; timestamp: number; values: Record<string, unknown> } | undefined;
  const row = (): EventRow[] =>
    open
      ? [{ kind: "row", timestamp: open.timestamp, values: { ...open.values, global_step: open.step } }]
      : [];
  for (const file of files) {
    const reader = new EventRecordReader();
    for await (const record of recordsOf(file, reader)) {
      if (record.kind === "damage") {
        yield { kind: "damage", file, at: record.at, reason: record.reason };
        continue;
      }
      let event: ReturnType<typeof readEvent>;
      try {
        event = readEvent(record.bytes, plugins);
      } catch (error) {
        yield { kind: "damage", file, at: record.at, reason: `no event: ${(error as Error).message}` };
        continue;
      }
      for (const value of event.values) {
        if (value.kind === "other") yield { kind: "other", plugin: value.plugin };
        else if (value.kind === "hparams") yield { kind: "config", values: value.values };
        else {
          if (open && open.step !== event.step) {
            yield* row();
            open = undefined;
          }
          open ??= { step: event.step, timestamp: event.wallTime, values: Object.create(null) };
          open.values[value.tag] = value.value;
          open.timestamp = event.wallTime;
        }
      }
    }
  }
  yield* row();
}

async function* recordsOf(file: string, reader: EventRecordReader) {
  for await (const part of createReadStream(file, { highWaterMark: 2 ** 20 }))
    yield* reader.take(part as Buffer);
  yield* reader.end();
}
