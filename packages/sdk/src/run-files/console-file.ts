import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type ConsoleLine, Terminal } from "../terminal.ts";

/** Often enough for whoever looks on, seldom enough to cost nothing. */
const WRITE_EVERY_MS = 1000;
/** Characters that may wait for that: of more the terminal would drop some. */
const MAX_WAITING = 4_000_000;

export interface ConsoleParts {
  /** Several files in `logs/` instead of one. */
  multipart: boolean;
  /** Size and age after which the next of those begins; 0: no limit. */
  maxBytes: number;
  maxSeconds: number;
}

/** The console as plain lines, as a terminal shows them, in `output.log`, `output_LABEL.log`, or its parts. */
export class ConsoleFile {
  readonly #filesDir: string;
  readonly #name: string;
  readonly #parts: ConsoleParts;
  readonly #terminal = new Terminal(0);
  #part: Part | undefined;
  #waiting = 0;
  #writtenMs = performance.now();
  /** Called with the name of a part that is complete. */
  onComplete: (name: string) => void = () => {};
  /** Called once, when the disk takes no more. */
  onFailed: (error: Error) => void = () => {};
  #failed = false;

  /** `label` = of a writer among several, whose file has a name of its own; "" for none. */
  constructor(filesDir: string, parts: ConsoleParts, label = "") {
    this.#name = label === "" ? "output.log" : `output_${label.replace(/[^\p{L}\p{N}._-]/gu, "-")}.log`;
    this.#filesDir = filesDir;
    this.#parts = parts;
  }

  output(stream: "stdout" | "stderr", text: string, atMs: number): void {
    this.#terminal.write(stream, text, atMs);
    this.#printed(text);
  }

  /** Lines that are told to the run, and to no terminal. */
  lines(text: string, atMs: number): void {
    this.#terminal.lines(text, atMs);
    this.#printed(text);
  }

  #printed(text: string): void {
    this.#waiting += text.length;
    if (this.#waiting > MAX_WAITING) this.#write();
  }

  /** Write what waits, if it is time to. */
  turn(): void {
    if (this.#waiting > 0 && performance.now() - this.#writtenMs >= WRITE_EVERY_MS) this.#write();
  }

  /** Write everything; the name of the last part, undefined when nothing was printed. */
  end(): string | undefined {
    this.#write();
    const part = this.#part;
    part?.close();
    this.#part = undefined;
    return part?.name;
  }

  #write(): void {
    this.#waiting = 0;
    this.#writtenMs = performance.now();
    const lines = this.#terminal.take(Number.POSITIVE_INFINITY).flat();
    if (this.#failed) return;
    try {
      this.#put(lines);
    } catch (error) {
      this.#failed = true;
      this.onFailed(error as Error);
    }
  }

  #put(lines: readonly ConsoleLine[]): void {
    let from = 0;
    let bytes = 0;
    for (const [at, line] of lines.entries()) {
      const part = this.#part;
      // Only a line that is new begins a part: what changes in an old one belongs to where it is.
      if (!part || (line.number >= part.end && this.#isFull(part, bytes))) {
        part?.put(lines.slice(from, at));
        this.#begin(line.number);
        from = at;
        bytes = 0;
      }
      bytes += Buffer.byteLength(line.text) + 1;
    }
    this.#part?.put(lines.slice(from));
  }

  /** `waiting` = bytes of lines that are still to be put into it. */
  #isFull(part: Part, waiting: number): boolean {
    const { multipart, maxBytes, maxSeconds } = this.#parts;
    if (!multipart) return false;
    return (
      (maxBytes > 0 && part.bytes + waiting >= maxBytes) ||
      (maxSeconds > 0 && Date.now() - part.beganMs >= maxSeconds * 1000)
    );
  }

  #begin(firstLine: number): void {
    if (this.#part) {
      this.#part.close();
      this.onComplete(this.#part.name);
    }
    const beganMs = Date.now();
    const name = this.#parts.multipart ? partName(beganMs) : this.#name;
    this.#part = new Part(join(this.#filesDir, name), name, firstLine, beganMs);
  }
}

let lastNamed = 0n;

/** `logs/output_YYYYMMDD_HHMMSS_NNNNNNNNN.log`, local time and nanoseconds: none twice, in the order of their beginning. */
function partName(beganMs: number): string {
  const began = BigInt(Math.floor(beganMs)) * 1_000_000n;
  lastNamed = began > lastNamed ? began : lastNamed + 1n;
  const ms = Number(lastNamed / 1_000_000n);
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString();
  const time = `${local.slice(0, 10).replaceAll("-", "")}_${local.slice(11, 19).replaceAll(":", "")}`;
  return `logs/output_${time}_${String(lastNamed % 1_000_000_000n).padStart(9, "0")}.log`;
}

/** One file of consecutive lines, of which the last can still change. */
class Part {
  readonly name: string;
  readonly beganMs: number;
  readonly #firstLine: number;
  readonly #file: number;
  /** Where each line ends in the file. */
  readonly #ends: number[] = [];

  constructor(path: string, name: string, firstLine: number, beganMs: number) {
    mkdirSync(dirname(path), { recursive: true });
    this.name = name;
    this.beganMs = beganMs;
    this.#firstLine = firstLine;
    // The user may have saved a file of that name, of which this would be a link.
    rmSync(path, { force: true });
    this.#file = openSync(path, "w+");
  }

  /** Number of the line that comes next. */
  get end(): number {
    return this.#firstLine + this.#ends.length;
  }

  get bytes(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** Lines in order; those before this part are as they are. From the first that changed on the file is written again. */
  put(changed: readonly ConsoleLine[]): void {
    const lines = changed.filter(({ number }) => number >= this.#firstLine);
    const [first] = lines;
    if (!first) return;
    const from = first.number - this.#firstLine;
    const start = from === 0 ? 0 : (this.#ends[from - 1] as number);
    const texts = this.#textFrom(start);
    for (const { number, text } of lines) texts[number - first.number] = text;
    const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
    ftruncateSync(this.#file, start);
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.#file, bytes, at, bytes.length - at, start + at);
    this.#ends.length = from;
    let end = start;
    for (const text of texts) {
      end += Buffer.byteLength(text) + 1;
      this.#ends.push(end);
    }
  }

  #textFrom(start: number): string[] {
    const rest = Buffer.alloc(fstatSync(this.#file).size - start);
    readSync(this.#file, rest, 0, rest.length, start);
    return rest.toString().split("\n").slice(0, -1);
  }

  close(): void {
    closeSync(this.#file);
  }
}
