/** What an item takes by itself (measured): its link, its map, and the object of a typed array without the numbers. */
export const ITEM_BYTES = 500;

/** What was used last is kept, up to so many bytes, the items themselves counted. Hot: a chart asks it for each block and key, so a hit makes nothing. */
export class BoundedCache<Value> {
  readonly #maxBytes: number;
  readonly #items = new Map<number, Map<string | number, Item<Value>>>();
  /** A ring: after it comes what was used last, before it what was used longest ago. */
  readonly #ring: Item<Value> = ring();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(id: number, name: string | number): Value | undefined {
    const item = this.#items.get(id)?.get(name);
    if (!item) return undefined;
    unlink(item);
    this.#linkFirst(item);
    return item.value;
  }

  /** Something larger than a quarter of the whole is not kept. */
  set(id: number, name: string | number, value: Value, ownBytes: number): void {
    const bytes = ownBytes + ITEM_BYTES;
    if (bytes > this.#maxBytes / 4) return;
    this.#drop(this.#items.get(id)?.get(name));
    const named = this.#items.get(id) ?? new Map<string | number, Item<Value>>();
    this.#items.set(id, named);
    const item = { ...ring<Value>(), id, name, value, bytes };
    named.set(name, item);
    this.#linkFirst(item);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#drop(this.#ring.before);
  }

  clear(): void {
    this.#items.clear();
    this.#ring.before = this.#ring;
    this.#ring.after = this.#ring;
    this.#bytes = 0;
  }

  #linkFirst(item: Item<Value>): void {
    const head = this.#ring;
    item.before = head;
    item.after = head.after;
    head.after.before = item;
    head.after = item;
  }

  #drop(item: Item<Value> | undefined): void {
    if (!item) return;
    unlink(item);
    this.#bytes -= item.bytes;
    const named = this.#items.get(item.id);
    named?.delete(item.name);
    if (named?.size === 0) this.#items.delete(item.id);
  }
}

interface Item<Value> {
  id: number;
  name: string | number;
  value: Value;
  bytes: number;
  before: Item<Value>;
  after: Item<Value>;
}

function ring<Value>(): Item<Value> {
  const item = { id: 0, name: 0, value: undefined, bytes: 0 } as unknown as Item<Value>;
  item.before = item;
  item.after = item;
  return item;
}

function unlink<Value>({ before, after }: Item<Value>): void {
  before.after = after;
  after.before = before;
}
