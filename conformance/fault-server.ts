import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import type { RunningServer } from "./server.ts";

/** What a client comes to the server for. */
export type Door = "open" | "config" | "rows" | "createRunFiles" | "put" | "other";

/** What happens in place of an answer. */
export type Fault =
  | { kind: "status"; status: number; headers?: Record<string, string>; body?: string }
  /** The connection is taken, and nothing comes. */
  | { kind: "silence" }
  /** The answer breaks off. */
  | { kind: "half" }
  /** The answer is whole for HTTP, and half of its JSON. */
  | { kind: "cut" }
  | { kind: "reset" }
  /** The server got it and has it; the answer is lost on the way. */
  | { kind: "lost" }
  /** Nobody listens for a moment, and till it is noticed. */
  | { kind: "refused"; noticed: () => boolean };

/** A request as it came. */
export interface Seen {
  atMs: number;
  door: Door;
  /** Of the run it is about; "" when it does not say. */
  run: string;
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  /** As sent, unpacked. */
  body: Buffer;
  fault: Fault | undefined;
}

/** A real HTTP server before a real Steelyard, that lets everything through but what it is told to spoil. */
export interface FaultServer {
  url: string;
  seen: Seen[];
  /** Asked for each request, with how many of this run came to this door before. */
  spoil: (request: Seen, before: number) => Fault | undefined;
  /** Of that run, at that door. */
  at(run: string, door: Door): Seen[];
  stop(): Promise<void>;
}

const AWAY_MS = 150;

export async function startFaultServer(behind: RunningServer): Promise<FaultServer> {
  const sockets = new Set<Socket>();
  let server: Server;
  /** Path of a signed address → the run it was given for. */
  const runOf = new Map<string, string>();
  const faulty: FaultServer = {
    url: "",
    seen: [],
    spoil: () => undefined,
    at: (run, door) => faulty.seen.filter((seen) => seen.run === run && seen.door === door),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  const listen = async (port: number) => {
    server = createServer((incoming, answer) => void handle(incoming, answer));
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };

  async function handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of incoming) parts.push(part as Buffer);
    } catch {
      // Whoever sent it is gone.
      return;
    }
    const body = Buffer.concat(parts);
    const seen = describe(incoming, body);
    if (seen.door === "put") seen.run = runOf.get(seen.path) ?? "";
    const before = faulty.at(seen.run, seen.door).length;
    seen.fault = faulty.spoil(seen, before);
    faulty.seen.push(seen);
    const { fault } = seen;
    if (fault?.kind === "status") {
      answer.writeHead(fault.status, fault.headers).end(fault.body ?? `{"error":"spoilt on purpose"}`);
      return;
    }
    if (fault?.kind === "silence") return;
    if (fault?.kind === "reset") {
      incoming.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === "refused") {
      server.close();
      for (const socket of sockets) socket.destroy();
      const back = setInterval(() => {
        if (!fault.noticed()) return;
        clearInterval(back);
        void listen(port);
      }, AWAY_MS);
      return;
    }
    pass(behind, incoming, body, (status, headers, text) => {
      if (seen.door === "createRunFiles") for (const path of signedPaths(text)) runOf.set(path, seen.run);
      if (fault?.kind === "lost") incoming.socket.resetAndDestroy();
      else if (fault?.kind === "half") {
        answer.writeHead(status, { ...headers, "content-length": text.length });
        answer.write(text.subarray(0, text.length >> 1), () => incoming.socket.destroy());
      } else if (fault?.kind === "cut") {
        const half = text.subarray(0, text.length >> 1);
        answer.writeHead(status, { ...headers, "content-length": half.length }).end(half);
      } else answer.writeHead(status, headers).end(text);
    });
  }

  const port = await listen(0);
  faulty.url = `http://127.0.0.1:${port}`;
  return faulty;
}

function signedPaths(answer: Buffer): string[] {
  const found = answer.toString().matchAll(/"uploadUrl":"http:\/\/[^/]+([^"]+)"/g);
  return [...found].map(([, path]) => path ?? "");
}

function pass(
  { url }: RunningServer,
  { method, url: path, headers }: IncomingMessage,
  body: Buffer,
  done: (status: number, headers: IncomingMessage["headers"], body: Buffer) => void,
): void {
  const onward = request(new URL(path ?? "/", url), { method, headers, agent: false }, (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on("end", () => {
      const { "transfer-encoding": _, connection: __, ...rest } = response.headers;
      done(response.statusCode ?? 0, rest, Buffer.concat(parts));
    });
  });
  onward.on("error", () => done(502, {}, Buffer.from("nobody behind")));
  onward.end(body);
}

function describe({ method = "", url: path = "", headers }: IncomingMessage, body: Buffer): Seen {
  const plain = headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
  const seen: Seen = {
    atMs: Date.now(),
    door: "other",
    run: "",
    method,
    path,
    headers,
    body: plain,
    fault: undefined,
  };
  const stream = /^\/files\/[^/]+\/[^/]+\/([^/]+)\/file_stream$/.exec(path);
  if (stream) return { ...seen, door: "rows", run: stream[1] ?? "" };
  if (method === "PUT") return { ...seen, door: "put" };
  if (path !== "/graphql") return seen;
  const { operationName, variables } = JSON.parse(plain.toString()) as {
    operationName?: string;
    variables: { name?: string; run?: string; host?: string | null };
  };
  const run = variables.name ?? variables.run ?? "";
  if (operationName === "CreateRunFiles") return { ...seen, door: "createRunFiles", run };
  // The first says where the run runs; later ones say what changed.
  if (operationName === "UpsertBucket")
    return { ...seen, door: typeof variables.host === "string" ? "open" : "config", run };
  return { ...seen, run };
}
