/**
 * Makes a file of a version with the code that wrote it: `node make-earlier-file.test-part.ts TREE FILE`, where TREE is a checkout of that
 * time: of 6d3135c^ for version 1, of 5823be5 for version 2. Packed, as nearly all of its pages are empty.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import type { MetricStore, StreamName } from "../../ports/metric-store.ts";
import * as rows from "./earlier-files/rows.test-part.ts";

const [, , tree = "", out = ""] = process.argv;
const { openSegments } = (await import(
  join(resolve(tree), "packages/server/src/engines/segments/store.ts")
)) as { openSegments(path: string): Promise<MetricStore> };

const path = `${out}.made`;
let store = await openSegments(path);

async function append(
  run: number,
  stream: StreamName,
  from: number,
  to: number,
  row: (line: number) => string,
) {
  for (let at = from; at < to; at += 500) {
    const lines = Array.from({ length: Math.min(500, to - at) }, (_, i) => row(at + i));
    await store.append([{ run, stream, writer: "", offset: at, lines }]);
  }
}

/** A close stops sealing after a while; the next one goes on. */
async function sealAll(): Promise<void> {
  do {
    await store.close();
    store = await openSegments(path);
  } while ((await store.stats()).journalRows > 0);
}

await append(1, "history", 0, rows.ROWS - rows.JOURNAL_ROWS, rows.row);
await append(1, "events", 0, rows.EVENTS, rows.eventRow);
await append(1, "console", 0, rows.CONSOLE_LINES, rows.consoleLine);
await append(3, "history", 0, rows.REWOUND_ROWS, rows.row);
await append(4, "history", 0, rows.LONG_ROWS, rows.longRow);
await sealAll();
await append(1, "history", rows.REPLACED, rows.REPLACED + 1, rows.replacedRow);
await append(1, "history", rows.ROWS - rows.JOURNAL_ROWS, rows.ROWS, rows.row);
await store.rewind(3, rows.REWOUND_TO);
await store.fork(1, 2, rows.FORK_STEP);
await append(2, "history", 0, rows.FORKED_ROWS, (line) => rows.row(rows.FORK_STEP + 1 + line));

const database = new DatabaseSync(path, { readOnly: true });
// As it is, less the pages that hold nothing.
database.exec(`VACUUM INTO '${out}.whole'`);
database.close();
await store.close();
writeFileSync(out, gzipSync(readFileSync(`${out}.whole`), { level: 9 }));
for (const made of [path, `${out}.whole`]) rmSync(made);
