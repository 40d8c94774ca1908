import type { XKind } from "./draw.ts";

/** The x under the pointer, shared by every chart with the same kind of axis. */
let current: { kind: XKind; x: number } | undefined;
const listeners = new Set<() => void>();
let waiting = false;

export function hoverX(kind: XKind, x: number | undefined): void {
  current = x === undefined ? undefined : { kind, x };
  if (waiting) return;
  // Pointer events come faster than frames.
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (const listener of listeners) listener();
  });
}

export function hoveredX(kind: XKind): number | undefined {
  return current?.kind === kind ? current.x : undefined;
}

/** Until what it returns is called. */
export function onHoverX(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
