type Listener = (stream: "stdout" | "stderr", text: string) => void;
const listeners = new Set<Listener>();
let restore: (() => void) | undefined;

/** Hear what this process writes to standard output and error, which goes on to the terminal as before. Returns the end of it. */
export function captureConsole(listener: Listener): () => void {
  listeners.add(listener);
  restore ??= wrap();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      restore?.();
      restore = undefined;
    }
  };
}

function wrap(): () => void {
  const undo = (["stdout", "stderr"] as const).map((name) => {
    const stream = process[name];
    const original = stream.write;
    const decoder = new TextDecoder();
    let inside = false;
    stream.write = function write(
      this: typeof stream,
      chunk: string | Uint8Array,
      ...rest: unknown[]
    ): boolean {
      // What a listener itself prints must not come round again.
      if (!inside) {
        inside = true;
        const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
        for (const listener of listeners) listener(name, text);
        inside = false;
      }
      return Reflect.apply(original, this, [chunk, ...rest]) as boolean;
    } as typeof stream.write;
    return () => {
      stream.write = original;
    };
  });
  return () => {
    for (const one of undo) one();
  };
}
