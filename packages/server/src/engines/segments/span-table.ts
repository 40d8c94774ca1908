import type { DatabaseSync } from "node:sqlite";
import { DamagedChunk } from "./chunk.ts";
import { decodePyramid, encodePyramid, hasValues, type Pyramid, slicePyramid } from "./pyramid.ts";
import { ALIGNMENT, type BuiltSpan, groupsOf, LEVEL_COLUMNS, type SpanBlock, spanBlocks } from "./span.ts";

/**
 * Spans as the writer keeps them: a sealed block is in the list of the loose ones or in one span. Whoever changes a block
 * releases it first; its pyramids and those of its neighbours are then their own again. Every method is part of the
 * caller's commit.
 */

type Row = Record<string, number | string | Uint8Array | null>;

export class SpanTable {
  readonly #sql;

  constructor(db: DatabaseSync) {
    this.#sql = {
      isLoose: db.prepare("SELECT 1 FROM loose WHERE stream_id = ? AND block_id = ?"),
      addLoose: db.prepare("INSERT OR IGNORE INTO loose (stream_id, block_id) VALUES (?, ?)"),
      dropLoose: db.prepare("DELETE FROM loose WHERE stream_id = ? AND block_id = ?"),
      dead: db.prepare("SELECT dead FROM blocks WHERE id = ?"),
      spans: db.prepare("SELECT * FROM spans WHERE stream_id = ? AND max_step > ?"),
      add: db.prepare(
        "INSERT INTO spans (stream_id, rows, min_step, max_step, first_step, stride, blocks, steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ),
      drop: db.prepare("DELETE FROM spans WHERE id = ?"),
      columns: db.prepare(
        "SELECT key, count, fine, middle, coarse FROM span_columns WHERE stream_id = ? AND span_id = ?",
      ),
      addColumn: db.prepare(
        "INSERT INTO span_columns (stream_id, key, span_id, count, fine, middle, coarse) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ),
      dropColumn: db.prepare("DELETE FROM span_columns WHERE stream_id = ? AND key = ? AND span_id = ?"),
      body: db.prepare("SELECT body FROM pyramids WHERE id = ?"),
      addBody: db.prepare("INSERT INTO pyramids (body) VALUES (?)"),
      copyBody: db.prepare("INSERT INTO pyramids (body) SELECT body FROM pyramids WHERE id = ?"),
      dropBody: db.prepare("DELETE FROM pyramids WHERE id = ?"),
      ownPyramid: db.prepare(
        "SELECT pyramid_id FROM columns WHERE stream_id = ? AND key = ? AND block_id = ?",
      ),
      setPyramid: db.prepare(
        "UPDATE columns SET pyramid_id = ? WHERE stream_id = ? AND key = ? AND block_id = ?",
      ),
      dropBodies: db.prepare(`DELETE FROM pyramids WHERE id IN (
        SELECT fine FROM span_columns WHERE stream_id = :stream UNION ALL
        SELECT middle FROM span_columns WHERE stream_id = :stream UNION ALL
        SELECT coarse FROM span_columns WHERE stream_id = :stream)`),
      dropColumns: db.prepare("DELETE FROM span_columns WHERE stream_id = ?"),
      dropSpans: db.prepare("DELETE FROM spans WHERE stream_id = ?"),
      dropAllLoose: db.prepare("DELETE FROM loose WHERE stream_id = ?"),
    };
  }

  addLoose(stream: number, block: number): void {
    this.#sql.addLoose.run(stream, block);
  }

  dropLoose(stream: number, block: number): void {
    this.#sql.dropLoose.run(stream, block);
  }

  /** False, and nothing done, when a block of it was changed since it was built. */
  put(stream: number, span: BuiltSpan): boolean {
    for (const { id } of span.blocks) {
      if (!this.#sql.isLoose.get(stream, id) || this.#sql.dead.get(id)?.dead !== null) return false;
    }
    const id = this.#add(stream, span, span.blocks);
    for (const { key, count, levels } of span.columns) {
      const bodies = levels.map((level) => this.#sql.addBody.run(level).lastInsertRowid);
      this.#sql.addColumn.run(stream, key, id, count, ...bodies);
      for (const block of span.blocks) {
        const own = this.#sql.ownPyramid.get(stream, key, block.id)?.pyramid_id;
        if (typeof own !== "number") continue;
        this.#sql.dropBody.run(own);
        this.#sql.setPyramid.run(null, stream, key, block.id);
      }
    }
    for (const block of span.blocks) this.dropLoose(stream, block.id);
    return true;
  }

  /** The span of this block is no more; each of its blocks has its own pyramids again. */
  release(stream: number, block: number): void {
    if (this.#sql.isLoose.get(stream, block)) return;
    const span = this.#spansBeyond(stream, Number.NEGATIVE_INFINITY).find(({ blocks }) =>
      blocks.some(({ id }) => id === block),
    );
    if (span) this.#release(stream, span);
  }

  /** The same for every span with a row beyond the step; blocks that lie wholly beyond it will be dropped. */
  releaseBeyond(stream: number, step: number): void {
    for (const span of this.#spansBeyond(stream, step)) {
      if (span.minStep <= step) this.#release(stream, span);
      else this.#drop(stream, span);
    }
  }

  /** Copies to another stream; `copies`: block → its copy. Spans of which a block was not copied, or cut, are left. */
  copy(from: number, to: number, step: number, copies: ReadonlyMap<number, number>): void {
    for (const span of this.#spansBeyond(from, Number.NEGATIVE_INFINITY)) {
      if (span.maxStep > step) continue;
      const blocks = span.blocks.map(({ id, rows }) => ({ id: copies.get(id) ?? Number.NaN, rows }));
      if (blocks.some(({ id }) => Number.isNaN(id))) continue;
      const id = this.#add(to, span, blocks);
      for (const column of this.#sql.columns.all(from, span.id) as Row[]) {
        const bodies = LEVEL_COLUMNS.map(
          (level) => this.#sql.copyBody.run(column[level] as number).lastInsertRowid,
        );
        this.#sql.addColumn.run(to, String(column.key), id, Number(column.count), ...bodies);
      }
      for (const block of blocks) this.dropLoose(to, block.id);
    }
  }

  /** Block → key → its pyramid, of the blocks of spans that the step divides. */
  pyramidsAround(stream: number, step: number): Map<number, Map<string, Uint8Array>> {
    const all = new Map<number, Map<string, Uint8Array>>();
    for (const span of this.#spansBeyond(stream, step)) {
      if (span.minStep > step) continue;
      for (const { block, key, pyramid } of this.#pyramidsOf(stream, span)) {
        const ofBlock = all.get(block) ?? new Map();
        ofBlock.set(key, pyramid);
        all.set(block, ofBlock);
      }
    }
    return all;
  }

  dropStream(stream: number): void {
    this.#sql.dropBodies.run({ stream });
    this.#sql.dropColumns.run(stream);
    this.#sql.dropSpans.run(stream);
    this.#sql.dropAllLoose.run(stream);
  }

  #add(stream: number, span: Omit<BuiltSpan, "columns">, blocks: readonly SpanBlock[]): number {
    const { rows, minStep, maxStep, rule, steps } = span;
    const list = JSON.stringify(blocks.map((block) => [block.id, block.rows]));
    return Number(
      this.#sql.add.run(
        stream,
        rows,
        minStep,
        maxStep,
        rule?.first ?? null,
        rule?.stride ?? null,
        list,
        steps,
      ).lastInsertRowid,
    );
  }

  #spansBeyond(stream: number, step: number): (Omit<BuiltSpan, "columns"> & { id: number })[] {
    return (this.#sql.spans.all(stream, step) as Row[]).map((row) => ({
      id: Number(row.id),
      rows: Number(row.rows),
      minStep: Number(row.min_step),
      maxStep: Number(row.max_step),
      rule: row.stride === null ? undefined : { first: Number(row.first_step), stride: Number(row.stride) },
      blocks: spanBlocks(String(row.blocks)),
      steps: row.steps as Uint8Array,
    }));
  }

  #release(stream: number, span: { id: number; blocks: readonly SpanBlock[] }): void {
    for (const { block, key, pyramid } of this.#pyramidsOf(stream, span)) {
      this.#sql.setPyramid.run(this.#sql.addBody.run(pyramid).lastInsertRowid, stream, key, block);
    }
    this.#drop(stream, span);
  }

  #drop(stream: number, span: { id: number; blocks: readonly SpanBlock[] }): void {
    for (const column of this.#sql.columns.all(stream, span.id) as Row[]) {
      for (const level of LEVEL_COLUMNS) this.#sql.dropBody.run(column[level] as number);
      this.#sql.dropColumn.run(stream, String(column.key), span.id);
    }
    this.#sql.drop.run(span.id);
    for (const { id } of span.blocks) this.addLoose(stream, id);
  }

  *#pyramidsOf(
    stream: number,
    span: { id: number; blocks: readonly SpanBlock[] },
  ): Generator<{ block: number; key: string; pyramid: Uint8Array }> {
    const groups = span.blocks.map(({ rows }) => groupsOf(rows));
    const total = groups.reduce((sum, one) => sum + one, 0);
    for (const column of this.#sql.columns.all(stream, span.id) as Row[]) {
      const all = this.#decoded(column.fine as number, total);
      if (!all) continue;
      let from = 0;
      for (const [at, { id }] of span.blocks.entries()) {
        const to = from + (groups[at] as number);
        const own = slicePyramid(all, from, to);
        if (hasValues(own)) yield { block: id, key: String(column.key), pyramid: encodePyramid(own) };
        from = to;
      }
    }
  }

  /** undefined for a damaged one: its blocks are then read from their chunks. */
  #decoded(id: number, groups: number): Pyramid | undefined {
    const body = this.#sql.body.get(id)?.body as Uint8Array | undefined;
    try {
      return body && decodePyramid(body.subarray(ALIGNMENT), groups);
    } catch (cause) {
      if (cause instanceof DamagedChunk) return undefined;
      throw cause;
    }
  }
}
