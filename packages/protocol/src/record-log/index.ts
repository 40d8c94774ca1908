/**
 * Framing of a `.wandb` transaction log: 7 bytes of file header, then chunks that never cross a 32 KiB block, each with a
 * CRC-32 (IEEE) over its type byte and payload. A record too large for what is left of a block is cut into
 * FIRST, MIDDLE … LAST. Source: the official client's `core/pkg/leveldb` and `wandb/sdk/internal/datastore.py`.
 */
export const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
/** `:W&B`, 0xBEE1 little endian, version 0. */
export const FILE_HEADER = Uint8Array.of(0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0x00);

const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

/** Eight tables of 256: the checksum takes eight bytes a turn. Table k is what a byte does k bytes further on. */
const CRC_TABLES = crcTables();

function crcTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let index = 0; index < 256; index++) {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    tables[index] = value;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}

/** CRC-32 IEEE of a chunk's type byte and the payload `bytes[from..to)`. */
export function chunkChecksum(type: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  const tables = CRC_TABLES;
  let crc = (tables[(0xff ^ type) & 0xff] as number) ^ 0x00ffffff;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (tables[1792 + (crc & 0xff)] as number) ^
      (tables[1536 + ((crc >>> 8) & 0xff)] as number) ^
      (tables[1280 + ((crc >>> 16) & 0xff)] as number) ^
      (tables[1024 + (crc >>> 24)] as number) ^
      (tables[768 + (bytes[at + 4] as number)] as number) ^
      (tables[512 + (bytes[at + 5] as number)] as number) ^
      (tables[256 + (bytes[at + 6] as number)] as number) ^
      (tables[bytes[at + 7] as number] as number);
  }
  for (; at < to; at++) crc = (tables[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Frames records; knows only its place in the file, the caller writes the bytes in order. A record is written where it
 * will stand, between `begin` and `end`: hot path, nothing is copied or allocated for one that fits its block.
 */
export class RecordLogWriter {
  /** What is framed and not yet taken, and room for more. Another array after each `begin`. */
  bytes = new Uint8Array(2 * BLOCK_BYTES);
  #length = 0;
  /** Of the file, where `bytes` begins. */
  #offset: number;
  /** Of `bytes`, where the open record begins. */
  #open = 0;

  /** `offset` = length of what the file holds already; 0 = a new file, whose header comes first. */
  constructor(offset = 0) {
    this.#offset = offset;
    if (offset === 0) {
      this.bytes.set(FILE_HEADER);
      this.#length = FILE_HEADER.length;
    }
  }

  /** Go on at that length of the file, which another writer has made longer. Everything must have been taken. */
  moveTo(offset: number): void {
    this.#offset = offset;
  }

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  /** Where in `bytes` a record of at most `size` bytes is to be written; `end` follows. */
  begin(size: number): number {
    // Room for the record, the end of this block, and a header in every block it reaches.
    const need = this.#length + size + 2 * HEADER_BYTES * (2 + Math.ceil(size / BLOCK_BYTES));
    if (need > this.bytes.length) {
      const larger = new Uint8Array(Math.max(need, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.#length));
      this.bytes = larger;
    }
    const room = this.#room();
    if (room < HEADER_BYTES) {
      this.bytes.fill(0, this.#length, this.#length + room);
      this.#length += room;
    }
    this.#open = this.#length + HEADER_BYTES;
    return this.#open;
  }

  /** The record ends before `bytes[at]`. */
  end(at: number): void {
    let left = at - this.#open;
    let first = true;
    for (;;) {
      const room = this.#room() - HEADER_BYTES;
      const size = Math.min(room, left);
      const last = size === left;
      this.#header(first ? (last ? FULL : FIRST) : last ? LAST : MIDDLE, size);
      left -= size;
      if (last) return;
      // The rest moves on by the header of its own block.
      this.bytes.copyWithin(this.#length + HEADER_BYTES, this.#length, this.#length + left);
      first = false;
    }
  }

  /** A record whose bytes are there. */
  append(record: Uint8Array): void {
    const at = this.begin(record.length);
    this.bytes.set(record, at);
    this.end(at + record.length);
  }

  /** Bytes to append to the file now; they are good until the next `begin`. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.#length);
    this.#offset += this.#length;
    this.#length = 0;
    return taken;
  }

  /** Of the block that is being written. */
  #room(): number {
    return BLOCK_BYTES - ((this.#offset + this.#length) % BLOCK_BYTES);
  }

  #header(type: number, size: number): void {
    const bytes = this.bytes;
    let at = this.#length;
    const payload = at + HEADER_BYTES;
    const crc = chunkChecksum(type, bytes, payload, payload + size);
    bytes[at++] = crc;
    bytes[at++] = crc >>> 8;
    bytes[at++] = crc >>> 16;
    bytes[at++] = crc >>> 24;
    bytes[at++] = size;
    bytes[at++] = size >>> 8;
    bytes[at] = type;
    this.#length = payload + size;
  }
}

/** What a log holds, and how it ends. */
export interface RecordLogContent {
  records: Uint8Array[];
  /** What could not be read, in order; empty for a sound log. */
  damage: string[];
}

/** A record, which may be a view of the piece it came in; or what could not be read. */
export type Found = { kind: "record"; bytes: Uint8Array } | { kind: "damage"; reason: string };

/**
 * Reads a log piece by piece, also one that is still written. A writer that was killed leaves a cut last record, a disk may
 * damage one in the middle: every record that is whole is given, and the damage named. After a chunk with a wrong checksum
 * reading goes on behind it; where not even a length can be trusted, at the next block. Holds no more than the record that
 * is open.
 */
export class RecordLogReader {
  /** Of the file, where the next piece has to begin: what a piece had of an unfinished chunk comes again. */
  next = 0;
  /** Of the file, where the last whole record, or the damage behind it, ends. */
  done = 0;
  /** Chunks of the record that is open, copied: `slice` of a Buffer is the same bytes. */
  #parts: Uint8Array[] | undefined;

  /**
   * What the bytes of the file from `next` on hold. Until `last`, a chunk that has not come whole is waited for, and so is
   * one that is wrong in a block that has not: its bytes may still be on their way to the disk. Throws when the bytes are
   * no log at all.
   */
  *take(bytes: Uint8Array, last: boolean): Generator<Found> {
    const from = this.next;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = from + bytes.length;
    if (from === 0) {
      const given = Math.min(bytes.length, FILE_HEADER.length);
      for (let at = 0; at < given; at++)
        if (bytes[at] !== FILE_HEADER[at])
          throw new Error("not a .wandb log: the file does not begin with its header");
      if (given < FILE_HEADER.length && !last) return;
      this.next = FILE_HEADER.length;
      this.done = FILE_HEADER.length;
    }
    while (this.next < end) {
      const at = this.next - from;
      const room = BLOCK_BYTES - (this.next % BLOCK_BYTES);
      if (room < HEADER_BYTES) {
        if (end - this.next < room && !last) return;
        this.next += room;
        continue;
      }
      const left = end - this.next;
      const size = left < HEADER_BYTES ? 0 : view.getUint16(at + 4, true);
      if (left < HEADER_BYTES || (left < HEADER_BYTES + size && HEADER_BYTES + size <= room)) {
        if (!last) return;
        yield this.#damaged(`the log is cut inside the chunk at byte ${this.next}`, end);
        return;
      }
      const type = view.getUint8(at + 6);
      if (type < FULL || type > LAST || HEADER_BYTES + size > room) {
        if (left < room && !last) return;
        yield this.#damaged(`no chunk at byte ${this.next}`, this.next + room);
        continue;
      }
      const payload = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + size);
      const behind = this.next + HEADER_BYTES + size;
      if (view.getUint32(at, true) !== chunkChecksum(type, payload)) {
        if (left < room && !last) return;
        yield this.#damaged(`wrong checksum of the chunk at byte ${this.next}`, behind);
        continue;
      }
      this.next = behind;
      if (type === FULL) yield this.#record(payload);
      else if (type === FIRST) this.#parts = [new Uint8Array(payload)];
      else if (this.#parts) {
        this.#parts.push(type === LAST ? payload : new Uint8Array(payload));
        if (type === LAST) yield this.#record(joined(this.#parts));
      }
    }
    if (last && this.#parts) yield this.#damaged("the log is cut inside a record", this.next);
  }

  #record(bytes: Uint8Array): Found {
    this.#parts = undefined;
    this.done = this.next;
    return { kind: "record", bytes };
  }

  /** What ends at `next` is lost, and the record that is open. */
  #damaged(reason: string, next: number): Found {
    const from = this.done;
    this.#parts = undefined;
    this.next = next;
    this.done = next;
    return {
      kind: "damage",
      reason: `${reason}: the bytes from ${from} to ${next} are lost, with every record they hold a part of`,
    };
  }
}

/** All of a log. Throws when the bytes are no log at all. */
export function readRecordLog(bytes: Uint8Array): RecordLogContent {
  const content: RecordLogContent = { records: [], damage: [] };
  for (const found of new RecordLogReader().take(bytes, true)) {
    if (found.kind === "record") content.records.push(found.bytes);
    else content.damage.push(found.reason);
  }
  return content;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
