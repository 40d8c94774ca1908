import type { LiveChange } from "@steelyard/protocol/live";
import { useEffect, useRef, useSyncExternalStore } from "react";

/**
 * One event stream for the whole page, opened with the first listener. A browser allows six connections to a server over
 * HTTP/1: a stream per panel would stop everything else.
 */
const listeners = new Set<(change: LiveChange) => void>();
const watchers = new Set<() => void>();
let source: EventSource | undefined;
let connected = true;

function setConnected(now: boolean): void {
  if (connected === now) return;
  connected = now;
  for (const watcher of watchers) watcher();
}

function open(): void {
  source = new EventSource("/api/v1/live");
  source.onopen = () => setConnected(true);
  source.onerror = () => setConnected(false);
  source.addEventListener("change", (event) => {
    const change = JSON.parse((event as MessageEvent<string>).data) as LiveChange;
    for (const listener of listeners) listener(change);
  });
}

/** Calls `onChange` for every change of that project (of all when absent) while the component is shown. */
export function useLive(
  entity: string | undefined,
  project: string | undefined,
  onChange: (change: LiveChange) => void,
): void {
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    const listener = (change: LiveChange) => {
      if (entity !== undefined && change.entity !== entity) return;
      if (project !== undefined && change.project !== project) return;
      latest.current(change);
    };
    listeners.add(listener);
    if (!source) open();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) {
        source?.close();
        source = undefined;
      }
    };
  }, [entity, project]);
}

/** False while the server is out of reach. */
export function useConnected(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => connected,
  );
}
