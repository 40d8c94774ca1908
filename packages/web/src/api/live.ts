import type { LiveChange } from "@steelyard/protocol/live";
import { useEffect, useSyncExternalStore } from "react";
import { underBase } from "../address/base.ts";
import { useSteady } from "../ui/steady.ts";

/**
 * One event stream for the whole page, opened with the first listener. A browser allows six connections to a server over
 * HTTP/1: a stream per panel would stop everything else.
 */
const listeners = new Set<(change: LiveChange) => void>();
const watchers = new Set<() => void>();
let source: EventSource | undefined;
let connected = true;
/** The stream is open: from now on every change is heard. */
let listening = false;

function setConnected(now: boolean, hears = false): void {
  if (connected === now && listening === hears) return;
  connected = now;
  listening = hears;
  for (const watcher of watchers) watcher();
}

/** Between attempts when the browser has given up, as it does after an answer that is no stream. */
const RETRY_MS = 3000;
let retry: ReturnType<typeof setTimeout> | undefined;

function open(): void {
  close();
  source = new EventSource(underBase("/api/v1/live"));
  source.onopen = () => setConnected(true, true);
  source.onerror = () => {
    setConnected(false);
    if (source?.readyState === EventSource.CLOSED) retry ??= setTimeout(open, RETRY_MS);
  };
  source.addEventListener("change", (event) => {
    const change = JSON.parse((event as MessageEvent<string>).data) as LiveChange;
    for (const listener of listeners) listener(change);
  });
}

function close(): void {
  clearTimeout(retry);
  retry = undefined;
  source?.close();
  source = undefined;
  setConnected(connected);
}

// The browser knows before a connection times out; back on the net it need not wait for its next attempt.
window.addEventListener("offline", () => setConnected(false));
window.addEventListener("online", () => {
  if (listeners.size > 0) open();
});

/** Calls `onChange` for every change of that project (of all when absent) while the component is shown. */
export function useLive(
  entity: string | undefined,
  project: string | undefined,
  onChange: (change: LiveChange) => void,
): void {
  const latest = useSteady(onChange);
  useEffect(() => {
    const listener = (change: LiveChange) => {
      if (entity !== undefined && change.entity !== entity) return;
      if (project !== undefined && change.project !== project) return;
      latest(change);
    };
    listeners.add(listener);
    if (!source) open();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) close();
    };
  }, [entity, project, latest]);
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** False while the server is out of reach. */
export function useConnected(): boolean {
  return useSyncExternalStore(watch, () => connected);
}

/** True from when changes are heard: what was asked before that may have changed since. */
export function useListening(): boolean {
  return useSyncExternalStore(watch, () => listening);
}
