import { useCallback, useRef } from "react";

/** One function for all renders, which does what that of the last render does: whoever gets it is not rendered for it. */
export function useSteady<Given extends unknown[], Answer>(
  run: (...given: Given) => Answer,
): (...given: Given) => Answer {
  const latest = useRef(run);
  latest.current = run;
  return useCallback((...given: Given) => latest.current(...given), []);
}

/** The object of the render before, for as long as each of its parts is the same. */
export function useSame<Value extends object>(now: Value): Value {
  const before = useRef(now);
  if (!isSame(before.current, now)) before.current = now;
  return before.current;
}

function isSame<Value extends object>(before: Value, now: Value): boolean {
  const names = Object.keys(now) as (keyof Value)[];
  return (
    names.length === Object.keys(before).length && names.every((name) => Object.is(before[name], now[name]))
  );
}
