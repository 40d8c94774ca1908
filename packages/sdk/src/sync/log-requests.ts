import { FILE_STREAM_NAMES, type FileStreamRequest } from "@steelyard/protocol/file-stream";
import type { HistoryChunk } from "../file-stream.ts";
import type { LoggedLines, LoggedRunReader } from "../logged-run.ts";
import { consoleChunk } from "../uplink.ts";
import { PackedLines } from "./packed-lines.ts";
import type { LogSyncOptions } from "./sync-options.ts";
import type { FirstPlaces } from "./sync-state.ts";

export interface LogRequest {
  request: FileStreamRequest;
  /** Good until the next one is asked for. */
  history?: HistoryChunk | undefined;
}

/** What a log's lines are in requests, at the places they have at the server. */
export class LogRequests {
  readonly #reader: LoggedRunReader;
  readonly #first: FirstPlaces;
  readonly #options: Pick<LogSyncOptions, "follow" | "skipConsole">;
  readonly #packed = new PackedLines();
  /** Of the reader, when it was last told. */
  #toldSummary = 0;
  #toldPreempting = false;

  constructor(
    reader: LoggedRunReader,
    first: FirstPlaces,
    options: Pick<LogSyncOptions, "follow" | "skipConsole">,
  ) {
    this.#reader = reader;
    this.#first = first;
    this.#options = options;
  }

  /** `before` = lines of the log that came before these; `last`: the log has no more. */
  *of(
    { history, events, console }: LoggedLines,
    before: { history: number; events: number },
    last: boolean,
  ): Generator<LogRequest> {
    const files: NonNullable<FileStreamRequest["files"]> = {};
    if (events.length > 0)
      files[FILE_STREAM_NAMES.events] = { offset: this.#first.events + before.events, content: events };
    const [stretch, ...others] = this.#stretchesOf(console);
    if (stretch) files[FILE_STREAM_NAMES.console] = stretch;
    const goesOn = this.#options.follow && !last;
    if (goesOn && this.#toldSummary !== this.#reader.summaryChanges) {
      this.#toldSummary = this.#reader.summaryChanges;
      files[FILE_STREAM_NAMES.summary] = { offset: 0, content: [this.#reader.summaryJson] };
    }
    const preempting = this.#reader.preempting && !this.#toldPreempting && goesOn;
    if (preempting) this.#toldPreempting = true;
    if (history.length + Object.keys(files).length > 0 || preempting)
      yield {
        request: { files, ...(preempting ? { preempting } : {}) },
        history: { offset: this.#first.history + before.history, lines: this.#packed.pack(history) },
      };
    for (const stretch of others) yield { request: { files: { [FILE_STREAM_NAMES.console]: stretch } } };
  }

  #stretchesOf(console: LoggedLines["console"]) {
    const { console: first } = this.#first;
    if (first === undefined || this.#options.skipConsole) return [];
    return console.map((stretch) => {
      const { offset, content } = consoleChunk(stretch, this.#reader.consoleLabel);
      return { offset: first + offset, content };
    });
  }
}
