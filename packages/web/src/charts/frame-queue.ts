/**
 * Work of charts, shared out over frames: a hundred runs in thirty charts come, and are painted, a slice a frame, and no
 * frame waits for a whole chart.
 */

/** What somebody sees goes before what is near it, and of that the nearest. */
export interface Job {
  /** Pixels from the window; 0: in it; below: in it, and nothing is there yet. */
  distance: () => number;
  /** A slice of the work, of a millisecond or so; true when there is more. */
  run: () => boolean;
  /** What others make of it in the same frame, outside of `run`: milliseconds, about. */
  bringsMs?: number;
}

/** Of a frame; the rest of its 16 ms is the browser's and everything else's. */
const BUDGET_MS = 4;

export class FrameQueue {
  readonly #jobs = new Map<object, Job>();
  readonly #nextFrame: (run: () => void) => void;
  readonly #now: () => number;
  /** It is finished before anything else, also when its owner has a newer one: a chart that changes all the time is seen. */
  #begun: { owner: object; job: Job } | undefined;
  #isWaiting = false;

  constructor(nextFrame: (run: () => void) => void, now: () => number) {
    this.#nextFrame = nextFrame;
    this.#now = now;
  }

  /** A second job of one `owner` replaces the first, in its place, if that has not begun. */
  add(owner: object, job: Job): void {
    this.#jobs.set(owner, job);
    this.#wait();
  }

  drop(owner: object): void {
    this.#jobs.delete(owner);
    if (this.#begun?.owner === owner) this.#begun = undefined;
  }

  #wait(): void {
    if (this.#isWaiting || (this.#jobs.size === 0 && !this.#begun)) return;
    this.#isWaiting = true;
    this.#nextFrame(() => {
      this.#isWaiting = false;
      this.#runFrame();
      this.#wait();
    });
  }

  /** One slice at least, however long it takes: otherwise it would never come. */
  #runFrame(): void {
    const endMs = this.#now() + BUDGET_MS;
    let broughtMs = 0;
    const leftMs = () => endMs - this.#now() - broughtMs;
    for (const { owner, job } of this.#inOrder()) {
      // It may have been dropped by what ran before it.
      if (this.#begun?.owner !== owner && this.#jobs.get(owner) !== job) continue;
      const { bringsMs = 0 } = job;
      if (broughtMs > 0 && bringsMs > leftMs()) return;
      if (this.#jobs.get(owner) === job) this.#jobs.delete(owner);
      this.#begun = { owner, job };
      while (job.run()) if (leftMs() <= 0) return;
      this.#begun = undefined;
      broughtMs += bringsMs;
      if (leftMs() <= 0) return;
    }
  }

  /** What is near waits until nobody waits for what they see. */
  #inOrder(): { owner: object; job: Job }[] {
    const waiting = [...this.#jobs]
      .map(([owner, job]) => ({ owner, job, distance: job.distance() }))
      .sort((a, b) => a.distance - b.distance);
    const seen = waiting.filter(({ distance }) => distance <= 0);
    const order = seen.length > 0 ? seen : waiting;
    return this.#begun ? [this.#begun, ...order] : order;
  }
}

export const frameQueue = new FrameQueue(
  (run) => requestAnimationFrame(run),
  () => performance.now(),
);

/** Its turn has come. */
export function inTurn({ distance, bringsMs }: Pick<Job, "distance" | "bringsMs">): Promise<void> {
  return new Promise((resolve) => {
    const run = () => {
      resolve();
      return false;
    };
    frameQueue.add({}, { distance, run, ...(bringsMs === undefined ? {} : { bringsMs }) });
  });
}

/** Of what is not there yet: it goes before what is only painted anew. */
export function distanceOfNew(element: Element | null): number {
  return distanceOf(element) || -1;
}

/** How far any of it is from what the window shows. */
export function distanceOf(element: Element | null): number {
  if (!element) return Number.POSITIVE_INFINITY;
  const { top, bottom } = element.getBoundingClientRect();
  return Math.max(0, -bottom, top - window.innerHeight);
}
