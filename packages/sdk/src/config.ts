import { isPlainObject, toJson } from "./values.ts";

/**
 * The run's configuration: what went in, what was changed. Each change is recorded and sent.
 *
 * @example run.config.update({ optimizer: { name: "adam" } });
 */
export class Config {
  readonly #values: Record<string, unknown>;
  readonly #tell: (config: Record<string, string>) => void;
  readonly #isLocked: (key: string) => boolean;

  /** @internal Made by `init`. */
  constructor(
    values: Record<string, unknown>,
    tell: (config: Record<string, string>) => void,
    isLocked: (key: string) => boolean = () => false,
  ) {
    this.#values = values;
    this.#tell = tell;
    this.#isLocked = isLocked;
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
   * Several values; keys that are not named keep theirs, and so do those that a sweep has set, with a warning.
   *
   * @throws TypeError when a value cannot be recorded; nothing is changed then.
   */
  update(values: Readonly<Record<string, unknown>>): void {
    const free = Object.fromEntries(Object.entries(values).filter(([key]) => !this.#isLocked(key)));
    const changed = configJson(free);
    Object.assign(this.#values, free);
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
