const encoder = new TextEncoder();

/** Protobuf's wire format, as much as the records need: varints, doubles, strings, nested messages. Default values are left out. */
export class ProtoWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #varint(value: number): void {
    this.#room(10);
    let rest = value;
    if (rest < 0) {
      // Two's complement in 64 bits, as int32 and int64 of negative numbers are.
      let big = BigInt.asUintN(64, BigInt(rest));
      while (big > 127n) {
        this.#bytes[this.#length++] = Number(big & 127n) | 128;
        big >>= 7n;
      }
      this.#bytes[this.#length++] = Number(big);
      return;
    }
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  int(field: number, value: number): this {
    if (value !== 0) {
      this.#varint(field * 8);
      this.#varint(value);
    }
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.int(field, value ? 1 : 0);
  }

  double(field: number, value: number): this {
    if (value !== 0) {
      this.#varint(field * 8 + 1);
      this.#room(8);
      new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
      this.#length += 8;
    }
    return this;
  }

  string(field: number, value: string): this {
    return value === "" ? this : this.repeatedString(field, value);
  }

  /** As `string`, the empty one written too: an item of a list counts even when empty. */
  repeatedString(field: number, value: string): this {
    this.#varint(field * 8 + 2);
    // Keys and numbers are short ASCII nearly always: no second buffer for them.
    if (value.length < 64) {
      this.#room(1 + value.length * 3);
      const start = this.#length + 1;
      let at = start;
      for (let index = 0; index < value.length; index++) {
        const code = value.charCodeAt(index);
        if (code > 127) {
          this.#message(encoder.encode(value));
          return this;
        }
        this.#bytes[at++] = code;
      }
      this.#bytes[this.#length] = value.length;
      this.#length = at;
      return this;
    }
    this.#message(encoder.encode(value));
    return this;
  }

  /** A nested message; written even when empty, for its presence says which record it is. */
  message(field: number, bytes: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#message(bytes);
    return this;
  }

  #message(bytes: Uint8Array): void {
    this.#varint(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of what was written; the writer begins anew. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}
