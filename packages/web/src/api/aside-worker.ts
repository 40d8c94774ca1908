import type { AsideAnswer, AsideQuestion } from "./aside.ts";

/** Receives what the page asks for and hands it over: of megabytes, the page's own thread has nothing to copy. */
const asked = new Map<number, AbortController>();

self.onmessage = async ({ data: { id, url, init } }: MessageEvent<AsideQuestion>) => {
  if (url === undefined) return asked.get(id)?.abort();
  const controller = new AbortController();
  asked.set(id, controller);
  try {
    const response = await fetch(url, { ...init, signal: controller.signal });
    const { status, statusText } = response;
    const body = await response.arrayBuffer();
    answer({ id, status, statusText, headers: [...response.headers], body }, [body]);
  } catch (cause) {
    answer({ id, error: (cause as Error).message });
  } finally {
    asked.delete(id);
  }
};

function answer(message: AsideAnswer, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

answer("listening");
