import { type Histogram, monitorEventLoopDelay } from "node:perf_hooks";

/** Between looks of the event loop at itself, milliseconds: a longer gap is a delay. */
const RESOLUTION_MS = 20;
/** How often the heap is looked at, at most: some ten microseconds each time. */
const HEAP_EVERY_MS = 1000;
const MIB = 2 ** 20;

/** What the program's thread measures of itself, seen by the run's thread while it does. */
export interface WatchedThread {
  /** Nanoseconds between looks; undefined where threads cannot share it. */
  delay: Histogram | undefined;
  /** Float64: number of looks, then bytes of heap used, heap in all, and outside of it. */
  heap: SharedArrayBuffer;
}

/**
 * Measure the thread that calls: the delay of its event loop, counted outside of JavaScript, and its heap. Returns what to
 * show the run's thread, and the end of it.
 */
export function watchThread(intervalMs: number): { watched: WatchedThread; stop: () => void } {
  const delay = sharedDelay();
  delay?.enable();
  const heap = new SharedArrayBuffer(4 * Float64Array.BYTES_PER_ELEMENT);
  const cells = new Float64Array(heap);
  const look = () => {
    try {
      const { heapUsed, heapTotal, external } = process.memoryUsage();
      cells.set([(cells[0] as number) + 1, heapUsed, heapTotal, external]);
    } catch {
      // A process without a descriptor left is not told: it is the program's thread that would end.
    }
  };
  look();
  const timer = setInterval(look, Math.min(intervalMs, HEAP_EVERY_MS));
  timer.unref();
  return {
    watched: { delay, heap },
    stop() {
      clearInterval(timer);
      // Held until here: the measuring ends with the object.
      delay?.disable();
    },
  };
}

/** Bun's is of its thread alone, others may have none: then all else is measured. */
function sharedDelay(): ReturnType<typeof monitorEventLoopDelay> | undefined {
  try {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    return typeof structuredClone(delay).percentile === "function" ? delay : undefined;
  } catch {
    return undefined;
  }
}

/** The run's side of it. */
export class ThreadMetrics {
  readonly #delay: Histogram | undefined;
  readonly #heap: Float64Array;
  #looks = 0;
  #heardMs = performance.now();

  constructor({ delay, heap }: WatchedThread) {
    this.#delay = delay;
    this.#heap = new Float64Array(heap);
  }

  /** Of the time since the last one. */
  sample(): Record<string, number> {
    const values = this.#delay ? this.#delayed(this.#delay) : {};
    const [looks = 0, used = 0, total = 0, external = 0] = this.#heap;
    // Of a thread that is busy the last look may be of long ago.
    if (looks > this.#looks) {
      this.#looks = looks;
      values["proc.node.heapUsedMB"] = Math.round((used / MIB) * 100) / 100;
      values["proc.node.heapTotalMB"] = Math.round((total / MIB) * 100) / 100;
      values["proc.node.externalMB"] = Math.round((external / MIB) * 100) / 100;
    }
    return values;
  }
  #delayed(delay: Histogram): Record<string, number> {
    const values: Record<string, number> = {};
    const now = performance.now();
    const over = (ns: number) => Math.round(Math.max(0, ns / 1e6 - RESOLUTION_MS) * 1000) / 1000;
    const { count, mean, max } = delay;
    if (count > 0) {
      // Before its first look since the last sample; that gap is in no count.
      const first = Math.round(now - this.#heardMs - (count * mean) / 1e6) - 2 * RESOLUTION_MS;
      values["proc.node.eventLoopDelayMeanMs"] = over(mean);
      values["proc.node.eventLoopDelayP99Ms"] = over(delay.percentile(99));
      values["proc.node.eventLoopDelayMaxMs"] = Math.max(over(max), first);
      delay.reset();
      this.#heardMs = now;
    } else if (now - this.#heardMs > 2 * RESOLUTION_MS) {
      // It has not come round once: it is busy all this time.
      values["proc.node.eventLoopDelayMaxMs"] = Math.round(now - this.#heardMs);
    }
    return values;
  }
}
