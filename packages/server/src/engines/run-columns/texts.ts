/**
 * The distinct texts of a column, in the catalog's order of texts (their UTF-8 bytes, as SQLite compares them). Codes are
 * given once; a text's rank among the others moves when a new one comes between.
 */
export class Texts {
  readonly #texts: string[] = [];
  /** Codes by rank. */
  #order: number[] = [];
  #ranks: Int32Array | undefined;
  /** Rough: a string's header and two bytes a character. */
  bytes = 0;

  get size(): number {
    return this.#texts.length;
  }

  text(code: number): string {
    return this.#texts[code] ?? "";
  }

  /** Texts that come in order (those of an index) cost no search. */
  codeOf(text: string): number {
    const last = this.#order.at(-1);
    const lastText = last === undefined ? undefined : this.text(last);
    if (lastText === text) return last as number;
    const at =
      lastText === undefined || compareTexts(lastText, text) < 0 ? this.size : this.#lowerBound(text);
    const found = this.#order[at];
    if (found !== undefined && this.text(found) === text) return found;
    const code = this.#texts.push(text) - 1;
    if (at === this.#order.length) this.#order.push(code);
    else this.#order.splice(at, 0, code);
    this.#ranks = undefined;
    this.bytes += 48 + 2 * text.length;
    return code;
  }

  /** The code of a text that is there. */
  find(text: string): number | undefined {
    const code = this.#order[this.#lowerBound(text)];
    return code !== undefined && this.text(code) === text ? code : undefined;
  }

  /** Texts that come before it: what its rank is or would be. */
  rankOf(text: string): number {
    return this.#lowerBound(text);
  }

  /** Rank of each code. */
  ranks(): Int32Array {
    if (!this.#ranks) {
      this.#ranks = new Int32Array(this.size);
      for (const [rank, code] of this.#order.entries()) this.#ranks[code] = rank;
    }
    return this.#ranks;
  }

  #lowerBound(text: string): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareTexts(this.text(this.#order[middle] ?? 0), text) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** By UTF-8 bytes, which is by code points: UTF-16 would put U+10000 and beyond before U+E000. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointOrder(x) - codePointOrder(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points beyond all that one unit is. */
function codePointOrder(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
