/** A line of console output that is new or was rewritten. */
export interface ConsoleLine {
  number: number;
  stream: "stdout" | "stderr";
  text: string;
}

/** Longest line kept whole; what follows is cut, as a terminal of that width would wrap it away. */
const MAX_LINE = 100_000;

/**
 * Console text as lines, the way a terminal shows it: a carriage return begins the line again, so that a progress bar is
 * one line that changes. Each stream has its own open line; numbers are given in order of appearance.
 */
export class Terminal {
  #next: number;
  readonly #open: Record<
    "stdout" | "stderr",
    { number: number; text: string; restart: boolean } | undefined
  > = {
    stdout: undefined,
    stderr: undefined,
  };
  readonly #changed = new Map<number, ConsoleLine>();

  constructor(firstNumber: number) {
    this.#next = firstNumber;
  }

  write(stream: "stdout" | "stderr", text: string): void {
    for (const part of text.split(/(\r\n|\n|\r)/)) {
      if (part === "") continue;
      let line = this.#open[stream];
      if (!line) {
        if (part === "\r") continue;
        line = { number: this.#next++, text: "", restart: false };
        this.#open[stream] = line;
      }
      if (part === "\n" || part === "\r\n") this.#open[stream] = undefined;
      else if (part === "\r") line.restart = true;
      else {
        line.text = (line.restart ? part : line.text + part).slice(0, MAX_LINE);
        line.restart = false;
      }
      this.#changed.set(line.number, { number: line.number, stream, text: line.text });
    }
  }

  /** Changed lines since the last call, as stretches of consecutive numbers. */
  take(): ConsoleLine[][] {
    const lines = [...this.#changed.values()].sort((a, b) => a.number - b.number);
    this.#changed.clear();
    const stretches: ConsoleLine[][] = [];
    for (const line of lines) {
      const last = stretches.at(-1);
      if (last && last.at(-1)?.number === line.number - 1) last.push(line);
      else stretches.push([line]);
    }
    return stretches;
  }

  get changed(): boolean {
    return this.#changed.size > 0;
  }
}
