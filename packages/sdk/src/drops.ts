import type { Printer } from "./printer.ts";

/**
 * What did not get where it should: `late-step`: a row for a step that is past; `long-row`: a row that is too long for the
 * server; `console`: lines that waited too long for a server that is away; `finished`: something for a run that is over; `log`: rows
 * that the disk had no room for; `refused`: a file, an artifact, an alert or the config that the server did not take;
 * `unsent`: what came after the server refused the run's rows.
 */
export type DropKind = "late-step" | "long-row" | "console" | "finished" | "log" | "refused" | "unsent";

/** Something that a run was told and that is lost, or lost for the server. */
export interface Dropped {
  /** What it is. */
  kind: DropKind;
  /** What happened, why, and what to do. */
  message: string;
  /** The step of a row. */
  step?: number;
  /** The `.wandb` log has it nevertheless. */
  kept: boolean;
}

/** Of a log that the disk has no room for. `isSent` = the server gets the rows. */
export function logDropped(logFile: string, error: Error, isSent: boolean): Dropped {
  return {
    kind: "log",
    kept: false,
    message: `${logFile} cannot be written (${error.message}): rows are ${isSent ? "sent, but not kept here" : "lost"} from now on. Make room on the disk and start again`,
  };
}

/** Thrown in place of a warning, where `onDrop` is `error`. */
export class DroppedError extends Error {
  /** What was lost. */
  readonly dropped: Dropped;

  /** @internal Made by a run. */
  constructor(dropped: Dropped) {
    super(dropped.message);
    this.name = "DroppedError";
    this.dropped = dropped;
  }
}

/** Rows may be lost by the thousand: told of once as it happens, and in the end how many they were. */
const IN_ALL: Partial<Record<DropKind, (count: number) => string>> = {
  "late-step": (count) => `${count} rows for steps that were past were not recorded`,
  "long-row": (count) => `${count} rows were too long to be sent`,
};

/** Nothing is lost in silence: each loss is a warning, an event or an error, as `onDrop` says; listeners hear of it always. */
export class Drops {
  readonly #policy: "warn" | "event" | "error";
  readonly #print: Printer;
  readonly #listeners = new Set<(dropped: Dropped) => void>();
  readonly #counts = new Map<DropKind, number>();
  #error: DroppedError | undefined;

  constructor(policy: "warn" | "event" | "error", print: Printer) {
    this.#policy = policy;
    this.#print = print;
  }

  on(listener: (dropped: Dropped) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Of what the program itself is about to lose. Throws DroppedError where that is the policy. */
  now(dropped: Dropped): void {
    this.#hear(dropped);
    if (this.#policy === "error") throw new DroppedError(dropped);
  }

  /** Of what was found out when the call had returned: the end of the run throws it. */
  later(dropped: Dropped): void {
    this.#hear(dropped);
    if (this.#policy === "error") this.#error ??= new DroppedError(dropped);
  }

  #hear(dropped: Dropped): void {
    const { kind, message } = dropped;
    const before = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, before + 1);
    // What is refused is another thing each time.
    if (this.#policy === "warn" && (before === 0 || kind === "refused")) this.#print.serious(message);
    else this.#print.quietly("WARNING", message);
    for (const listener of this.#listeners) listener(dropped);
  }

  /** The server would not have something of the run. */
  get refused(): boolean {
    return this.#counts.has("refused") || this.#counts.has("long-row");
  }

  /** Why the run must not end as if nothing was lost; undefined when that is not the policy. */
  get error(): DroppedError | undefined {
    return this.#error;
  }

  /** How much was lost of what was told of once. */
  tellAll(): void {
    if (this.#policy !== "warn") return;
    for (const [kind, count] of this.#counts) {
      const words = count > 1 ? IN_ALL[kind] : undefined;
      if (words) this.#print.serious(words(count));
    }
  }
}
