import { HistoryShape, historyRecord, type Item, type RowText } from "@steelyard/protocol/records";
import type { HistorySketch } from "./history-sketch.ts";
import type { LineQueue } from "./line-queue.ts";
import type { Entry } from "./messages.ts";
import type { RunLog } from "./run-log.ts";
import type { Summary } from "./summary.ts";
import { numberJson } from "./values.ts";

/** Keys that every row gets, in this order, after its own; rows that the server numbers, without the last. */
const FACTS = ["_timestamp", "_runtime", "_step"];
const QUOTE = 0x22;
const COMMA = 0x2c;
const CLOSING_BRACKET = 0x5d;
const CLOSING_BRACE = 0x7d;
const NEWLINE = 0x0a;
/** Longest number as JSON: sign, 17 digits, point, exponent. */
const MAX_NUMBER_BYTES = 25;

interface Shape {
  keys: readonly string[];
  record: HistoryShape;
  /** Of the network's line: what stands before each value, and after the last. */
  prefixes: Uint8Array[];
  /** Length of a line without its values. */
  lineBytes: number;
  /** Of the last row. */
  values: number[];
  /** Places of keys with a rule, by the summary's count of definitions; undefined when there is none. */
  ruled: number[] | undefined;
  definitions: number;
  sketch: ((values: readonly number[]) => void) | undefined;
}

/**
 * The run's rows: each goes to the log's open stretch, to the summary and, online, to the lines that wait for the network.
 *
 * Hot path: once per row; what a shape's rows have in common is made once, and each number is written as text once.
 */
export class History {
  readonly #log: RunLog;
  readonly #summary: Summary;
  /** Undefined where nothing is ever sent. */
  readonly #lines: LineQueue | undefined;
  /** Undefined where nobody asks for the course of the metrics. */
  readonly #sketch: HistorySketch | undefined;
  readonly #shapes = new Map<number, Shape>();
  /** Shape of rows whose last values the summary has not heard. */
  #unheard: Shape | undefined;
  readonly #text: RowText = { bytes: new Uint8Array(4096), ends: new Int32Array(64) };
  readonly #facts: readonly string[];
  #timestamp = Number.NaN;
  #timestampText = "";
  #runtimeText = "";
  #stepText = "";
  /** The furthest so far. */
  #step = -1;
  /** A longer line is not sent: a server may refuse it. */
  readonly #maxLineBytes: number;
  /** Zero of `_runtime`. */
  startTimeMs: number;
  /** False when nothing is sent (any more). */
  sending: boolean;
  /** Called when a row is too long to be sent; the log has it. */
  onTooLong: (bytes: number, limit: number, step: number) => void = () => {};

  constructor(
    log: RunLog,
    summary: Summary,
    lines: LineQueue | undefined,
    sketch: HistorySketch | undefined,
    options: { startTimeMs: number; sending: boolean; numbered?: boolean; maxLineBytes?: number },
  ) {
    this.#facts = options.numbered === false ? FACTS.slice(0, -1) : FACTS;
    this.#sketch = sketch;
    this.#log = log;
    this.#summary = summary;
    this.#lines = lines;
    this.startTimeMs = options.startTimeMs;
    this.sending = options.sending;
    this.#maxLineBytes = options.maxLineBytes ?? Number.POSITIVE_INFINITY;
  }

  /** False: the server gives the rows their steps. */
  get numbered(): boolean {
    return this.#facts === FACTS;
  }

  /** Of the last row, as JSON; undefined before the first. */
  get last(): { step: string; runtime: string; timestamp: string } | undefined {
    if (this.#stepText === "") return undefined;
    return { step: this.#stepText, runtime: this.#runtimeText, timestamp: this.#timestampText };
  }

  define(id: number, keys: readonly string[]): void {
    const all = [...keys, ...this.#facts];
    const prefixes = all.map((key, index) => quoted(`${index === 0 ? "{" : ","}${JSON.stringify(key)}:`));
    this.#shapes.set(id, {
      keys,
      record: new HistoryShape(all),
      prefixes,
      lineBytes: prefixes.reduce((sum, { length }) => sum + length, `""},\n`.length),
      values: keys.map(() => 0),
      ruled: undefined,
      definitions: 0,
      sketch: this.#sketch?.shape(keys),
    });
  }

  /** Numbers of a shape's keys, `cells[from]` and on; `isLogged` = the log has them. */
  numbers(
    id: number,
    step: number,
    timestamp: number,
    cells: Float64Array,
    from: number,
    isLogged: boolean,
  ): void {
    const shape = this.#shapes.get(id);
    if (!shape) return;
    if (this.#unheard !== shape) {
      this.settle();
      this.#unheard = shape;
    }
    this.#setFacts(step, timestamp);
    this.#write(shape, cells, from);
    if (!isLogged) this.#log.row(shape.record, this.#text, this.numbered ? step : 0);
    this.#tellRuled(shape);
    shape.sketch?.(shape.values);
    if (this.sending) this.#line(shape);
  }

  /** To the log alone, as `numbers`. */
  record(id: number, step: number, timestamp: number, cells: Float64Array, from: number): void {
    const shape = this.#shapes.get(id);
    if (!shape) return;
    this.#setFacts(step, timestamp);
    this.#write(shape, cells, from);
    this.#log.row(shape.record, this.#text, this.numbered ? step : 0);
  }

  /** The run has been so far: rows of lower steps are late. */
  startBehind(step: number): void {
    this.#step = step;
  }

  /** A row of anything; one for a step that is past changes neither the step nor the last values. */
  mixed(step: number, timestamp: number, entries: readonly Entry[], isLogged: boolean): void {
    this.settle();
    const furthest = this.#step;
    const late = this.numbered && step < furthest;
    this.#setFacts(step, timestamp);
    const all = this.#withFacts(entries);
    if (!isLogged) this.#log.add(this.#recordOf(all, step));
    if (late) this.#setFacts(furthest, timestamp);
    for (const [key, json] of entries) {
      if (late) this.#summary.late(key, json, step);
      else this.#summary.logged(key, json);
      this.#sketch?.value(key, json);
    }
    if (!this.sending) return;
    const line = `{${all.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
    const bytes = line.length > this.#maxLineBytes / 3 ? Buffer.byteLength(line) : 0;
    if (bytes > this.#maxLineBytes) this.onTooLong(bytes, this.#maxLineBytes, step);
    else this.#lines?.push(line);
  }

  /** To the log alone, as `mixed`. */
  recordMixed(step: number, timestamp: number, entries: readonly Entry[]): void {
    this.#setFacts(step, timestamp);
    this.#log.add(this.#recordOf(this.#withFacts(entries), step));
  }

  /** `record` rows that were taken before: what came last stays so. */
  again(rows: () => void): void {
    const [step, timestamp] = [this.#step, this.#timestamp];
    rows();
    this.#setFacts(step, timestamp);
  }

  #withFacts(entries: readonly Entry[]): Entry[] {
    const all: Entry[] = [...entries, ["_timestamp", this.#timestampText], ["_runtime", this.#runtimeText]];
    if (this.numbered) all.push(["_step", this.#stepText]);
    return all;
  }

  #recordOf(all: readonly Entry[], step: number): (num: number) => Uint8Array {
    const items = all.map(([key, json]): Item => [[key], json]);
    return (num) => historyRecord(num, items, this.numbered ? step : 0);
  }

  /** The summary hears of what was logged. */
  settle(): void {
    const shape = this.#unheard;
    if (!shape) return;
    this.#unheard = undefined;
    for (let index = 0; index < shape.keys.length; index++) {
      const key = shape.keys[index] as string;
      if (!this.#summary.ruled(key)) this.#summary.number(key, shape.values[index] as number);
    }
  }

  /** Of which more than the last value is kept, hear of every row. */
  #tellRuled(shape: Shape): void {
    if (shape.definitions !== this.#summary.definitions) {
      shape.definitions = this.#summary.definitions;
      const ruled = shape.keys.flatMap((key, place) => (this.#summary.ruled(key) ? [place] : []));
      shape.ruled = ruled.length > 0 ? ruled : undefined;
    }
    if (!shape.ruled) return;
    for (const place of shape.ruled)
      this.#summary.number(shape.keys[place] as string, shape.values[place] as number);
  }

  #setFacts(step: number, timestamp: number): void {
    // Many rows fall into one millisecond.
    if (timestamp !== this.#timestamp) {
      this.#timestamp = timestamp;
      this.#timestampText = String(timestamp);
      this.#runtimeText = String(Math.round(timestamp * 1000 - this.startTimeMs) / 1000);
    }
    this.#step = step;
    this.#stepText = String(step);
  }

  /** The row's numbers and facts, as text. */
  #write(shape: Shape, cells: Float64Array, from: number): void {
    const { values } = shape;
    const count = values.length;
    const text = this.#text;
    if (text.ends.length < count + FACTS.length) {
      text.ends = new Int32Array(count + FACTS.length);
      text.bytes = new Uint8Array(text.ends.length * MAX_NUMBER_BYTES);
    }
    let plain = true;
    for (let index = 0; index < count; index++) {
      const value = cells[from + index] as number;
      values[index] = value;
      // NaN, the infinities and minus zero, which JSON.stringify would change.
      if (value - value !== 0 || (value === 0 && 1 / value < 0)) plain = false;
    }
    const { bytes, ends } = text;
    let at = 0;
    if (plain) {
      // One call for the row: half the time of a String(value) each.
      const list = JSON.stringify(values);
      let index = 0;
      for (let place = 1; place < list.length; place++) {
        const code = list.charCodeAt(place);
        if (code === COMMA || code === CLOSING_BRACKET) ends[index++] = at;
        else bytes[at++] = code;
      }
    } else {
      for (let index = 0; index < count; index++) {
        at = put(bytes, at, numberJson(values[index] as number));
        ends[index] = at;
      }
    }
    at = put(bytes, at, this.#timestampText);
    ends[count] = at;
    at = put(bytes, at, this.#runtimeText);
    ends[count + 1] = at;
    if (this.numbered) ends[count + 2] = put(bytes, at, this.#stepText);
  }

  /** Of a line as it stands in a request: quoted, so some bytes longer than the line itself. */
  #isTooLong(quoted: Uint8Array): boolean {
    const bytes = Buffer.byteLength(JSON.parse(new TextDecoder().decode(quoted)) as string);
    if (bytes > this.#maxLineBytes) this.onTooLong(bytes, this.#maxLineBytes, Number(this.#stepText));
    return bytes > this.#maxLineBytes;
  }

  #line({ prefixes, lineBytes }: Shape): void {
    const { bytes: text, ends } = this.#text;
    const lines = this.#lines;
    if (!lines) return;
    const size = lineBytes + (ends[prefixes.length - 1] as number);
    const began = lines.begin(size);
    let at = began;
    const { bytes } = lines;
    bytes[at++] = QUOTE;
    let from = 0;
    for (let index = 0; index < prefixes.length; index++) {
      const prefix = prefixes[index] as Uint8Array;
      const end = ends[index] as number;
      for (let place = 0; place < prefix.length; place++) bytes[at++] = prefix[place] as number;
      while (from < end) bytes[at++] = text[from++] as number;
    }
    bytes[at++] = CLOSING_BRACE;
    bytes[at++] = QUOTE;
    bytes[at++] = COMMA;
    bytes[at++] = NEWLINE;
    if (size > this.#maxLineBytes && this.#isTooLong(bytes.subarray(began, at - 2))) return;
    lines.end(at);
  }
}

/** ASCII only. */
function put(bytes: Uint8Array, from: number, text: string): number {
  let at = from;
  for (let place = 0; place < text.length; place++) bytes[at++] = text.charCodeAt(place);
  return at;
}

/** As it stands inside a JSON string. */
function quoted(text: string): Uint8Array {
  return Buffer.from(JSON.stringify(text).slice(1, -1));
}
