import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  method: string;
  path: string;
  body: string;
}

/** A door before a server that passes everything on and keeps what it saw. */
export interface WireWitness {
  url: string;
  requests: SeenRequest[];
  close(): void;
}

/** `instead` = what to answer a request with in place of the server. */
export async function witnessWire(
  server: { url: string },
  instead: (request: SeenRequest) => { status: number; body?: string } | undefined = () => undefined,
): Promise<WireWitness> {
  const requests: SeenRequest[] = [];
  const door = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      const { method = "", url: path = "", headers } = incoming;
      const seen = { method, path, body: body.toString() };
      requests.push(seen);
      const own = instead(seen);
      if (own) {
        outgoing.writeHead(own.status).end(own.body);
        return;
      }
      const passed = request(new URL(path, server.url), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      passed.on("error", () => outgoing.destroy());
      passed.end(body);
    });
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    requests,
    close: () => {
      door.closeAllConnections();
      door.close();
    },
  };
}
