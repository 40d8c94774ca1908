import { parseExtendedJson } from "@steelyard/protocol/history";
import { LoggedRunReader } from "../logged-run.ts";
import type { Bucket } from "../run-transport.ts";
import { LogFile } from "./log-file.ts";
import type { FirstPlaces } from "./sync-state.ts";

/** Characters of lines that are looked through at once. */
const AT_ONCE = 4 * 2 ** 20;
/** Times of system metrics are milliseconds in the log, seconds on the wire. */
const SAME_TIME_S = 0.001;

/**
 * Where the lines of a resumed run's log belong, behind what others wrote; of its own lines the server may have the first
 * already. What cannot be placed is added to `unsent`.
 */
export function firstPlaces(logFile: string, before: Bucket, unsent: string[]): FirstPlaces {
  const last = lastLine(before.historyTail);
  const lastEvent = lastLine(before.eventsTail);
  let [rows, events] = [0, 0];
  let [lastRow, lastSample] = [-1, -1];
  const look = (reader: LoggedRunReader) => {
    const lines = reader.takeLines();
    const row = last === undefined ? -1 : lines.history.findLastIndex((line) => isSameRow(line, last));
    if (row >= 0) lastRow = rows + row;
    const sample =
      lastEvent === undefined ? -1 : lines.events.findLastIndex((line) => isSameTime(line, lastEvent));
    if (sample >= 0) lastSample = events + sample;
    rows += lines.history.length;
    events += lines.events.length;
  };
  const file = new LogFile(logFile);
  try {
    const reader = new LoggedRunReader();
    for (const found of file.records(true)) {
      reader.take(found);
      if (reader.waiting >= AT_ONCE) look(reader);
    }
    look(reader);
  } finally {
    file.close();
  }
  if (lastRow < 0)
    return {
      history: before.historyLineCount,
      events: before.eventsLineCount,
      console: before.logLineCount,
    };
  unsent.push("console output of this part is not sent again: the server has some of it");
  return {
    history: before.historyLineCount - lastRow - 1,
    events: lastSample < 0 ? before.eventsLineCount : before.eventsLineCount - lastSample - 1,
    console: undefined,
  };
}

function lastLine(tail: string | null): string | undefined {
  return (JSON.parse(tail || "[]") as string[]).at(-1);
}

const valuesOf = (line: string) => parseExtendedJson(line) as Record<string, unknown>;

function isSameRow(line: string, last: string): boolean {
  const [one, two] = [valuesOf(line), valuesOf(last)];
  return one._step === two._step && one._timestamp === two._timestamp;
}

function isSameTime(line: string, last: string): boolean {
  const times = [valuesOf(line), valuesOf(last)].map(({ _timestamp }) => Number(_timestamp));
  return Math.abs((times[0] ?? 0) - (times[1] ?? 0)) <= SAME_TIME_S;
}
