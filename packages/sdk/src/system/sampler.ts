import type { InternalLog } from "../debug-log.ts";
import { devicesHere } from "./devices.ts";
import { HostMetrics } from "./host-metrics.ts";
import { ThreadMetrics, type WatchedThread } from "./thread-metrics.ts";
import type { Devices } from "./tool.ts";

/** A device that tells nothing so often is not asked again. */
const MOST_FAILURES = 3;

export interface SystemOptions {
  /** Between samples; infinite: none are taken. */
  intervalMs: number;
  /** GPUs that are measured; all when undefined. */
  gpuIds: readonly number[] | undefined;
}

/**
 * System metrics in their rhythm: one sample at once, one each interval, one at the end. Devices are asked beside, by tools
 * of theirs, and told when they answer; one that is slow is not asked twice at a time, and one that fails is a line in the
 * run's story.
 */
export class SystemSampler {
  readonly #options: SystemOptions;
  readonly #take: (values: Record<string, number>, atMs: number) => void;
  readonly #log: InternalLog;
  readonly #host = new HostMetrics();
  readonly #stop = new AbortController();
  #thread: ThreadMetrics | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    options: SystemOptions,
    take: (values: Record<string, number>, atMs: number) => void,
    log: InternalLog,
  ) {
    this.#options = options;
    this.#take = take;
    this.#log = log;
  }

  /** The program's thread lets itself be measured. */
  watch(thread: WatchedThread): void {
    this.#thread = new ThreadMetrics(thread);
  }

  begin(): void {
    const { intervalMs, gpuIds } = this.#options;
    if (intervalMs === Number.POSITIVE_INFINITY) return;
    const asked = devicesHere(gpuIds).map((devices) => this.#asking(devices));
    const tick = () => {
      this.#sampleHost();
      for (const ask of asked) void ask();
    };
    tick();
    this.#timer = setInterval(tick, intervalMs);
  }

  /** The last sample; nothing is taken after it. */
  end(): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#sampleHost();
    this.#stop.abort(new Error("the run is over"));
  }

  #sampleHost(): void {
    let values: Record<string, number>;
    try {
      values = { ...this.#host.sample(), ...this.#thread?.sample() };
    } catch (error) {
      // A process without a descriptor left is not told what memory it has.
      this.#log.write("WARNING", "the machine tells nothing", { reason: (error as Error).message });
      return;
    }
    this.#take(values, Date.now());
  }

  #asking(devices: Devices): () => Promise<void> {
    let busy = false;
    let failures = 0;
    return async () => {
      if (busy || failures >= MOST_FAILURES) return;
      busy = true;
      const { signal } = this.#stop;
      try {
        const values = await devices.sample(signal);
        failures = 0;
        if (!signal.aborted && Object.keys(values).length > 0) this.#take(values, Date.now());
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        this.#log.write("WARNING", `${devices.name} tells nothing`, {
          reason: (error as Error).message,
          asksAgain: failures < MOST_FAILURES,
        });
      } finally {
        busy = false;
      }
    };
  }
}
