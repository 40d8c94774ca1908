/** What keeps values by key: `Config`, `RunSummary`. */
interface Keyed {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  update(values: Readonly<Record<string, unknown>>): void;
  toJSON(): Record<string, unknown>;
}

/** The methods of `T`, and every key as a property. A key that is a method's name is reached by `get` and `set` only. */
export type LiveView<T extends Keyed> = T & { [key: string]: unknown };

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const METHODS: ReadonlySet<string> = new Set(["get", "set", "update", "toJSON"] satisfies (keyof Keyed)[]);

/**
 * A face on what `keyed` gives at the time of each use, so that it may be held while runs come and go. Reading, writing,
 * `in`, `Object.keys`, spreading and JSON.stringify speak of its keys.
 *
 * @example config.lr = 0.1; console.log(config.lr, { ...config });
 */
export function liveView<T extends Keyed>(keyed: () => T): LiveView<T> {
  const target = { [INSPECT]: () => keyed().toJSON() };
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === "symbol") return undefined;
      const now = keyed();
      if (!METHODS.has(key)) return now.get(key);
      const method = now[key as keyof Keyed] as (...args: unknown[]) => unknown;
      return method.bind(now);
    },
    set(_, key, value) {
      if (typeof key === "symbol" || METHODS.has(key)) return false;
      keyed().set(key, value);
      return true;
    },
    has: (_, key) => typeof key === "string" && Object.hasOwn(keyed().toJSON(), key),
    ownKeys: () => Object.keys(keyed().toJSON()),
    getOwnPropertyDescriptor(_, key) {
      const all = keyed().toJSON();
      if (typeof key === "symbol" || !Object.hasOwn(all, key)) return undefined;
      return { value: all[key], writable: true, enumerable: true, configurable: true };
    },
    // A value that was recorded stays so: nothing on the wire takes a key back.
    deleteProperty: () => false,
    defineProperty: () => false,
  }) as unknown as LiveView<T>;
}
