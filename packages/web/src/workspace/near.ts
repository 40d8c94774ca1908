import { type RefObject, useLayoutEffect, useRef, useState } from "react";
import { distanceOfNew, frameQueue } from "../charts/frame-queue.ts";

/** Of the height of the scroller, above and below what it shows: scrolling meets drawn charts. */
const MARGIN = 0.75;
/** What is scrolled past faster than this is not drawn at all; unless it is by key, which needs something to go on to. */
const SETTLE_MS = 100;

/** However many there are, and will be. */
const ALL = Number.POSITIVE_INFINITY;
/** For a chart to be there, whatever it then draws; about: with one, a frame has enough to do. */
const MOUNT_MS = 4;

/** Calls of the one observer of a scroller; an observer for each of five thousand places would be slow. */
const calls = new WeakMap<Element, (near: boolean) => void>();
const observers = new WeakMap<Element, IntersectionObserver>();

function observerOf(scroller: Element): IntersectionObserver {
  const known = observers.get(scroller);
  if (known) return known;
  const made = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) calls.get(target)?.(isIntersecting);
    },
    { root: scroller, rootMargin: `${MARGIN * 100}% 0px` },
  );
  observers.set(scroller, made);
  return made;
}

/**
 * How many of its `parts` an element inside `.panels-scroll` has. In the window or close to it: all of them, but for the
 * moment in which it comes; else none. What has the focus stays.
 */
export function useNear<Place extends Element>(parts: number): [RefObject<Place | null>, number] {
  const place = useRef<Place>(null);
  const [here, setHere] = useState(0);
  const latest = useRef({ here, parts });
  latest.current = { here, parts };
  // Before anything is painted: no words flash where a chart will be.
  useLayoutEffect(() => {
    const element = place.current;
    const scroller = element?.closest(".panels-scroll");
    if (!element || !scroller) return;
    const window = scroller.getBoundingClientRect();
    const { top, bottom } = element.getBoundingClientRect();
    const margin = window.height * MARGIN;
    if (bottom >= window.top - margin && top <= window.bottom + margin) setHere(ALL);

    const observer = observerOf(scroller);
    let timer: ReturnType<typeof setTimeout> | undefined;
    // What comes into the window together takes a frame for each part.
    const come = (count: number) =>
      frameQueue.add(element, {
        distance: () => distanceOfNew(element),
        bringsMs: MOUNT_MS,
        run: () => {
          const isWhole = count >= latest.current.parts;
          setHere(isWhole ? ALL : count);
          if (!isWhole) come(count + 1);
          return false;
        },
      });
    calls.set(element, (now) => {
      clearTimeout(timer);
      frameQueue.drop(element);
      if (!now) {
        if (!element.contains(document.activeElement)) setHere(0);
      } else if (scroller.contains(document.activeElement)) setHere(ALL);
      else if (latest.current.here < latest.current.parts)
        timer = setTimeout(() => come(latest.current.here + 1), SETTLE_MS);
    });
    observer.observe(element);
    return () => {
      clearTimeout(timer);
      frameQueue.drop(element);
      observer.unobserve(element);
      calls.delete(element);
    };
  }, []);
  return [place, Math.min(here, parts)];
}
