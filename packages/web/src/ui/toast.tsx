import { useSyncExternalStore } from "react";

interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
const SHOWN_MS = 8000;

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says what happened, with the way back. */
export function toast(text: string, action?: Toast["action"]): void {
  const id = nextId++;
  change([...toasts.slice(-2), action ? { id, text, action } : { id, text }]);
  setTimeout(() => change(toasts.filter((one) => one.id !== id)), SHOWN_MS);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, action }) => (
        <div key={id} className="toast">
          {text}
          {action && (
            <button
              type="button"
              onClick={() => {
                action.run();
                change(toasts.filter((one) => one.id !== id));
              }}
            >
              {action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
