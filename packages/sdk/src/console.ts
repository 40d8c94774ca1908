import { forwardChildren } from "./console-children.ts";

type Listener = (stream: "stdout" | "stderr", text: string) => void;
const listeners = new Set<Listener>();
let restore: (() => void) | undefined;
/** How many want what children write as well. */
let ofChildren = 0;
let restoreChildren: (() => void) | undefined;

/**
 * Hear what this process writes to standard output and error, which goes on to the terminal as before; with `children`,
 * also what child processes write that inherit them. Returns the end of it.
 */
export function captureConsole(listener: Listener, { children }: { children: boolean }): () => void {
  listeners.add(listener);
  restore ??= wrap();
  if (children) {
    ofChildren++;
    restoreChildren ??= forwardChildren();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      restore?.();
      restore = undefined;
    }
    if (children && --ofChildren === 0) {
      restoreChildren?.();
      restoreChildren = undefined;
    }
  };
}

function wrap(): () => void {
  const undo = (["stdout", "stderr"] as const).map((name) => {
    const stream = process[name];
    const original = stream.write;
    const decoder = new TextDecoder();
    let inside = false;
    const patched = function write(
      this: typeof stream,
      chunk: string | Uint8Array,
      ...rest: unknown[]
    ): boolean {
      // What a listener itself prints must not come round again.
      if (!inside && listeners.size > 0) {
        inside = true;
        const text = textOf(chunk, rest[0], decoder);
        for (const listener of listeners) {
          try {
            listener(name, text);
          } catch {
            // The program prints on; who fails is not asked again, as with the official client.
            listeners.delete(listener);
          }
        }
        inside = false;
      }
      return Reflect.apply(original, this, [chunk, ...rest]) as boolean;
    } as typeof stream.write;
    stream.write = patched;
    return () => {
      // Who wrapped it after us goes on to call ours, which does nothing more.
      if (stream.write === patched) stream.write = original;
    };
  });
  return () => {
    for (const one of undo) one();
  };
}

/** As the terminal gets it; "" for what the stream itself will refuse. */
function textOf(chunk: unknown, encoding: unknown, decoder: InstanceType<typeof TextDecoder>): string {
  if (typeof chunk === "string") {
    if (typeof encoding !== "string" || /^utf-?8$/i.test(encoding) || !Buffer.isEncoding(encoding))
      return chunk;
    return decoder.decode(Buffer.from(chunk, encoding), { stream: true });
  }
  if (!ArrayBuffer.isView(chunk)) return "";
  return decoder.decode(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength), { stream: true });
}
