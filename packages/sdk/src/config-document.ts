import type { Item, MetricFields } from "@steelyard/protocol/records";
import { MetricDefinitions } from "./metric-definitions.ts";

/** Of `_wandb`: the step that a run goes on from, its own or another run's. */
export function branchFacts(branch: { run: string; value: number } | undefined): Record<string, unknown> {
  return branch ? { branch_point: { run_id: branch.run, step: branch.value } } : {};
}

/** The run's configuration as the wire and the files have it: values as JSON, and what the client adds under `_wandb`. */
export class ConfigDocument {
  #values: Record<string, string>;
  readonly #metrics = new MetricDefinitions();
  readonly #version: string;
  /** Changed since it was last sent. */
  dirty = false;

  /** Of `_wandb`, beside what is found out here. */
  #own: Readonly<Record<string, unknown>>;

  constructor(values: Record<string, string>, version: string, own: Readonly<Record<string, unknown>> = {}) {
    this.#values = values;
    this.#version = version;
    this.#own = own;
  }

  replace(values: Record<string, string>): void {
    this.#values = values;
    this.dirty = true;
  }

  /** What the run had before it was resumed; what was given now stays. */
  inherit(known: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>): void {
    this.#own = { ...own, ...this.#own };
    for (const [key, value] of Object.entries(known))
      if (!Object.hasOwn(this.#values, key))
        this.#values = { ...this.#values, [key]: JSON.stringify(value ?? null) };
  }

  /** A fact of the client's own, such as `code_path`. */
  note(key: string, value: unknown): void {
    this.#own = { ...this.#own, [key]: value };
    this.dirty = true;
  }

  define(metric: MetricFields): void {
    this.#metrics.define(metric);
    this.dirty = true;
  }

  get items(): Item[] {
    return Object.entries(this.#values).map(([key, json]) => [[key], json]);
  }

  /** As `upsertBucket` takes it. */
  get json(): string {
    const parts = Object.entries(this.#values).map(
      ([key, json]) => `${JSON.stringify(key)}:{"value":${json}}`,
    );
    parts.push(`"_wandb":{"value":${JSON.stringify(this.#telemetry())}}`);
    return `{${parts.join(",")}}`;
  }

  /** `config.yaml`. JSON is YAML: one key a line, in the form of the client's file. */
  get yaml(): string {
    const lines = Object.entries(this.#values)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, json]) => `${JSON.stringify(key)}:\n    value: ${json}\n`);
    return `_wandb:\n    value: ${JSON.stringify(this.#telemetry())}\n${lines.join("")}`;
  }

  #telemetry(): Record<string, unknown> {
    // `t` marks the run as started: without it a resume would not find it.
    return {
      ...this.#own,
      cli_version: this.#version,
      t: { "5": this.#version, "13": `${process.platform}-${process.arch}` },
      m: this.#metrics.document,
    };
  }
}
