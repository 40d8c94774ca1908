import { availableParallelism } from "node:os";
import { monotoneExpression, parseExpression } from "@steelyard/protocol/expressions";
import { SERIES_COLUMNS } from "@steelyard/protocol/series";
import type { Series, SeriesQuestion } from "../../ports/metric-store.ts";
import type { CalledWorker } from "../worker-calls.ts";
import { columnsToMap, mapped } from "./mapped.ts";
import type { GridsReply } from "./reader.ts";
import { joinGrids } from "./series.ts";
import { type SeriesReply, unpackSeries } from "./series-reply.ts";

/** The workers that read. One while little is asked; a chart of many lines is divided among all by its runs. */

const MAX_READERS = Math.min(8, Math.max(2, availableParallelism()));
/** Decoded data that all readers together keep. */
const CACHE_BYTES = 128 * 1024 * 1024;
/** Runs × keys from which a chart is worth a second message to each reader. */
const DIVIDED_SERIES = 32;

interface Answered {
  series: Series[];
  /** A line for each block that could not be read, perhaps more than once. */
  damaged: string[];
}

export class Readers {
  readonly workers: CalledWorker[] = [];
  readonly #start: (cacheBytes: number) => CalledWorker;
  /** Questions that wait for each. */
  readonly #busy: number[] = [];

  constructor(start: (cacheBytes: number) => CalledWorker) {
    this.#start = start;
  }

  /** Start the first, which an idle server does without: its memory is a tenth of the whole. */
  wake(): void {
    this.#worker(0);
  }

  /** By the first of those started that is idle, else by the one with the fewest questions before it. */
  ask<T>(name: string, arguments_: readonly unknown[]): Promise<T> {
    const first = this.#busy.indexOf(Math.min(...this.#busy));
    return this.#askOne(Math.max(0, first), name, arguments_);
  }

  /** `cancelled` is set to other than 0 when nobody waits any more. */
  async series(question: SeriesQuestion, cancelled?: Int32Array): Promise<Answered> {
    const { expressions = [], ...ofKeys } = question;
    const answered: Promise<Answered>[] = [];
    if (question.keys.length > 0) answered.push(this.#ofKeys(ofKeys, cancelled));
    if (expressions.length > 0) answered.push(this.#ofExpressions(question, expressions, cancelled));
    const all = await Promise.all(answered);
    return { series: all.flatMap(({ series }) => series), damaged: all.flatMap(({ damaged }) => damaged) };
  }

  /** From summaries of their key where these say it, else from the rows. */
  async #ofExpressions(
    question: SeriesQuestion,
    expressions: readonly string[],
    cancelled?: Int32Array,
  ): Promise<Answered> {
    const answered = await Promise.all(
      expressions.map(async (text) => {
        const made = await this.#fromSummaries(question, text, cancelled);
        return made ?? this.#fromRows({ ...question, expressions: [text] }, [text], cancelled);
      }),
    );
    return {
      series: answered.flatMap(({ series }) => series),
      damaged: answered.flatMap(({ damaged }) => damaged),
    };
  }

  async #fromSummaries(
    { expressions: _, ...question }: SeriesQuestion,
    text: string,
    cancelled?: Int32Array,
  ): Promise<Answered | undefined> {
    const monotone = monotoneExpression(parseExpression(text));
    // What is known of steps is not kept as of a key.
    if (!monotone || monotone.key === "_step") return undefined;
    const { columns: wanted = SERIES_COLUMNS } = question;
    const columns = columnsToMap(monotone, wanted);
    if (!columns) return undefined;
    const answered = await this.#ofKeys({ ...question, keys: [monotone.key], columns }, cancelled);
    const series: Series[] = [];
    for (const one of answered.series) {
      const made = mapped(one, text, monotone, wanted);
      // All of a chart in one way: its lines share their buckets.
      if (!made) return undefined;
      series.push(made);
    }
    return { series, damaged: answered.damaged };
  }

  async #fromRows(
    question: SeriesQuestion,
    expressions: readonly string[],
    cancelled?: Int32Array,
  ): Promise<Answered> {
    const reply = await this.ask<SeriesReply>("derived", [question, cancelled]);
    const series = unpackSeries(reply, expressions).map((one): Series => ({ ...one, expression: true }));
    return { series, damaged: reply.damaged };
  }

  async #ofKeys(question: SeriesQuestion, cancelled?: Int32Array): Promise<Answered> {
    const { runs, keys } = question;
    if (runs.length < 2 || runs.length * keys.length < DIVIDED_SERIES) {
      const reply = await this.ask<SeriesReply>("series", [question, cancelled]);
      return { series: unpackSeries(reply, keys), damaged: reply.damaged };
    }
    // A run is read by the same worker each time: what it keeps is its own.
    const shares = Map.groupBy(runs, (run) => run % MAX_READERS);
    const all = <T>(name: string, ...more: unknown[]) =>
      Promise.all(
        [...shares].map(([at, own]) =>
          this.#askOne<T>(at, name, [{ ...question, runs: own }, cancelled, ...more]),
        ),
      );
    const grids = await all<GridsReply>("grids");
    const replies = await all<SeriesReply>("series", joinGrids(grids.map((reply) => reply.grids)));
    const order = new Map(runs.map((run, at) => [run, at]));
    return {
      // Stable: the keys of a run come from one reader, in order.
      series: replies
        .flatMap((reply) => unpackSeries(reply, keys))
        .sort((a, b) => (order.get(a.run) ?? 0) - (order.get(b.run) ?? 0)),
      damaged: [...grids, ...replies].flatMap((reply) => reply.damaged),
    };
  }

  async #askOne<T>(at: number, name: string, arguments_: readonly unknown[]): Promise<T> {
    const worker = this.#worker(at);
    this.#busy[at] = (this.#busy[at] ?? 0) + 1;
    try {
      return await worker.call<T>(name, arguments_);
    } finally {
      this.#busy[at] = (this.#busy[at] ?? 1) - 1;
    }
  }

  #worker(at: number): CalledWorker {
    while (this.workers.length <= at) {
      this.workers.push(this.#start(CACHE_BYTES / MAX_READERS));
      this.#busy.push(0);
    }
    return this.workers[at] as CalledWorker;
  }
}
