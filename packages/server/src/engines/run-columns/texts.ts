/**
 * The distinct texts of a column, in the catalog's order of texts (their UTF-8 bytes, as SQLite compares them). Codes are
 * given once; a text's rank is a number that only says how it stands to the others.
 */
export class Texts {
  readonly #texts: string[] = [];
  /** Codes by rank. */
  #order: number[] = [];
  /** By code. */
  #ranks: Float64Array | undefined;
  /** Rough: a string's header and two bytes a character, its code and its rank. */
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
    this.#rankAt(at, code);
    this.bytes += 64 + 2 * text.length;
    return code;
  }

  /** The code of a text that is there. */
  find(text: string): number | undefined {
    const code = this.#order[this.#lowerBound(text)];
    return code !== undefined && this.text(code) === text ? code : undefined;
  }

  /** Its rank; of one that is not there: that of the last text before it, or -Infinity. */
  rankOf(text: string): { rank: number; found: boolean } {
    const at = this.#lowerBound(text);
    const code = this.#order[at];
    const found = code !== undefined && this.text(code) === text;
    const known = found ? code : this.#order[at - 1];
    return { rank: known === undefined ? Number.NEGATIVE_INFINITY : (this.ranks()[known] as number), found };
  }

  /** Rank of each code. */
  ranks(): Float64Array {
    if (!this.#ranks) {
      this.#ranks = new Float64Array(roomFor(this.size));
      for (let rank = 0; rank < this.size; rank++) this.#ranks[this.#order[rank] as number] = rank;
    }
    return this.#ranks;
  }

  /** A new text's rank lies between its neighbours', so that the others keep theirs; until there is no number between. */
  #rankAt(at: number, code: number): void {
    const ranks = this.#ranks;
    if (!ranks) return;
    const rankAt = (index: number) => {
      const neighbour = this.#order[index];
      return neighbour === undefined ? undefined : (ranks[neighbour] as number);
    };
    const before = rankAt(at - 1);
    const behind = rankAt(at + 1);
    const rank =
      before === undefined ? (behind ?? 1) - 1 : behind === undefined ? before + 1 : (before + behind) / 2;
    if (code >= ranks.length || rank === before || rank === behind) this.#ranks = undefined;
    else ranks[code] = rank;
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

function roomFor(size: number): number {
  return Math.ceil(size * 1.25) + 64;
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
