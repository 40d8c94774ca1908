import type { DatabaseSync } from "node:sqlite";

/** What the writer asks and tells the file. */
export function writerStatements(db: DatabaseSync) {
  return {
    stream: db.prepare(
      "SELECT id FROM streams WHERE run = ? AND stream = ? AND inherited = ? AND writer = ?",
    ),
    addStream: db.prepare("INSERT INTO streams (run, stream, inherited, writer) VALUES (?, ?, ?, ?)"),
    streamsOf: db.prepare(
      "SELECT id, stream, inherited, writer FROM streams WHERE run = ? AND stream LIKE ? ORDER BY inherited DESC, id",
    ),
    lastLine: db.prepare("SELECT max(last_line) AS line FROM blocks WHERE stream_id = ?"),
    lastStep: db.prepare("SELECT max(max_step) AS step FROM blocks WHERE stream_id = ?"),
    pending: db.prepare(
      "SELECT count(*) AS entries, total(rows) AS rows, total(bytes) AS bytes FROM blocks WHERE stream_id = ? AND level = 0",
    ),
    add: db.prepare(`INSERT INTO blocks (stream_id, level, rows, first_line, last_line, min_step, max_step, bytes, dead, lines, steps, head, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)`),
    addPart: db.prepare("INSERT INTO parts (block_id, part, body) VALUES (?, ?, ?)"),
    addColumn: db.prepare(
      "INSERT INTO columns (stream_id, key, block_id, count, pyramid_id) VALUES (?, ?, ?, ?, ?)",
    ),
    addPyramid: db.prepare("INSERT INTO pyramids (body) VALUES (?)"),
    overlapping: db.prepare(
      "SELECT id, rows, dead, lines, steps FROM blocks WHERE stream_id = ? AND last_line >= ? AND first_line <= ? ORDER BY id",
    ),
    beyondStep: db.prepare(
      "SELECT id, rows, min_step, dead, lines, steps FROM blocks WHERE stream_id = ? AND max_step > ?",
    ),
    upToStep: db.prepare(
      "SELECT id, level, rows, max_step, dead, lines, steps FROM blocks WHERE stream_id = ? AND min_step <= ? ORDER BY id",
    ),
    setDead: db.prepare("UPDATE blocks SET dead = ? WHERE id = ?"),
    setEnd: db.prepare("UPDATE blocks SET dead = ?, last_line = ?, max_step = ? WHERE id = ?"),
    source: db.prepare("SELECT dead, level FROM blocks WHERE id = ?"),
    copyBlock:
      db.prepare(`INSERT INTO blocks (stream_id, level, rows, first_line, last_line, min_step, max_step, bytes, dead, lines, steps, head, body)
      SELECT ?, level, rows, first_line, last_line, min_step, max_step, bytes, dead, lines, steps, head, body FROM blocks WHERE id = ?`),
    copyParts: db.prepare("INSERT INTO parts SELECT ?, part, body FROM parts WHERE block_id = ?"),
    columnsOf: db.prepare(
      "SELECT key, count, body FROM columns LEFT JOIN pyramids ON id = pyramid_id WHERE stream_id = ? AND block_id = ?",
    ),
    dropBlock: db.prepare("DELETE FROM blocks WHERE id = ?"),
    dropParts: db.prepare("DELETE FROM parts WHERE block_id = ?"),
    dropPyramids: db.prepare(
      "DELETE FROM pyramids WHERE id IN (SELECT pyramid_id FROM columns WHERE stream_id = ? AND block_id = ?)",
    ),
    dropColumns: db.prepare("DELETE FROM columns WHERE stream_id = ? AND block_id = ?"),
    dropStreamParts: db.prepare(
      "DELETE FROM parts WHERE block_id IN (SELECT id FROM blocks WHERE stream_id = ?)",
    ),
    dropStreamPyramids: db.prepare(
      "DELETE FROM pyramids WHERE id IN (SELECT pyramid_id FROM columns WHERE stream_id = ?)",
    ),
    dropStreamColumns: db.prepare("DELETE FROM columns WHERE stream_id = ?"),
    dropStreamBlocks: db.prepare("DELETE FROM blocks WHERE stream_id = ?"),
    dropStream: db.prepare("DELETE FROM streams WHERE id = ?"),
    looseStreams: db.prepare(
      "SELECT stream_id AS id FROM loose GROUP BY stream_id HAVING count(*) >= ? ORDER BY stream_id DESC",
    ),
    journalStreams: db.prepare("SELECT DISTINCT stream_id AS id FROM blocks WHERE level = 0"),
  };
}
