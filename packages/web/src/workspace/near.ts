import { type RefObject, useLayoutEffect, useRef, useState } from "react";
import { distanceOfNew, frameQueue } from "../charts/frame-queue.ts";

/** Of the height of the scroller, above and below what it shows: scrolling meets drawn charts. */
const MARGIN = 0.75;
/** What is scrolled past faster than this is not drawn at all; unless it is by key, which needs something to go on to. */
const SETTLE_MS = 100;

/** For a row of charts to be there, whatever they then draw; about. */
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

/** Whether an element inside `.panels-scroll` is in the window or close to it. What has the focus stays. */
export function useNear<Place extends Element>(): [RefObject<Place | null>, boolean] {
  const place = useRef<Place>(null);
  const [near, setNear] = useState(false);
  // Before anything is painted: no words flash where a chart will be.
  useLayoutEffect(() => {
    const element = place.current;
    const scroller = element?.closest(".panels-scroll");
    if (!element || !scroller) return;
    const window = scroller.getBoundingClientRect();
    const { top, bottom } = element.getBoundingClientRect();
    const margin = window.height * MARGIN;
    setNear(bottom >= window.top - margin && top <= window.bottom + margin);

    const observer = observerOf(scroller);
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Rows that come into the window together take a frame each.
    const come = () =>
      frameQueue.add(element, {
        distance: () => distanceOfNew(element),
        bringsMs: MOUNT_MS,
        run: () => {
          setNear(true);
          return false;
        },
      });
    calls.set(element, (now) => {
      clearTimeout(timer);
      frameQueue.drop(element);
      if (!now) {
        if (!element.contains(document.activeElement)) setNear(false);
      } else if (scroller.contains(document.activeElement)) setNear(true);
      else timer = setTimeout(come, SETTLE_MS);
    });
    observer.observe(element);
    return () => {
      clearTimeout(timer);
      frameQueue.drop(element);
      observer.unobserve(element);
      calls.delete(element);
    };
  }, []);
  return [place, near];
}
