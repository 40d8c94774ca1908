/** Fields of a protobuf message, in order; wire types 0, 1, 2 and 5. Throws RangeError when the bytes are no message. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Number of the field `next` found. */
  field = 0;
  #wire = 0;

  /** The field is one number of a list that is not packed. */
  get single(): boolean {
    return this.#wire !== 2;
  }

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const tag = this.#varint();
    this.field = tag >>> 3;
    this.#wire = tag & 7;
    return true;
  }

  /** A number as int32 and int64 are written: negative ones in ten bytes. Exact to 2^53. */
  int(): number {
    if (this.#wire !== 0) return this.#skipped(0);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new RangeError("a number has too many bytes");
  }

  double(): number {
    if (this.#wire !== 1) return this.#skipped(0);
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  float(): number {
    if (this.#wire !== 5) return this.#skipped(0);
    const bytes = this.#take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  bytes(): Uint8Array {
    if (this.#wire !== 2) return this.#skipped(new Uint8Array(0));
    return this.#take(this.#varint());
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  skip(): void {
    if (this.#wire === 0) this.int();
    else if (this.#wire === 1) this.#take(8);
    else if (this.#wire === 2) this.#take(this.#varint());
    else if (this.#wire === 5) this.#take(4);
    else throw new RangeError(`wire type ${this.#wire} is not read`);
  }

  /** A field of another type than is known is passed over. */
  #skipped<T>(instead: T): T {
    this.skip();
    return instead;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("a length has too many bytes");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError("the message is cut");
    return byte;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("the message is cut");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

const decoder = new TextDecoder();
