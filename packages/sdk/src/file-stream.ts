import {
  FILE_STREAM_NAMES,
  type FileStreamAnswer,
  type FileStreamRequest,
} from "@steelyard/protocol/file-stream";
import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import { type Http, RefusedError, send } from "./http.ts";
import type { TakenLines } from "./line-queue.ts";
import type { RunAddress } from "./run-transport.ts";

/** History lines of one request, and the place of the first. */
export interface HistoryChunk {
  offset: number;
  lines: TakenLines;
}

/** One line that the server takes in no request: its place holds what is left of it, so that all others keep theirs. */
export interface TooLarge {
  kind: "row" | "sample" | "summary";
  /** Of a row; undefined for one without. */
  step: number | undefined;
  /** Of the request that was refused, compressed if it was. */
  bytes: number;
}

interface Parcel {
  request: FileStreamRequest;
  history?: HistoryChunk | undefined;
}

const TOO_LARGE = 413;
const NEWLINE = 10;
/** Of a row, what is sent when the rest is too large: with it the row keeps its step and its place. */
const OWN_KEYS = ["_step", "_runtime", "_timestamp", "_wandb"];

/**
 * The way of rows, samples, console lines and summary to the server. What is more than it, or a proxy before it, takes at
 * once is sent in halves, down to one line, and from then on no request is as large as the refused one.
 */
export class FileStream {
  readonly #http: Http;
  readonly #onTooLarge: (what: TooLarge) => void;
  /** A request of so many bytes was refused. */
  #limitBytes = Number.POSITIVE_INFINITY;

  constructor(http: Http, onTooLarge: (what: TooLarge) => void) {
    this.#http = http;
    this.#onTooLarge = onTooLarge;
  }

  /** Throws what `send` does. */
  async send(run: RunAddress, request: FileStreamRequest, history?: HistoryChunk): Promise<FileStreamAnswer> {
    return this.#send(run, { request, history: history && history.lines.count > 0 ? history : undefined });
  }

  async #send(run: RunAddress, parcel: Parcel): Promise<FileStreamAnswer> {
    const plain = bodyOf(parcel);
    const body = this.#http.gzip ? await gzipped(plain) : plain;
    const bytes = Buffer.byteLength(body);
    const halves = bytes < this.#limitBytes ? undefined : halvesOf(parcel);
    if (!halves) {
      try {
        return await this.#post(run, body);
      } catch (error) {
        if (!(error instanceof RefusedError) || error.status !== TOO_LARGE) throw error;
        this.#limitBytes = Math.min(this.#limitBytes, bytes);
        return this.#smaller(run, parcel, bytes, error);
      }
    }
    return this.#both(run, halves);
  }

  /** What was refused as a whole. */
  async #smaller(run: RunAddress, parcel: Parcel, bytes: number, refusal: RefusedError) {
    const halves = halvesOf(parcel);
    if (halves) return this.#both(run, halves);
    const rest = withoutValues(parcel);
    if (!rest) throw refusal;
    const answer = rest.parcel ? await this.#post(run, bodyOf(rest.parcel), false) : {};
    this.#onTooLarge({ kind: rest.kind, step: rest.step, bytes });
    return answer;
  }

  async #both(run: RunAddress, halves: readonly [Parcel, Parcel]): Promise<FileStreamAnswer> {
    const first = await this.#send(run, halves[0]);
    const second = await this.#send(run, halves[1]);
    return first.stopped || second.stopped ? { stopped: true } : {};
  }

  async #post(run: RunAddress, body: string | Uint8Array, gzip = this.#http.gzip): Promise<FileStreamAnswer> {
    const path = [run.entity, run.project, run.name].map(encodeURIComponent).join("/");
    const response = await send(this.#http, "POST", `/files/${path}/file_stream`, body, {
      ...(gzip ? { headers: { "content-encoding": "gzip" } } : {}),
      patience: this.#http.fileStream,
    });
    try {
      return JSON.parse(response.text) as FileStreamAnswer;
    } catch {
      // The official server's answers need not be JSON; a 2xx is what counts.
      return {};
    }
  }
}

/** Loaded when first needed: few want it. */
async function gzipped(body: string | Uint8Array): Promise<Uint8Array> {
  const { gzip } = process.getBuiltinModule("node:zlib");
  return new Promise((resolve, reject) => {
    gzip(body, (error, compressed) => (error ? reject(error) : resolve(compressed)));
  });
}

/** Lines of history are JSON already: the rest is written around them. */
function bodyOf({ request, history }: Parcel): string | Uint8Array {
  if (!history) return JSON.stringify(request);
  const { files = {}, ...rest } = request;
  const members = (value: object) => {
    const json = JSON.stringify(value);
    return json === "{}" ? "" : `,${json.slice(1, -1)}`;
  };
  const head = Buffer.from(
    `{"files":{${JSON.stringify(FILE_STREAM_NAMES.history)}:{"offset":${history.offset},"content":[`,
  );
  const tail = Buffer.from(`]}${members(files)}}${members(rest)}}`);
  const blocks = [...history.lines.blocks];
  // No comma behind the last line.
  blocks.push((blocks.pop() as Uint8Array).subarray(0, -2));
  return Buffer.concat([head, ...blocks, tail]);
}

/** Two requests in place of one, to be sent in this order: its end comes with the last. Undefined for a single line. */
function halvesOf({ request, history }: Parcel): [Parcel, Parcel] | undefined {
  const { files = {}, ...rest } = request;
  const chunks = Object.entries(files);
  const hasRest = Object.keys(rest).length > 0;
  if (history && history.lines.count > 1) {
    const [first, second] = halvesOfLines(history);
    return [
      { request: {}, history: first },
      { request, history: second },
    ];
  }
  if (history) return chunks.length > 0 || hasRest ? [{ request: {}, history }, { request }] : undefined;
  const long = chunks.find(([, { content }]) => content.length > 1);
  if (long) {
    const [name, { offset, content }] = long;
    const half = content.length >> 1;
    const second = { offset: offset + half, content: content.slice(half) };
    return [
      { request: { files: { [name]: { offset, content: content.slice(0, half) } } } },
      { request: { ...rest, files: { ...files, [name]: second } } },
    ];
  }
  const [chunk, ...others] = chunks;
  if (!chunk || (others.length === 0 && !hasRest)) return undefined;
  return [
    { request: { files: Object.fromEntries([chunk]) } },
    { request: { ...rest, ...(others.length > 0 ? { files: Object.fromEntries(others) } : {}) } },
  ];
}

function halvesOfLines({ offset, lines: { count, blocks } }: HistoryChunk): [HistoryChunk, HistoryChunk] {
  const bytes = Buffer.concat(blocks);
  const half = count >> 1;
  let at = 0;
  for (let line = 0; line < half; line++) at = bytes.indexOf(NEWLINE, at) + 1;
  return [
    { offset, lines: { count: half, blocks: [bytes.subarray(0, at)] } },
    { offset: offset + half, lines: { count: count - half, blocks: [bytes.subarray(at)] } },
  ];
}

/** What of a single line is left to send; undefined where nothing could be left out. A summary has no place to hold. */
function withoutValues({
  request,
  history,
}: Parcel): (Pick<TooLarge, "kind" | "step"> & { parcel: Parcel | undefined }) | undefined {
  if (history) {
    const line = JSON.parse(Buffer.concat(history.lines.blocks).subarray(0, -2).toString()) as string;
    const rest = ownFacts(line);
    if (rest.text.length >= line.length) return undefined;
    const file = { offset: history.offset, content: [rest.text] };
    return {
      kind: "row",
      step: rest.step,
      parcel: { request: { files: { [FILE_STREAM_NAMES.history]: file } } },
    };
  }
  const [name, chunk] = Object.entries(request.files ?? {})[0] ?? [];
  if (name === FILE_STREAM_NAMES.summary) return { kind: "summary", step: undefined, parcel: undefined };
  const [line] = chunk?.content ?? [];
  if (name !== FILE_STREAM_NAMES.events || !chunk || line === undefined) return undefined;
  const { text } = ownFacts(line);
  if (text.length >= line.length) return undefined;
  return {
    kind: "sample",
    step: undefined,
    parcel: { request: { files: { [name]: { offset: chunk.offset, content: [text] } } } },
  };
}

function ownFacts(line: string): { text: string; step: number | undefined } {
  const row = parseExtendedJson(line) as Record<string, unknown>;
  const own = Object.fromEntries(Object.entries(row).filter(([key]) => OWN_KEYS.includes(key)));
  return { text: stringifyExtendedJson(own), step: typeof own._step === "number" ? own._step : undefined };
}

/** What was too large, in words: `the row of step 5 (2.1 MB)`. */
export function tooLargeText({ kind, step, bytes }: TooLarge): string {
  const size = bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const what = {
    row: step === undefined ? "a row" : `the row of step ${step}`,
    sample: "a sample of system metrics",
    summary: "the summary",
  }[kind];
  return `${what} is more than the server takes (413 for ${size})`;
}
