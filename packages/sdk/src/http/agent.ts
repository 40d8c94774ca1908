import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Agent, AgentOptions, RequestOptions, request } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Connection } from "./connection.ts";
import { proxyAuthorization, proxyFor, RouteError, shownProxy } from "./proxy.ts";

/** How an address is asked: straight, or through a proxy. */
export interface Route {
  request: typeof request;
  agent: Agent;
  /** In place of the address's own host and path; headers for the proxy are among them. */
  options: RequestOptions;
  /** As messages name it; undefined: straight. */
  proxy: string | undefined;
}

/** A proxy sends a connection on within this time, or is taken as silent. */
const TUNNEL_MS = 30_000;

const agents = new Map<string, Agent>();

/** Throws RouteError, and Error for certificates that cannot be read. */
export function routeTo(target: URL, connection: Connection): Route {
  const proxy = proxyFor(target, connection.proxies);
  const secure = target.protocol === "https:";
  const straight = schemeOf(target);
  if (!proxy)
    return {
      request: straight.request,
      agent: agentOf("straight", target, undefined, connection),
      options: {},
      proxy: undefined,
    };
  const agent = agentOf("proxied", target, proxy, connection);
  if (secure) return { request: straight.request, agent, options: {}, proxy: shownProxy(proxy) };
  // An http address is asked of the proxy itself, whole.
  const authorization = connection.proxyAuthorization ?? proxyAuthorization(proxy);
  return {
    request: schemeOf(proxy).request,
    agent,
    options: {
      ...addressOf(proxy),
      path: target.href,
      headers: { host: target.host, ...(authorization ? { "proxy-authorization": authorization } : {}) },
    },
    proxy: shownProxy(proxy),
  };
}

/**
 * Loaded when first needed, and not by `import`: that reads every export, `WebSocket` of `node:http` among them, and the
 * client behind it costs more than all of the SDK.
 */
function schemeOf({ protocol }: URL) {
  return process.getBuiltinModule(protocol === "https:" ? "node:https" : "node:http");
}

function addressOf({ protocol, hostname, port }: URL) {
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port || (protocol === "https:" ? 443 : 80),
  };
}

function agentOf(kind: string, target: URL, proxy: URL | undefined, connection: Connection): Agent {
  const { checksCertificates, certificates, proxyAuthorization: given } = connection;
  const secure = target.protocol === "https:";
  const key = JSON.stringify([kind, target.protocol, proxy?.href, given, checksCertificates, certificates]);
  const known = agents.get(key);
  if (known) return known;
  const withTls = secure || proxy?.protocol === "https:";
  const options: AgentOptions = { keepAlive: true, ...(withTls ? trust(connection) : {}) };
  const { Agent } = schemeOf(secure || !proxy ? target : proxy);
  const agent = new Agent(options);
  if (secure && proxy) tunnelled(agent, proxy, connection);
  agents.set(key, agent);
  return agent;
}

/** Connections of this agent are made by a `CONNECT` of the proxy, and are encrypted from end to end. */
function tunnelled(agent: Agent, proxy: URL, connection: Connection): void {
  const { connect } = process.getBuiltinModule("node:tls");
  type Connecting = RequestOptions & { host?: string; port?: number | string };
  const createConnection = (
    options: Connecting,
    done: (error: Error | null, socket?: Duplex) => void,
  ): undefined => {
    tunnel(`${bracketed(options.host ?? "")}:${options.port}`, proxy, connection, options.signal).then(
      (socket) => done(null, connect({ ...options, socket, port: undefined, path: undefined } as object)),
      done,
    );
  };
  Object.assign(agent, { createConnection });
}

const bracketed = (host: string) => (host.includes(":") ? `[${host}]` : host);

function tunnel(
  to: string,
  proxy: URL,
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  const authorization = connection.proxyAuthorization ?? proxyAuthorization(proxy);
  return new Promise((resolve, reject) => {
    const request = schemeOf(proxy).request({
      ...addressOf(proxy),
      method: "CONNECT",
      path: to,
      agent: false,
      timeout: TUNNEL_MS,
      headers: { host: to, ...(authorization ? { "proxy-authorization": authorization } : {}) },
      ...(signal ? { signal } : {}),
      ...(proxy.protocol === "https:" ? trust(connection) : {}),
    });
    request.on("connect", ({ statusCode }, socket) => {
      if (statusCode === 200) {
        socket.setTimeout(0);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(proxyRefusal(shownProxy(proxy), statusCode ?? 0));
    });
    request.on("timeout", () => request.destroy(new Error(`the proxy ${shownProxy(proxy)} is silent`)));
    request.on("error", reject);
    request.end();
  });
}

/** What a proxy says instead of the server; what cannot heal is a RouteError. */
export function proxyRefusal(proxy: string, status: number): Error {
  const says = `the proxy ${proxy} answers ${status}`;
  if (status === 407)
    return new RouteError(
      `${says}: it wants a user and a password; put them into its address, http://USER:PASSWORD@HOST:PORT`,
    );
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    return new RouteError(
      `${says}: it does not let this through; ask who runs it, or take the server out by NO_PROXY`,
    );
  return new Error(says);
}

function trust({ checksCertificates, certificates }: Connection): {
  rejectUnauthorized: boolean;
  ca?: string[];
} {
  const rejectUnauthorized = checksCertificates;
  // What is given replaces what Node trusts by itself.
  return certificates.length === 0
    ? { rejectUnauthorized }
    : { rejectUnauthorized, ca: [...usualCertificates(), ...certificates.flatMap(certificatesIn)] };
}

function usualCertificates(): string[] {
  const tls = process.getBuiltinModule("node:tls");
  // Node 20 does not say which it trusts beside its own.
  if (tls.getCACertificates) return tls.getCACertificates("default");
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return [...tls.rootCertificates, ...(extra ? certificatesIn(extra) : [])];
}

/** Of a file, or of each file of a folder. */
function certificatesIn(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [readFileSync(path, "utf8")];
    return readdirSync(path, { withFileTypes: true })
      .map(({ name }) => join(path, name))
      .filter((file) => statSync(file).isFile())
      .map((file) => readFileSync(file, "utf8"))
      .filter((text) => text.includes("-----BEGIN CERTIFICATE-----"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new RouteError(
      `certificates at ${path} cannot be read (${code}); check SSL_CERT_FILE and SSL_CERT_DIR`,
    );
  }
}
