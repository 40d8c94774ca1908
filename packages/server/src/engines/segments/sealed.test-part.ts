import { DatabaseSync } from "node:sqlite";
import { openSegments } from "./store.ts";

/** How many spans, blocks in none, and blocks of the journal a file has. */
export function spansOf(file: string): { spans: number; loose: number; journal: number } {
  const db = new DatabaseSync(file, { readOnly: true });
  const found = db
    .prepare(
      "SELECT (SELECT count(*) FROM spans) AS spans, (SELECT count(*) FROM loose) AS loose, (SELECT count(*) FROM blocks WHERE level = 0) AS journal",
    )
    .get() as { spans: number; loose: number; journal: number };
  db.close();
  return { ...found };
}

/**
 * Opens until all is sealed and so many spans are made: a close has only so much time for it. From then on the same
 * question has the same answer, to the byte (decision 0014).
 */
export async function sealed(file: string, spans: number): Promise<void> {
  for (;;) {
    const store = await openSegments(file);
    while (spansOf(file).journal === 0 && spansOf(file).spans < spans) await store.stats();
    await store.close();
    if (spansOf(file).journal === 0) return;
  }
}
