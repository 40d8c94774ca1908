import { format } from "node:util";
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
  // Deno's console does not go through the process's streams.
  const undo = "Deno" in globalThis ? wrapConsole() : [];
  for (const name of ["stdout", "stderr"] as const) {
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
        tell(name, textOf(chunk, rest[0], decoder));
        inside = false;
      }
      return Reflect.apply(original, this, [chunk, ...rest]) as boolean;
    } as typeof stream.write;
    stream.write = patched;
    undo.push(() => {
      // Who wrapped it after us goes on to call ours, which does nothing more.
      if (stream.write === patched) stream.write = original;
    });
  }
  return () => {
    for (const one of undo) one();
  };
}

function tell(stream: "stdout" | "stderr", text: string): void {
  for (const listener of listeners) {
    try {
      listener(stream, text);
    } catch {
      // The program prints on; who fails is not asked again, as with the official client.
      listeners.delete(listener);
    }
  }
}

function wrapConsole(): (() => void)[] {
  return (["log", "info", "debug", "warn", "error"] as const).map((name) => {
    const original = console[name];
    const stream = name === "warn" || name === "error" ? "stderr" : "stdout";
    const patched = (...given: unknown[]) => {
      tell(stream, `${format(...given)}\n`);
      original.apply(console, given);
    };
    console[name] = patched;
    return () => {
      if (console[name] === patched) console[name] = original;
    };
  });
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
