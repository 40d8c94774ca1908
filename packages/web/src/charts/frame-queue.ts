/**
 * Work of charts, shared out over frames: a hundred runs in thirty charts come, and are painted, a few charts a frame, and
 * no frame waits for all of them.
 */

/** What somebody sees goes before what is near it. */
export interface Job {
  /** In points that are read or painted, about. */
  cost: number;
  isSeen: () => boolean;
  run: () => void;
}

/**
 * Of a frame. Painting a point of a line with its band takes about 0.15 µs of script and raster without a GPU; half of the
 * 16 ms is the browser's and everything else's.
 */
const BUDGET = 50_000;

export class FrameQueue {
  readonly #jobs = new Map<object, Job>();
  readonly #nextFrame: (run: () => void) => void;
  #isWaiting = false;

  constructor(nextFrame: (run: () => void) => void) {
    this.#nextFrame = nextFrame;
  }

  /** A second job of one `owner` replaces the first, in its place. */
  add(owner: object, job: Job): void {
    this.#jobs.set(owner, job);
    this.#wait();
  }

  drop(owner: object): void {
    this.#jobs.delete(owner);
  }

  #wait(): void {
    if (this.#isWaiting || this.#jobs.size === 0) return;
    this.#isWaiting = true;
    this.#nextFrame(() => {
      this.#isWaiting = false;
      this.#runFrame();
      this.#wait();
    });
  }

  /** One at least, however much it costs: otherwise it would never come. */
  #runFrame(): void {
    const seen = [...this.#jobs].filter(([, job]) => job.isSeen());
    let left = BUDGET;
    for (const [owner, job] of seen.length > 0 ? seen : [...this.#jobs]) {
      if (left < BUDGET && job.cost > left) break;
      left -= job.cost;
      this.#jobs.delete(owner);
      job.run();
    }
  }
}

export const frameQueue = new FrameQueue((run) => requestAnimationFrame(run));

/** Its turn has come. */
export function inTurn(cost: number, isSeen: () => boolean): Promise<void> {
  return new Promise((run) => frameQueue.add({}, { cost, isSeen, run }));
}
