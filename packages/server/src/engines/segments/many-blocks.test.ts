import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import type { SeriesQuestion } from "../../ports/metric-store.ts";
import { answerKeys } from "./key-reads.ts";
import { linesOf } from "./lines.ts";
import { answerConsole } from "./row-reads.ts";
import { gridsOf } from "./series.ts";
import { openSegments } from "./store.ts";
import { StoredBlocks } from "./stored.ts";

/** More than a call can be given as arguments where the stack is so small. */
const BLOCKS = 50_000;
const STACK_MB = 0.5;

if (isMainThread) {
  // What a run has that logged for months and was sealed whenever it was quiet: a block for each row.
  test("a run of more blocks than a call has room for arguments tells its keys, console and chart", async () => {
    const root = mkdtempSync(join(tmpdir(), "steelyard-many-blocks-"));
    const path = join(root, "segments.db");
    const store = await openSegments(path);
    const lines = ['{"loss":0.5}'];
    await store.append([{ run: 1, stream: "history", writer: "", offset: 0, lines }]);
    await store.append([{ run: 1, stream: "console", writer: "", offset: 0, lines: ["line"] }]);
    await store.close();
    multiply(path);
    const resourceLimits = { stackSizeMb: STACK_MB };
    await once(new Worker(new URL(import.meta.url), { workerData: path, resourceLimits }), "exit");
    rmSync(root, { recursive: true });
  });
} else readAll(new StoredBlocks(workerData as string, { heads: 0, decoded: 0 }));

function readAll(stored: StoredBlocks): void {
  assert.throws(() => Math.max(...new Array(BLOCKS).fill(0)), RangeError);
  const keys = answerKeys(stored, 1, "history");
  assert.deepEqual(
    keys.map(({ key, count }) => [key, count]),
    [
      ["_step", BLOCKS],
      ["loss", BLOCKS],
    ],
  );
  assert.deepEqual([keys[0]?.min, keys[0]?.max], [0, BLOCKS - 1]);
  assert.equal(answerConsole(stored, 1, 0, BLOCKS).length, BLOCKS);

  const x = { kind: "step" } as const;
  const question: SeriesQuestion = { runs: [1], keys: ["loss"], stream: "history", x, buckets: 1 };
  const [line] = linesOf(stored, question, [], () => {});
  assert.equal(line?.parts.length, BLOCKS);
  // As many runs: what is known of the first of them is all there is to know.
  const short = line && { ...line, parts: line.parts.slice(0, 1) };
  const grid = short && gridsOf(stored, question, Array(BLOCKS).fill(short), []).get("loss");
  assert.equal(grid?.steps, BLOCKS);
  stored.database.close();
}

/** Copies of the one block of each stream, a line and a step further each. */
function multiply(path: string): void {
  const database = new DatabaseSync(path);
  const copies = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${BLOCKS - 1})`;
  database.exec(`BEGIN;
    CREATE TEMP TABLE sealed AS SELECT * FROM blocks;
    INSERT INTO blocks (stream_id, level, rows, first_line, last_line, min_step, max_step, bytes, lines, steps, head, body)
      ${copies} SELECT stream_id, 2, rows, i, i, i, i, bytes, lines, steps, head, body FROM sealed, n ORDER BY stream_id, i;
    INSERT OR IGNORE INTO loose SELECT stream_id, id FROM blocks;
    INSERT OR IGNORE INTO columns SELECT stream_id, 'loss', blocks.id, 1, NULL FROM blocks JOIN streams ON streams.id = stream_id
      WHERE stream = 'history';
    COMMIT`);
  database.close();
}
