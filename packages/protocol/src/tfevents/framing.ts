/**
 * Framing of TensorBoard's event files (TFRecord): length as u64 little endian, its masked CRC-32C, the bytes, theirs. No
 * blocks, no padding.
 */

const HEAD_BYTES = 12;
const FOOT_BYTES = 4;
/** An event with a picture is large; one beyond this is damage that looks like a length. */
const MAX_RECORD_BYTES = 2 ** 30;

const TABLE = castagnoli();

function castagnoli(): Int32Array {
  const table = new Int32Array(256);
  for (let index = 0; index < 256; index++) {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    table[index] = value;
  }
  return table;
}

/** CRC-32C, turned and shifted so that checksums of checksums are not weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (let at = 0; at < bytes.length; at++)
    crc = (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

export type EventRecord =
  | { kind: "record"; at: number; bytes: Uint8Array }
  /** Nothing behind it can be read, unless `skipped`: then it is this record alone. */
  | { kind: "damage"; at: number; reason: string; skipped: boolean };

/** Takes a file's bytes in parts of any size, gives its records in order. */
export class EventRecordReader {
  #rest = new Uint8Array(0);
  /** Place in the file of the first byte that is not read. */
  #at = 0;
  #ended = false;

  *take(part: Uint8Array): Generator<EventRecord> {
    if (this.#ended) return;
    let bytes = part;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + part.length);
      bytes.set(this.#rest);
      bytes.set(part, this.#rest.length);
    }
    let from = 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    while (bytes.length - from >= HEAD_BYTES) {
      const at = this.#at;
      const length = Number(view.getBigUint64(from, true));
      const head = bytes.subarray(from, from + 8);
      if (maskedCrc32c(head) !== view.getUint32(from + 8, true) || length > MAX_RECORD_BYTES) {
        this.#ended = true;
        yield { kind: "damage", at, reason: "the length of a record is damaged", skipped: false };
        return;
      }
      const whole = HEAD_BYTES + length + FOOT_BYTES;
      if (bytes.length - from < whole) break;
      const data = bytes.subarray(from + HEAD_BYTES, from + HEAD_BYTES + length);
      const good = maskedCrc32c(data) === view.getUint32(from + HEAD_BYTES + length, true);
      from += whole;
      this.#at += whole;
      yield good
        ? { kind: "record", at, bytes: data }
        : { kind: "damage", at, reason: "a record's checksum is wrong", skipped: true };
    }
    this.#rest = bytes.slice(from);
  }

  /** What is left at the end of the file is a record that was not written whole. */
  *end(): Generator<EventRecord> {
    if (this.#ended || this.#rest.length === 0) return;
    yield {
      kind: "damage",
      at: this.#at,
      reason: `the last ${this.#rest.length} bytes are part of a record`,
      skipped: true,
    };
  }
}
