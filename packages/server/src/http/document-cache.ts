/**
 * Parsed and validated documents by their text, the least recently used go first: without it a mutation costs eight times
 * as much. Bounded by text, because a document takes memory as its text is long.
 */
export class DocumentCache<Document> {
  readonly #maxBytes: number;
  readonly #documents = new Map<string, Document>();
  #bytes = 0;

  /** All documents of all clients together have some 300 kB; parsed they take about 50 times as much. */
  constructor(maxBytes = 2 ** 20) {
    this.#maxBytes = maxBytes;
  }

  /** UTF-8 length of the texts that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get(text: string): Document | undefined {
    const known = this.#documents.get(text);
    if (known !== undefined) {
      // Re-inserted so that the Map's order is the order of last use.
      this.#documents.delete(text);
      this.#documents.set(text, known);
    }
    return known;
  }

  /** A text longer than the whole bound is not kept. */
  put(text: string, document: Document): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#maxBytes || this.#documents.has(text)) return;
    this.#documents.set(text, document);
    this.#bytes += bytes;
    for (const oldest of this.#documents.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#documents.delete(oldest);
      this.#bytes -= Buffer.byteLength(oldest);
    }
  }
}
