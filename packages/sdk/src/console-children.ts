import { ChildProcess, type StdioOptions } from "node:child_process";
import { readSync } from "node:fs";
import type { Socket } from "node:net";

type Name = "stdout" | "stderr";
const NAMES = ["stdout", "stderr"] as const;
/** Of one read behind a child that has ended. */
const READ_BYTES = 64 * 2 ** 10;

/** What every way to start a child comes to, of `exec`, `fork` and `cluster` too; not the synchronous ones. */
const starter = ChildProcess.prototype as unknown as {
  spawn(this: ChildProcess, options: { stdio?: StdioOptions; detached?: boolean }): number;
};

/**
 * Children that inherit standard output or error write to a pipe instead, and what comes out of it is written by this
 * process: so it is heard where this process is heard. They see no terminal then. Detached ones are left alone: they may
 * outlive the pipe. Returns the end of it, for children started from then on.
 */
export function forwardChildren(): () => void {
  const original = starter.spawn;
  const patched: typeof original = function (options) {
    const taken = options.detached ? undefined : withoutInherited(options.stdio);
    if (!taken) return Reflect.apply(original, this, [options]);
    const result = Reflect.apply(original, this, [{ ...options, stdio: taken.stdio }]);
    for (const { at, to } of taken.pipes) forward(this, at, to);
    return result;
  };
  starter.spawn = patched;
  return () => {
    // Who patched it after us goes on to call ours.
    if (starter.spawn === patched) starter.spawn = original;
  };
}

/** Undefined when the child inherits neither. */
function withoutInherited(
  given: StdioOptions | undefined,
): { stdio: StdioOptions; pipes: { at: number; to: Name }[] } | undefined {
  const list = Array.isArray(given) ? [...given] : [given, given, given];
  const pipes: { at: number; to: Name }[] = [];
  for (const [at, entry] of list.entries()) {
    const to =
      entry === "inherit"
        ? NAMES[at - 1]
        : NAMES.find((name, index) => entry === index + 1 || entry === process[name]);
    if (!to) continue;
    pipes.push({ at, to });
    list[at] = "pipe";
  }
  return pipes.length === 0 ? undefined : { stdio: list as StdioOptions, pipes };
}

function forward(child: ChildProcess, at: number, to: Name): void {
  const pipe = child.stdio[at] as Socket | null | undefined;
  if (!pipe) return;
  // As the program would find it without us.
  (child.stdio as unknown[])[at] = null;
  if (at === 1 || at === 2) child[NAMES[at - 1] as Name] = null;
  const { unref } = child;
  child.unref = () => {
    pipe.unref();
    unref.call(child);
  };
  // A character may be cut by the pipe: written in halves, others could come between.
  let cut = Buffer.alloc(0);
  const write = (chunk: Buffer) => {
    const all = cut.length > 0 ? Buffer.concat([cut, chunk]) : chunk;
    const whole = all.length - cutBytes(all);
    cut = Buffer.from(all.subarray(whole));
    return process[to].write(all.subarray(0, whole));
  };
  pipe.on("data", (chunk: Buffer) => {
    if (write(chunk)) return;
    pipe.pause();
    process[to].once("drain", () => pipe.resume());
  });
  pipe.on("end", () => cut.length > 0 && process[to].write(cut));
  // The first to hear of the end: whoever exits on it has shown everything.
  child.once("exit", () => {
    const { fd = -1 } = (pipe as unknown as { _handle?: { fd?: number } })._handle ?? {};
    const bytes = Buffer.alloc(READ_BYTES);
    try {
      for (let read = 1; fd >= 0 && read > 0; ) {
        read = readSync(fd, bytes, 0, READ_BYTES, null);
        write(Buffer.from(bytes.subarray(0, read)));
      }
    } catch {
      // A grandchild holds it open and says nothing now; or there is no descriptor to read here.
    }
  });
}

/** How many bytes at the end begin a character of UTF-8 that is not complete. */
function cutBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}
