import { useEffect, useRef } from "react";
import { useSteady } from "../ui/steady.ts";

/** Refreshes at once, then no more often than every `everyMs`: the last of a burst of changes is never left out. */
export function useRefresh(everyMs: number, refresh: () => void): () => void {
  const latest = useSteady(refresh);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    if (timer.current !== undefined) return;
    timer.current = setTimeout(
      () => {
        timer.current = undefined;
        last.current = performance.now();
        latest();
      },
      Math.max(0, last.current + everyMs - performance.now()),
    );
  };
}
