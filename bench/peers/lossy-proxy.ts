import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A network between a client and its server that loses answers. */
export interface LossyProxy {
  url: string;
  /** Requests with rows that came by, and those whose answer was lost after the server had it. */
  counts(): { requests: number; lost: number };
  close(): void;
}

/**
 * Everything goes through to `target`; of the requests with rows (file_stream) every `loseEvery`th has its answer cut off
 * when the server has given it, as a connection that breaks at the wrong moment does. 0 = none.
 */
export async function openLossyProxy(target: string, loseEvery: number): Promise<LossyProxy> {
  const { hostname, port } = new URL(target);
  let requests = 0;
  let lost = 0;
  const server = createServer((asked, answer) => {
    const rows = asked.url?.endsWith("/file_stream") ?? false;
    if (rows) requests++;
    const lose = rows && loseEvery > 0 && requests % loseEvery === 0;
    forward(asked, answer, { hostname, port }, () => {
      if (lose) lost++;
      return lose;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ requests, lost }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function forward(
  asked: IncomingMessage,
  answer: ServerResponse,
  to: { hostname: string; port: string },
  lose: () => boolean,
): void {
  const sent = request({ ...to, method: asked.method, path: asked.url, headers: asked.headers }, (came) => {
    const chunks: Buffer[] = [];
    came.on("data", (chunk: Buffer) => chunks.push(chunk));
    came.on("error", () => answer.destroy());
    came.on("end", () => {
      if (lose()) {
        answer.destroy();
        return;
      }
      answer.writeHead(came.statusCode ?? 502, came.headers);
      answer.end(Buffer.concat(chunks));
    });
  });
  // The server is away: so it looks to the client too.
  sent.on("error", () => answer.destroy());
  asked.pipe(sent);
}
