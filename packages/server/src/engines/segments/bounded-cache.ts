/** What was used last is kept, up to so many bytes. */
export class BoundedCache<Value> {
  readonly #maxBytes: number;
  readonly #items = new Map<string, { value: Value; bytes: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(label: string): Value | undefined {
    const item = this.#items.get(label);
    if (!item) return undefined;
    // A map keeps the order of insertion: what is used goes to its end.
    this.#items.delete(label);
    this.#items.set(label, item);
    return item.value;
  }

  /** Something larger than a quarter of the whole is not kept. */
  set(label: string, value: Value, bytes: number): void {
    if (bytes > this.#maxBytes / 4) return;
    this.#bytes += bytes - (this.#items.get(label)?.bytes ?? 0);
    this.#items.delete(label);
    this.#items.set(label, { value, bytes });
    for (const [oldest, item] of this.#items) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#items.delete(oldest);
      this.#bytes -= item.bytes;
    }
  }
}
