import { countText } from "./count-text.ts";

/**
 * Says of each damage of a log what it cost, as far as what is left tells: records are counted by their writer without a
 * gap, so that the next whole one says how many are missing. Behind the last one nothing does, and how many of the missing
 * were rows nothing tells, only between which steps they would be.
 */
export class LostRecords {
  readonly #losses: string[];
  /** Of the last whole record; 0: there was none. */
  #number = 0;
  /** Of the last row, as in its line. */
  #step: unknown;
  /** Places of the losses behind which no record has come yet. */
  #uncounted: number[] = [];
  /** Place of the counted one behind which no row has come yet. */
  #unplaced: number | undefined;
  #isNumbered = true;

  /** `losses` = where each damage is told. */
  constructor(losses: string[]) {
    this.#losses = losses;
  }

  damage(reason: string): void {
    this.#uncounted.push(this.#losses.push(reason) - 1);
    this.#unplaced = undefined;
  }

  /** A whole one; 0: its writer did not count. */
  record(number: number): void {
    const lost = number - this.#number - 1;
    const last = this.#uncounted.at(-1);
    if (last !== undefined && this.#isNumbered && lost > 0) {
      const before = this.#uncounted.length - 1;
      const together =
        before === 0 ? "" : before === 1 ? "with the one before " : `with the ${before} before `;
      this.#losses[last] += `; ${together}that is ${countText(lost)} ${lost === 1 ? "record" : "records"}`;
      this.#unplaced = last;
    }
    this.#uncounted = [];
    this.#isNumbered = number > 0;
    this.#number = number;
  }

  row(step: unknown): void {
    if (this.#unplaced !== undefined && this.#step !== undefined && step !== undefined)
      this.#losses[this.#unplaced] += `, between the rows of step ${this.#step} and ${step}`;
    this.#unplaced = undefined;
    this.#step = step;
  }
}
