import {
  FILE_STREAM_NAMES,
  FileStreamFormatError,
  type FileStreamRequest,
  parseFileStreamRequest,
} from "@steelyard/protocol/file-stream";
import { SteelyardError } from "../errors.ts";
import type { AppendBatch, AppendResult, MetricStore, StreamName } from "../ports/metric-store.ts";
import type { RunRef } from "../projects/access.ts";

/** What is left of a request when its lines are with the store. */
export interface Begun {
  /** When the body was there, by `performance.now()`. */
  atMs: number;
  /** Of the body, unpacked. */
  sizeBytes: number;
  /** The batches that were handed over, and what became of each, in the same order. */
  streams: { stream: StreamName; offset: number; lines: number }[];
  appended: Promise<AppendResult[]>;
  /** Files of the run that are kept by lines. */
  texts: { name: string; offset: number; lines: string[] }[];
  summary: string | undefined;
  systemMetrics: string | undefined;
  request: Omit<FileStreamRequest, "files">;
}

/**
 * Parses a body and hands its lines to the store. Not async, so that body and lines are garbage when it returns: a
 * hundred requests that wait for their commit would hold on to all of theirs, and each collection would copy them.
 */
export function beginStoring(metrics: MetricStore, run: RunRef, writer: string, body: Buffer): Begun {
  const atMs = performance.now();
  const { files = {}, ...request } = parseRequest(body.toString("utf8"));
  const batches: AppendBatch[] = [];
  const texts: Begun["texts"] = [];
  let summary: string | undefined;
  let systemMetrics: string | undefined;
  for (const [name, { offset, content }] of Object.entries(files)) {
    if (content.length === 0) continue;
    if (name === FILE_STREAM_NAMES.history)
      batches.push({ run: run.id, stream: "history", writer, offset, lines: content });
    else if (name === FILE_STREAM_NAMES.events) {
      batches.push({ run: run.id, stream: "events", writer, offset, lines: content });
      systemMetrics = content.at(-1);
    } else if (name === FILE_STREAM_NAMES.summary) summary = content.at(-1);
    else if (name === FILE_STREAM_NAMES.console)
      batches.push({ run: run.id, stream: "console", writer, offset, lines: content.map(withoutNewline) });
    else texts.push({ name, offset, lines: content.map(withoutNewline) });
  }
  return {
    atMs,
    sizeBytes: body.length,
    streams: batches.map(({ stream, offset, lines }) => ({ stream, offset, lines: lines.length })),
    appended: batches.length > 0 ? metrics.append(batches) : Promise.resolve([]),
    texts,
    summary,
    systemMetrics,
    request,
  };
}

function parseRequest(text: string): FileStreamRequest {
  try {
    return parseFileStreamRequest(text);
  } catch (cause) {
    if (cause instanceof FileStreamFormatError)
      throw new SteelyardError("bad-request", cause.message, { cause });
    throw cause;
  }
}

function withoutNewline(line: string): string {
  return line.endsWith("\n") ? line.slice(0, -1) : line;
}
