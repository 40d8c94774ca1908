import { parseFilter } from "../../ports/run-question/filter.ts";
import { FILTER_BUDGET } from "../../ports/run-question/linear-regex.ts";
import { and, filtered, type Mask } from "./filtered.ts";
import type { ProjectRuns } from "./project-runs.ts";

/** Filters whose runs are kept: a byte a run each. */
const MAX_KEPT = 24;
/** A text longer than this (a list of thousands of names) is not kept. */
const MAX_TEXT = 20_000;
/** Beyond this share of the runs changed, looking at all of them anew is cheaper. */
const ANEW_FROM = 0.05;

/** Runs that a filter lets through and that are there. */
export interface Selected {
  /** By place; room for more behind. */
  mask: Mask;
  total: number;
}

interface Kept extends Selected {
  /** Changes that it knows. */
  changes: number;
}

/**
 * What the filters asked last let through: a table is counted, paged, sorted and asked again while its runs change, and
 * only those that changed are looked at again.
 */
export class KeptFilters {
  readonly #runs: ProjectRuns;
  /** The one asked for longest ago first. */
  readonly #kept = new Map<string, Kept>();

  constructor(runs: ProjectRuns) {
    this.#runs = runs;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { mask } of this.#kept.values()) bytes += mask.byteLength;
    return bytes;
  }

  /** Throws invalid-filter. The answer is good until the runs change. */
  selected(filters: string | null): Selected {
    const text = filters ?? "";
    const known = this.#kept.get(text);
    this.#kept.delete(text);
    const kept = (known && this.#updated(known, text)) ?? this.#anew(text);
    if (text.length <= MAX_TEXT) this.#kept.set(text, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    return kept;
  }

  /** When something changed that runs are not told of. */
  clear(): void {
    this.#kept.clear();
  }

  #anew(text: string): Kept {
    const runs = this.#runs;
    const mask = filtered(runs, parseFilter(text), { steps: FILTER_BUDGET });
    and(mask, runs.live);
    let total = 0;
    for (let at = 0; at < mask.length; at++) total += mask[at] as number;
    return { mask, total, changes: runs.changes };
  }

  #updated(kept: Kept, text: string): Kept | undefined {
    const runs = this.#runs;
    const places = runs.changedSince(kept.changes);
    if (!places || places.length > Math.max(100, runs.count * ANEW_FROM)) return undefined;
    kept.changes = runs.changes;
    if (places.length === 0) return kept;
    if (runs.count > kept.mask.length) {
      const mask = new Uint8Array(runs.live.length);
      mask.set(kept.mask);
      kept.mask = mask;
    }
    const through = filtered(runs.only(places), parseFilter(text), { steps: FILTER_BUDGET });
    for (const [at, place] of places.entries()) {
      const now = (through[at] as number) & (runs.live[place] as number);
      kept.total += now - (kept.mask[place] as number);
      kept.mask[place] = now;
    }
    return kept;
  }
}
