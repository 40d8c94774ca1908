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
