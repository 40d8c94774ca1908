import { type BlockHead, decodeHead } from "./block.ts";

/**
 * Heads of blocks, decoded: they never change. A run that sends the same few keys leaves journal rows whose heads are the
 * same bytes, so of those one is kept for all. Hot: a chart of live runs asks for the head of each of their journal rows.
 */
export class KnownHeads {
  readonly #maxBytes: number;
  readonly #byBlock = new Map<number, BlockHead>();
  /** Of journal rows, by the checksum that is in them. */
  readonly #alike = new Map<number, { bytes: Uint8Array; head: BlockHead }>();
  /** However large it is: it is asked for again for each of its columns. */
  #last: { block: number; head: BlockHead } | undefined;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(block: number): BlockHead | undefined {
    return this.#last?.block === block ? this.#last.head : this.#byBlock.get(block);
  }

  /** Decodes it and keeps it, as long as there is room. Throws `DamagedChunk`. */
  decode(block: number, bytes: Uint8Array, isJournal: boolean): BlockHead {
    const checksum = isJournal ? checksumIn(bytes) : undefined;
    const like = checksum === undefined ? undefined : this.#alike.get(checksum);
    const known = like && Buffer.compare(like.bytes, bytes) === 0 ? like.head : undefined;
    const head = known ?? decodeHead(bytes);
    this.#last = { block, head };
    const size = BLOCK_BYTES + (known ? 0 : sizeOf(head) + bytes.length);
    if (size > this.#maxBytes / 4) return head;
    if (this.#bytes + size > this.#maxBytes) this.clear();
    this.#bytes += size;
    this.#byBlock.set(block, head);
    if (checksum !== undefined && !known) this.#alike.set(checksum, { bytes, head });
    return head;
  }

  clear(): void {
    this.#byBlock.clear();
    this.#alike.clear();
    this.#last = undefined;
    this.#bytes = 0;
  }
}

/** A place in a map. */
const BLOCK_BYTES = 50;

/** Measured: a column with its path takes 150 bytes, its statistics as many again. */
function sizeOf({ columns, shapes, shapeOf }: BlockHead): number {
  let bytes = 600 + shapeOf.byteLength;
  for (const { stats } of columns) bytes += stats ? 300 : 150;
  for (const shape of shapes) bytes += 50 + 8 * shape.length;
  return bytes;
}

/** Of the JSON; see `encodeHead`. undefined when the head is cut short. */
function checksumIn(bytes: Uint8Array): number | undefined {
  return bytes.length < 12
    ? undefined
    : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(8, true);
}
