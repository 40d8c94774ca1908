/** Without `url`: the question is taken back. */
export interface AsideQuestion {
  id: number;
  url?: string;
  init?: RequestInit;
}

/** A reply that is here as a whole. */
export interface Received {
  status: number;
  statusText: string;
  headers: [string, string][];
  body: ArrayBuffer;
}

export type AsideAnswer = "listening" | { id: number; error: string } | ({ id: number } & Received);

const waiting = new Map<number, { resolve: (answer: Received) => void; reject: (error: unknown) => void }>();
/** The first charts of a page have the processor for themselves. */
const OPEN_AFTER_MS = 1000;
let _opening: ReturnType<typeof setTimeout> | undefined;
/** Once it listens. */
let listening: Worker | undefined;
let lastId = 0;

/**
 * Asked for in a thread beside the page's, where megabytes come in without holding up a frame; undefined while that thread is
 * not there yet.
 */
export function fetchAside(url: string, { signal, ...init }: RequestInit): Promise<Received> | undefined {
  _opening ??= setTimeout(open, OPEN_AFTER_MS);
  if (!listening) return undefined;
  const worker = listening;
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    waiting.set(id, { resolve, reject });
    signal?.addEventListener("abort", () => {
      if (!waiting.delete(id)) return;
      worker.postMessage({ id } satisfies AsideQuestion);
      reject(signal.reason);
    });
    worker.postMessage({ id, url, init } satisfies AsideQuestion);
  });
}

function open(): void {
  const worker = new Worker(new URL("./aside-worker.ts", import.meta.url), { type: "module" });
  // One that could not be loaded, or has no memory left: the page asks itself again.
  worker.onerror = () => {
    listening = undefined;
    for (const { reject } of waiting.values()) reject(new TypeError("the thread that receives charts ended"));
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<AsideAnswer>) => {
    if (data === "listening") {
      listening = worker;
      return;
    }
    const one = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) one?.reject(new TypeError(data.error));
    else one?.resolve(data);
  };
}
