import { isPlainObject, toJson } from "./values.ts";

/**
 * The run's configuration: what went in, what was changed. Each change is recorded and sent.
 *
 * @example run.config.update({ optimizer: { name: "adam" } });
 */
export class Config {
  readonly #values: Record<string, unknown>;
  readonly #tell: (config: Record<string, string>) => void;

  /** @internal Made by `init`. */
  constructor(values: Record<string, unknown>, tell: (config: Record<string, string>) => void) {
    this.#values = values;
    this.#tell = tell;
  }

  /** Undefined when it was not set. */
  get(key: string): unknown {
    return this.#values[key];
  }

  /**
   * One value.
   *
   * @throws TypeError when the value cannot be recorded; nothing is changed then.
   */
  set(key: string, value: unknown): void {
    this.update({ [key]: value });
  }

  /**
   * Several values; keys that are not named keep theirs.
   *
   * @throws TypeError when a value cannot be recorded; nothing is changed then.
   */
  update(values: Readonly<Record<string, unknown>>): void {
    const changed = configJson(values);
    Object.assign(this.#values, values);
    this.#tell({ ...configJson(this.#values), ...changed });
  }

  /** All of it, a copy. */
  toJSON(): Record<string, unknown> {
    return { ...this.#values };
  }
}

/** Key → value as JSON. @throws TypeError when it is no object or a value cannot be recorded. */
export function configJson(config: unknown): Record<string, string> {
  if (config === undefined) return {};
  if (!isPlainObject(config)) throw new TypeError("config must be an object of keys and values");
  return Object.fromEntries(
    Object.entries(config)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toJson(value, `config.${key}`, { nanIsNull: true })]),
  );
}
