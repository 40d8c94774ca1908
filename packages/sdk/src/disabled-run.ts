import { Config } from "./config.ts";
import { type LiveView, liveView } from "./live-view.ts";
import { RunSummary } from "./run-summary.ts";
import { Summary } from "./summary.ts";
import { toJson } from "./values.ts";

/** WANDB_MODE=disabled: the same face, and nothing behind it: no file, no thread, no network. */
export class DisabledRun {
  readonly id = "disabled";
  readonly entity = "";
  readonly project = "";
  readonly name = "disabled";
  readonly resumed = false;
  readonly dir = "";
  readonly url = "";
  readonly stopRequested = false;
  readonly signal: AbortSignal = new AbortController().signal;
  readonly config: LiveView<Config>;
  readonly summary: LiveView<RunSummary>;
  readonly #kept = new Summary();
  step = 0;

  readonly #onFinish: (run: unknown) => void;

  constructor(config: Record<string, unknown>, onFinish: (run: unknown) => void) {
    this.#onFinish = onFinish;
    const values = new Config({ ...config }, () => {});
    this.config = liveView(() => values);
    const summary = new RunSummary(
      this.#kept,
      () => {},
      () => {},
    );
    this.summary = liveView(() => summary);
  }

  /** Nothing is recorded, but who reads the summary back finds it. */
  log(data: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of Object.entries(data))
      if (value !== undefined) this.#kept.logged(key, toJson(value, key, { forRow: true }));
    this.step++;
  }
  defineMetric(): void {}
  alert(): void {}
  on(): () => void {
    return () => {};
  }
  writeLogs(): void {}
  markPreempting(): void {}
  save(): string[] {
    return [];
  }
  async logCode(): Promise<undefined> {}
  async finish(): Promise<void> {
    this.#onFinish(this);
  }
}
