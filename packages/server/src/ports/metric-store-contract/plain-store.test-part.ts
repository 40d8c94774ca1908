import { parseExtendedJson } from "@steelyard/protocol/history";

export interface PlainRow {
  step: number;
  /** With the step that the store gave it. */
  text: string;
  row: Record<string, unknown>;
}
/** Line number → row. */
type Lines = Map<number, PlainRow>;
interface PlainRun {
  inherited: Lines[];
  /** By writer, in the order in which they first came. */
  own: Map<string, Lines>;
}

/** History as the contract has it, in lists and without a thought for speed. */
export class PlainStore {
  readonly #runs = new Map<number, PlainRun>();

  nextLine(run: number, writer: string): number {
    return Math.max(-1, ...(this.#run(run).own.get(writer)?.keys() ?? [])) + 1;
  }

  append(run: number, writer: string, offset: number, texts: string[]): { lineCount: number; again: number } {
    const { own } = this.#run(run);
    const lines: Lines = own.get(writer) ?? new Map();
    own.set(writer, lines);
    let again = 0;
    for (const [i, text] of texts.entries()) {
      const row = parseExtendedJson(text) as Record<string, unknown>;
      const before = lines.get(offset + i);
      if (before) again++;
      const given = before?.step ?? this.#nextStep(run);
      const step = typeof row._step === "number" ? row._step : given;
      const whole = row._step === undefined ? `${text.slice(0, -1)},"_step":${step}}` : text;
      lines.set(offset + i, { step, text: whole, row });
    }
    return { lineCount: this.lineCount(run), again };
  }

  rewind(run: number, step: number): number {
    for (const lines of this.#streams(run))
      for (const [line, row] of lines) if (row.step > step) lines.delete(line);
    return this.lineCount(run);
  }

  fork(parent: number, child: number, step: number): void {
    this.#run(child).inherited = this.#streams(parent).map(
      (lines) => new Map([...lines].filter(([, row]) => row.step <= step)),
    );
  }

  delete(run: number): void {
    this.#runs.delete(run);
  }

  lineCount(run: number): number {
    return Math.max(0, ...[...this.#run(run).own.keys()].map((writer) => this.nextLine(run, writer)));
  }

  /** Ascending step, then what was inherited first, then by line. */
  rows(run: number): PlainRow[] {
    return this.#streams(run)
      .flatMap((lines) => [...lines].sort(([a], [b]) => a - b).map(([, row]) => row))
      .sort((a, b) => a.step - b.step);
  }

  /** The last n by line, what was inherited before all others. */
  tail(run: number, n: number): PlainRow[] {
    const { inherited, own } = this.#run(run);
    const byLine = (streams: Iterable<Lines>) =>
      [...streams]
        .flatMap((lines) => [...lines])
        .sort(([a, one], [b, other]) => a - b || one.step - other.step)
        .map(([, row]) => row);
    return [...byLine(inherited), ...byLine(own.values())].slice(-n);
  }

  #nextStep(run: number): number {
    return Math.max(0, ...this.rows(run).map(({ step }) => Math.floor(step) + 1));
  }

  #run(run: number): PlainRun {
    const known = this.#runs.get(run) ?? { inherited: [], own: new Map() };
    this.#runs.set(run, known);
    return known;
  }

  #streams(run: number): Lines[] {
    const { inherited, own } = this.#run(run);
    return [...inherited, ...own.values()];
  }
}
