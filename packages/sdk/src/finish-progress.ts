import { countText } from "./count-text.ts";
import type { Printer } from "./printer.ts";

/** Of the line on a terminal. */
const REDRAW_MS = 100;
/** Where nothing can be drawn again, one line says what is waited for, if it takes so long. */
const SAY_AFTER_MS = 3000;
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** What a run that is ending still waits for. */
export class FinishProgress {
  readonly #print: Printer;
  readonly #timer: NodeJS.Timeout;
  #rows = 0;
  #turn = 0;

  constructor(print: Printer) {
    this.#print = print;
    this.#timer = print.isLive
      ? setInterval(() => print.live(`${SPINNER[this.#turn++ % SPINNER.length]} ${this.#text()}`), REDRAW_MS)
      : setTimeout(() => print.info(this.#text()), SAY_AFTER_MS);
    this.#timer.unref();
  }

  /** So many rows are not sent yet. */
  waiting(rows: number): void {
    this.#rows = rows;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#print.live();
  }

  #text(): string {
    return this.#rows > 0 ? `Finishing up: ${countText(this.#rows)} rows to send` : "Finishing up";
  }
}
