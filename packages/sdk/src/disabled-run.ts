import { Config } from "./config.ts";
import { RunSummary } from "./run-summary.ts";

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
  readonly config: Config;
  readonly summary = new RunSummary(
    () => [],
    () => {},
  );
  step = 0;

  constructor(config: Record<string, unknown>) {
    this.config = new Config({ ...config }, () => {});
  }

  log(): void {
    this.step++;
  }
  defineMetric(): void {}
  async finish(): Promise<void> {}
}
