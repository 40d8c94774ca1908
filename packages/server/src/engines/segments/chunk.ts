import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/**
 * A chunk: one column of one block. `u8 codec, u8[3] zero, u32 count, u32 crc32 of the payload, payload`, little endian.
 * Every codec gives back the very bits that went in. Hot: plain loops over typed arrays, nothing allocated per value.
 */
export const CODECS = { raw: 0, constant: 1, stride: 2, planes: 3, texts: 4, textsZstd: 5 } as const;

const HEADER_BYTES = 12;
/** Below this a zstd frame and its context cost more than they save. */
const MIN_COMPRESSED_VALUES = 32;
const MIN_COMPRESSED_BYTES = 128;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** A chunk whose bytes are not those written. The reader names the block and key before anyone sees it. */
export class DamagedChunk extends Error {}

/** `fast` = no compression: what a journal row gets, on the way to its commit. */
export function encodeNumbers(values: Float64Array, fast = false): Uint8Array {
  const count = values.length;
  if (count > 1) {
    const words = new Uint32Array(values.buffer, values.byteOffset, count * 2);
    if (isConstant(words)) return chunk(CODECS.constant, count, asBytes(values.subarray(0, 1)));
    const stride = strideOf(values);
    if (stride !== undefined) {
      return chunk(CODECS.stride, count, asBytes(Float64Array.of(values[0] ?? 0, stride)));
    }
    if (!fast && count >= MIN_COMPRESSED_VALUES) {
      const packed = zstdCompressSync(toPlanes(words), ZSTD);
      if (packed.length < count * 8) return chunk(CODECS.planes, count, packed);
    }
  }
  return chunk(CODECS.raw, count, asBytes(values));
}

export function decodeNumbers(bytes: Uint8Array): Float64Array {
  const { codec, count, payload } = open(bytes);
  switch (codec) {
    case CODECS.raw:
      return numbersIn(payload, count);
    case CODECS.constant:
      return new Float64Array(count).fill(numbersIn(payload, 1)[0] ?? 0);
    case CODECS.stride: {
      const [first = 0, stride = 0] = numbersIn(payload, 2);
      const values = new Float64Array(count);
      for (let i = 0; i < count; i++) values[i] = first + i * stride;
      return values;
    }
    case CODECS.planes:
      // In one buffer that it fits, else Node puts the planes together from pieces of 16 KiB: a third of the time.
      return fromPlanes(zstdDecompressSync(payload, { chunkSize: count * 8 + 64 }), count);
  }
  throw new DamagedChunk(`unknown codec ${codec}`);
}

/** The rule of a chunk that is one: value i is `first + i × stride`. Steps nearly always are, and need no array then. */
export function ruleOf(bytes: Uint8Array): { first: number; stride: number } | undefined {
  if (bytes[0] !== CODECS.stride) return undefined;
  const [first = 0, stride = 0] = numbersIn(open(bytes).payload, 2);
  return { first, stride };
}

export function encodeTexts(texts: readonly string[], fast = false): Uint8Array {
  const lengths = new Uint32Array(texts.length);
  const parts: Uint8Array[] = [asBytes(lengths)];
  for (const [i, text] of texts.entries()) {
    const part = Buffer.from(text, "utf8");
    lengths[i] = part.length;
    parts.push(part);
  }
  const payload = Buffer.concat(parts);
  if (!fast && payload.length >= MIN_COMPRESSED_BYTES) {
    const packed = zstdCompressSync(payload, ZSTD);
    if (packed.length < payload.length) return chunk(CODECS.textsZstd, texts.length, packed);
  }
  return chunk(CODECS.texts, texts.length, payload);
}

export function decodeTexts(bytes: Uint8Array): string[] {
  const { codec, count, payload } = open(bytes);
  if (codec !== CODECS.texts && codec !== CODECS.textsZstd) throw new DamagedChunk(`unknown codec ${codec}`);
  const content = codec === CODECS.textsZstd ? zstdDecompressSync(payload) : asBuffer(payload);
  const lengths = new DataView(content.buffer, content.byteOffset, count * 4);
  const texts: string[] = new Array(count);
  let at = count * 4;
  for (let i = 0; i < count; i++) {
    const end = at + lengths.getUint32(i * 4, true);
    texts[i] = content.toString("utf8", at, end);
    at = end;
  }
  return texts;
}

function chunk(codec: number, count: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt32LE(codec, 0);
  bytes.writeUInt32LE(count, 4);
  bytes.set(payload, HEADER_BYTES);
  bytes.writeUInt32LE(checksum(bytes), 8);
  return bytes;
}

export const ONE_NUMBER_BYTES = HEADER_BYTES + 8;

/**
 * Writes the chunk of one number where it is to lie: of a row of 100,000 keys each is one, and to make them by themselves
 * takes several times as long.
 */
export function writeOneNumber(bytes: Uint8Array, fields: DataView, at: number, value: number): void {
  fields.setUint32(at, CODECS.raw, true);
  fields.setUint32(at + 4, 1, true);
  fields.setFloat64(at + HEADER_BYTES, value, true);
  let crc = CRC_BEFORE_ONE;
  for (let byte = at + HEADER_BYTES; byte < at + ONE_NUMBER_BYTES; byte++) {
    crc = (crc >>> 8) ^ (CRC_OF_BYTE[(crc ^ (bytes[byte] as number)) & 255] as number);
  }
  fields.setUint32(at + 8, ~crc >>> 0, true);
}

/** Eight bytes are not worth a call of `crc32`. */
const CRC_OF_BYTE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
/** Of the codec and the count, before the values. */
const CRC_BEFORE_ONE = ~crc32(Uint8Array.of(CODECS.raw, 0, 0, 0, 1, 0, 0, 0));

function open(bytes: Uint8Array): { codec: number; count: number; payload: Uint8Array } {
  if (bytes.length < HEADER_BYTES) throw new DamagedChunk("the chunk is cut short");
  const buffer = asBuffer(bytes);
  if (buffer.readUInt32LE(8) !== checksum(buffer)) throw new DamagedChunk("the checksum does not match");
  return {
    codec: buffer.readUInt32LE(0),
    count: buffer.readUInt32LE(4),
    payload: buffer.subarray(HEADER_BYTES),
  };
}

/** Over the codec, the count and the payload. */
function checksum(bytes: Buffer): number {
  return crc32(bytes.subarray(HEADER_BYTES), crc32(bytes.subarray(0, 8)));
}

function isConstant(words: Uint32Array): boolean {
  const low = words[0];
  const high = words[1];
  for (let i = 2; i < words.length; i += 2) if (words[i] !== low || words[i + 1] !== high) return false;
  return true;
}

/** The stride when `first + i × stride` is every value exactly: whole numbers only, so that no rounding can differ. */
function strideOf(values: Float64Array): number | undefined {
  const first = values[0] ?? 0;
  const stride = (values[1] ?? 0) - first;
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(stride) || stride === 0) return undefined;
  for (let i = 0; i < values.length; i++) {
    // Object.is tells -0 from 0, which is a number of its own in a row.
    if (!Object.is(values[i], first + i * stride)) return undefined;
  }
  return Number.isSafeInteger(first + values.length * stride) ? stride : undefined;
}

/** Each value XOR the one before, then byte k of all values together: the like bytes of like numbers side by side. */
function toPlanes(words: Uint32Array): Uint8Array {
  const count = words.length / 2;
  const planes = new Uint8Array(count * 8);
  let lastLow = 0;
  let lastHigh = 0;
  for (let i = 0; i < count; i++) {
    const low = words[i * 2] ?? 0;
    const high = words[i * 2 + 1] ?? 0;
    const a = low ^ lastLow;
    const b = high ^ lastHigh;
    lastLow = low;
    lastHigh = high;
    planes[i] = a;
    planes[count + i] = a >>> 8;
    planes[2 * count + i] = a >>> 16;
    planes[3 * count + i] = a >>> 24;
    planes[4 * count + i] = b;
    planes[5 * count + i] = b >>> 8;
    planes[6 * count + i] = b >>> 16;
    planes[7 * count + i] = b >>> 24;
  }
  return planes;
}

function fromPlanes(planes: Uint8Array, count: number): Float64Array {
  if (planes.length !== count * 8)
    throw new DamagedChunk("the planes have another length than the count says");
  const values = new Float64Array(count);
  const words = new Uint32Array(values.buffer);
  // Four values at once where every plane is whole words: what long columns are.
  let at = count % 4 === 0 && planes.byteOffset % 4 === 0 ? fromWords(planes, words) : 0;
  let low = 0;
  let high = 0;
  for (; at < count; at++) {
    low ^=
      (planes[at] ?? 0) |
      ((planes[count + at] ?? 0) << 8) |
      ((planes[2 * count + at] ?? 0) << 16) |
      ((planes[3 * count + at] ?? 0) << 24);
    high ^=
      (planes[4 * count + at] ?? 0) |
      ((planes[5 * count + at] ?? 0) << 8) |
      ((planes[6 * count + at] ?? 0) << 16) |
      ((planes[7 * count + at] ?? 0) << 24);
    words[at * 2] = low;
    words[at * 2 + 1] = high;
  }
  return values;
}

const EVEN = 0x00ff00ff;
const ODD = 0xff00ff00;
const LOW = 0x0000ffff;
const HIGH = 0xffff0000;

/**
 * A word of a plane holds the same byte of four values. Of four planes, first the bytes of each pair of planes are put
 * side by side, then the pairs: 4 × 4 bytes turned about their diagonal. Returns the values made, which are all.
 */
function fromWords(bytes: Uint8Array, words: Uint32Array): number {
  const count = words.length / 2;
  const planes = new Int32Array(bytes.buffer, bytes.byteOffset, count * 2);
  const plane = count / 4;
  for (let half = 0; half < 2; half++) {
    const from = half * plane * 4;
    let before = 0;
    for (let i = 0; i < plane; i++) {
      const a = planes[from + i] as number;
      const b = planes[from + plane + i] as number;
      const c = planes[from + 2 * plane + i] as number;
      const d = planes[from + 3 * plane + i] as number;
      const abEven = (a & EVEN) | ((b & EVEN) << 8);
      const abOdd = ((a >>> 8) & EVEN) | (b & ODD);
      const cdEven = (c & EVEN) | ((d & EVEN) << 8);
      const cdOdd = ((c >>> 8) & EVEN) | (d & ODD);
      const first = before ^ ((abEven & LOW) | (cdEven << 16));
      const second = first ^ ((abOdd & LOW) | (cdOdd << 16));
      const third = second ^ ((abEven >>> 16) | (cdEven & HIGH));
      before = third ^ ((abOdd >>> 16) | (cdOdd & HIGH));
      const to = i * 8 + half;
      words[to] = first;
      words[to + 2] = second;
      words[to + 4] = third;
      words[to + 6] = before;
    }
  }
  return count;
}

function numbersIn(payload: Uint8Array, count: number): Float64Array {
  if (payload.length !== count * 8)
    throw new DamagedChunk("the payload has another length than the count says");
  if (payload.byteOffset % 8 === 0) return new Float64Array(payload.buffer, payload.byteOffset, count);
  // A copy: blobs come at any alignment, float64 views do not.
  const values = new Float64Array(count);
  asBytes(values).set(payload);
  return values;
}

export function asBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
