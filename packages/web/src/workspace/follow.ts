import { type RefObject, useEffect } from "react";
import { useSteady } from "../ui/steady.ts";

/**
 * Charts follow their runs together, so that one request asks for all of them: at the first change at once, then once a
 * second, and more slowly where an answer takes its time: most of it is left to whoever uses the page.
 */
const EVERY_MS = 1000;
const REST = 2;
/** An answer that has not come by then may never come: the network went away without a word. */
const PATIENCE_MS = 30_000;

type Follower = () => Promise<void> | undefined;

const followers = new Set<Follower>();
let _timer: ReturnType<typeof setTimeout> | undefined;
let isBusy = false;
let wanted = false;
let nextMs = Number.NEGATIVE_INFINITY;

function pulse(): void {
  wanted = true;
  if (isBusy) return;
  _timer ??= setTimeout(beat, Math.max(0, nextMs - performance.now()));
}

async function beat(): Promise<void> {
  _timer = undefined;
  wanted = false;
  isBusy = true;
  const beganMs = performance.now();
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  await Promise.race([Promise.allSettled([...followers].map((follow) => follow())), patience]);
  const endMs = performance.now();
  nextMs = Math.max(beganMs + EVERY_MS, endMs + REST * (endMs - beganMs));
  isBusy = false;
  if (wanted) pulse();
}

/**
 * `catchUp` asks for what changed, undefined when there is nothing to ask. It is called after the function that this
 * returns, when `place` comes into the window, and when its tab is looked at again; never while nobody can see it.
 */
export function useFollow(place: RefObject<Element | null>, catchUp: Follower): () => void {
  const latest = useSteady(catchUp);
  useEffect(() => {
    let seen = false;
    const follow = () => (seen && !document.hidden ? latest() : undefined);
    const observer = new IntersectionObserver((entries) => {
      seen = entries.at(-1)?.isIntersecting ?? false;
      if (seen) pulse();
    });
    if (place.current) observer.observe(place.current);
    followers.add(follow);
    document.addEventListener("visibilitychange", pulse);
    return () => {
      observer.disconnect();
      followers.delete(follow);
      document.removeEventListener("visibilitychange", pulse);
    };
  }, [place, latest]);
  return pulse;
}
