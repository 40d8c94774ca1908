import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { SteelyardError } from "../../errors.ts";
import { openingError } from "../damaged-file.ts";

/** Of the file as a whole (`PRAGMA user_version`); heads and chunks carry their own. See docs/formats/segments.md. */
export const FORMAT_VERSION = 3;
/** "SYms" in the header of the SQLite file, so that `file` and we can tell it from another database. */
const APPLICATION_ID = 0x53596d73;

/** How a block lives: a journal row (written by the commit of its append), sealed but small, sealed and full. */
export const LEVEL = { journal: 0, small: 1, full: 2 } as const;

const SCHEMA = `
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, stream TEXT NOT NULL, inherited INTEGER NOT NULL, writer TEXT NOT NULL,
    UNIQUE (run, stream, inherited, writer)) STRICT;
  CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream_id INTEGER NOT NULL, level INTEGER NOT NULL, rows INTEGER NOT NULL,
    first_line INTEGER NOT NULL, last_line INTEGER NOT NULL, min_step REAL NOT NULL, max_step REAL NOT NULL,
    bytes INTEGER NOT NULL, dead TEXT, lines BLOB NOT NULL, steps BLOB NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL) STRICT;
  CREATE INDEX blocks_lines ON blocks(stream_id, last_line);
  CREATE INDEX blocks_journal ON blocks(stream_id) WHERE level = 0;
  CREATE TABLE parts (
    block_id INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (block_id, part)) STRICT;
  CREATE TABLE columns (
    stream_id INTEGER NOT NULL, key TEXT NOT NULL, block_id INTEGER NOT NULL, count INTEGER NOT NULL,
    pyramid_id INTEGER, PRIMARY KEY (stream_id, key, block_id)) STRICT, WITHOUT ROWID;
  CREATE TABLE pyramids (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
`;

/** What came with version 2. Sealed blocks that are in no span are listed, so that a chart finds them among thousands. */
const SPANS = `
  CREATE TABLE spans (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream_id INTEGER NOT NULL, rows INTEGER NOT NULL, min_step REAL NOT NULL,
    max_step REAL NOT NULL, first_step REAL, stride REAL, blocks TEXT NOT NULL, steps BLOB NOT NULL) STRICT;
  CREATE INDEX spans_stream ON spans(stream_id);
  CREATE TABLE span_columns (
    stream_id INTEGER NOT NULL, key TEXT NOT NULL, span_id INTEGER NOT NULL, count INTEGER NOT NULL, fine INTEGER NOT NULL,
    middle INTEGER NOT NULL, coarse INTEGER NOT NULL, PRIMARY KEY (stream_id, key, span_id)) STRICT, WITHOUT ROWID;
  CREATE TABLE loose (
    stream_id INTEGER NOT NULL, block_id INTEGER NOT NULL, PRIMARY KEY (stream_id, block_id)) STRICT, WITHOUT ROWID;
  -- From two indexes: the rows themselves are as large as the file.
  INSERT INTO loose SELECT stream_id, id FROM blocks INDEXED BY blocks_lines
    WHERE id NOT IN (SELECT id FROM blocks INDEXED BY blocks_journal WHERE level = 0);
`;

export interface DatabaseOptions {
  /** Upper bound of the file; beyond it appends fail with `storage-full` as on a full disk. */
  maxBytes?: number;
  /** Journal rows of the log that make a stream worth sealing; tests seal sooner. */
  sealRows?: number;
}

const PAGE_BYTES = 8192;

/** The one connection that writes. Every commit is synced before it returns. Throws what to do when it cannot. */
export function openForWriting(path: string, options: DatabaseOptions = {}): DatabaseSync {
  // SQLite would take a log without its file for a leftover and delete it: it may be all that there is.
  if (!existsSync(path) && existsSync(`${path}-wal`))
    throw new Error(
      `${path} is missing, and ${path}-wal is there: put both back together, or restore a backup; to begin anew, move ${path}-wal away`,
    );
  try {
    return openChecked(path, options);
  } catch (cause) {
    throw openingError(path, cause);
  }
}

function openChecked(path: string, { maxBytes }: DatabaseOptions): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 10000; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -32768;
    PRAGMA journal_size_limit = 67108864;`);
  if (maxBytes) database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version > FORMAT_VERSION) {
    database.close();
    throw new Error(
      `${path} was written by a newer Steelyard (format ${version}, this version knows ${FORMAT_VERSION}); start that version, or restore a backup`,
    );
  }
  if (version < FORMAT_VERSION) {
    const made = version < 1 ? `${SCHEMA} PRAGMA application_id = ${APPLICATION_ID};` : "";
    const spans = version < 2 ? SPANS : "";
    database.exec(`BEGIN IMMEDIATE; ${made} ${spans} PRAGMA user_version = ${FORMAT_VERSION}; COMMIT`);
  }
  return database;
}

export function openForReading(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec("PRAGMA busy_timeout = 10000; PRAGMA cache_size = -16384; PRAGMA mmap_size = 2147418112;");
  return database;
}

const SQLITE_FULL = 13;
const SQLITE_IOERR = 10;

/** What SQLite says, as an error of the catalogue. */
export function asStorageError(cause: unknown): unknown {
  if (cause instanceof SteelyardError || !(cause instanceof Error)) return cause;
  const { errcode } = cause as Error & { errcode?: number };
  if (errcode === undefined) return cause;
  switch (errcode & 0xff) {
    case SQLITE_FULL:
      return new SteelyardError(
        "storage-full",
        "the disk of the server is full: free space, then send again; reading still works",
        { cause },
      );
    case SQLITE_IOERR:
      return new SteelyardError("unavailable", "the server's disk did not take the data: send again later", {
        cause,
      });
  }
  return cause;
}

/** Line numbers as ascending inclusive ranges. */
export type Ranges = [from: number, to: number][];

export function parseRanges(text: string | null | undefined): Ranges {
  return text ? (JSON.parse(text) as Ranges) : [];
}

export function addLines(ranges: Ranges, lines: Iterable<number>): Ranges {
  const all: Ranges = [...ranges, ...Array.from(lines, (line): [number, number] => [line, line])];
  all.sort((a, b) => a[0] - b[0]);
  const merged: Ranges = [];
  for (const [from, to] of all) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export function inRanges(ranges: Ranges, line: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = ranges[middle] ?? [0, -1];
    if (line < from) high = middle - 1;
    else if (line > to) low = middle + 1;
    else return true;
  }
  return false;
}
