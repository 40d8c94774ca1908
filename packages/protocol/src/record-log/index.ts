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

const CRC_TABLE = new Uint32Array(256);
for (let index = 0; index < 256; index++) {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  CRC_TABLE[index] = value;
}

/** CRC-32 IEEE of a chunk's type byte and payload. */
export function chunkChecksum(type: number, payload: Uint8Array): number {
  let crc = ((CRC_TABLE[(0xff ^ type) & 0xff] as number) ^ 0x00ffffff) >>> 0;
  for (let at = 0; at < payload.length; at++)
    crc = ((CRC_TABLE[(crc ^ (payload[at] as number)) & 0xff] as number) ^ (crc >>> 8)) >>> 0;
  return (crc ^ 0xffffffff) >>> 0;
}

/** Frames records; knows only its place in the file, the caller writes the bytes in order. */
export class RecordLogWriter {
  #offset: number;

  /** `offset` = length of what the file holds already; 0 = a new file, whose header comes first. */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  /** Bytes to append for these records. */
  frame(records: readonly Uint8Array[]): Uint8Array {
    const parts: Uint8Array[] = [];
    if (this.#offset === 0) this.#push(parts, FILE_HEADER);
    for (const record of records) this.#frame(parts, record);
    let length = 0;
    for (const part of parts) length += part.length;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #push(parts: Uint8Array[], part: Uint8Array): void {
    parts.push(part);
    this.#offset += part.length;
  }

  #frame(parts: Uint8Array[], record: Uint8Array): void {
    let from = 0;
    let first = true;
    do {
      let room = BLOCK_BYTES - (this.#offset % BLOCK_BYTES);
      if (room < HEADER_BYTES) {
        this.#push(parts, new Uint8Array(room));
        room = BLOCK_BYTES;
      }
      const size = Math.min(room - HEADER_BYTES, record.length - from);
      const payload = record.subarray(from, from + size);
      const last = from + size === record.length;
      const type = first ? (last ? FULL : FIRST) : last ? LAST : MIDDLE;
      const header = new Uint8Array(HEADER_BYTES);
      const view = new DataView(header.buffer);
      view.setUint32(0, chunkChecksum(type, payload), true);
      view.setUint16(4, size, true);
      header[6] = type;
      this.#push(parts, header);
      this.#push(parts, payload);
      from += size;
      first = false;
    } while (from < record.length);
  }
}

/** What a log holds, and how it ends. */
export interface RecordLogContent {
  records: Uint8Array[];
  /** What could not be read, in order; empty for a sound log. */
  damage: string[];
}

/**
 * Read a log. A writer that was killed leaves a cut last record, a disk may damage one in the middle: every record that
 * is whole is given, and the damage named. After a chunk with a wrong checksum reading goes on behind it; where not even
 * a length can be trusted, at the next block. Throws when the bytes are no log at all.
 */
export function readRecordLog(bytes: Uint8Array): RecordLogContent {
  const given = Math.min(bytes.length, FILE_HEADER.length);
  for (let at = 0; at < given; at++)
    if (bytes[at] !== FILE_HEADER[at])
      throw new Error("not a .wandb log: the file does not begin with its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  const damage: string[] = [];
  /** Chunks of the record that is open. */
  let parts: Uint8Array[] | undefined;
  let at: number = FILE_HEADER.length;
  while (at < bytes.length) {
    const room = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (room < HEADER_BYTES) {
      at += room;
      continue;
    }
    const left = bytes.length - at;
    const size = left < HEADER_BYTES ? 0 : view.getUint16(at + 4, true);
    if (left < HEADER_BYTES || (left < HEADER_BYTES + size && HEADER_BYTES + size <= room)) {
      damage.push(`the log is cut inside the chunk at byte ${at}`);
      return { records, damage };
    }
    const type = view.getUint8(at + 6);
    if (type < FULL || type > LAST || HEADER_BYTES + size > room) {
      damage.push(`no chunk at byte ${at}`);
      parts = undefined;
      at += room;
      continue;
    }
    const payload = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + size);
    if (view.getUint32(at, true) !== chunkChecksum(type, payload)) {
      damage.push(`wrong checksum of the chunk at byte ${at}`);
      parts = undefined;
    } else if (type === FULL) {
      records.push(payload);
      parts = undefined;
    } else if (type === FIRST) parts = [payload];
    else if (parts) {
      parts.push(payload);
      if (type === LAST) {
        records.push(joined(parts));
        parts = undefined;
      }
    }
    at += HEADER_BYTES + size;
  }
  if (parts) damage.push("the log is cut inside a record");
  return { records, damage };
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
