import { createHash } from "node:crypto";
import type { StatementSync } from "node:sqlite";
import type { StoredBlocks } from "./stored.ts";

const statements = new WeakMap<StoredBlocks, StatementSync>();

/**
 * What says whether the stored rows of a run are those of before, from the blocks' own numbers: nothing is decoded.
 * Ids of blocks are never given again, so what is added or replaced has a higher one, what is dropped is missing in the
 * count, and what is cut without a new block shows in the dead lines and the ends. Sealing changes it too: asked anew
 * once in vain. `opening` is another text each time the file is opened: a restored backup counts its blocks again from
 * where it stands, so that nothing said before may be compared with it.
 */
export function answerVersions(
  stored: StoredBlocks,
  opening: string,
  runs: readonly number[],
  stream: "history" | "events",
): string[] {
  let statement = statements.get(stored);
  if (!statement) {
    statement =
      stored.database.prepare(`SELECT max(b.id) AS last, count(*) AS blocks, total(rows) AS rows, total(last_line) AS lines,
        total(max_step) AS steps, total(length(dead)) AS dead
        FROM streams s JOIN blocks b ON b.stream_id = s.id WHERE s.run = ? AND s.stream = ?`);
    statements.set(stored, statement);
  }
  return runs.map((run) => {
    const found = statement.get(run, stream);
    const text = [opening, run, stream, ...Object.values(found ?? {})].join(" ");
    return createHash("sha256").update(text).digest("base64url").slice(0, 12);
  });
}
