/** Where requests go through; plain data, so that threads can be given it. */
export interface Proxies {
  /** By the client's own variables: every address of that scheme goes through it, whatever `none` says. */
  forHttp: string | undefined;
  forHttps: string | undefined;
  /** By the system's variables, to which `none` and the loopback rule apply. */
  system: { forHttp: string; forHttps: string; none: string };
}

/** The system's variables; upper case counts first, as for Go programs, the official client among them. */
export function systemProxies(
  environment: Readonly<Record<string, string | undefined>>,
): Proxies["system"] & { warnings: string[] } {
  const of = (name: string) => environment[name] || environment[name.toLowerCase()] || "";
  const forHttp = of("HTTP_PROXY");
  const forHttps = of("HTTPS_PROXY");
  const warnings: string[] = [];
  if (of("ALL_PROXY") && !forHttp && !forHttps)
    warnings.push("ALL_PROXY does not count, for the official client neither; set HTTPS_PROXY or HTTP_PROXY");
  return { forHttp, forHttps, none: of("NO_PROXY"), warnings };
}

/** The way to a server cannot be what the settings say; the message says what to change. */
export class RouteError extends Error {}

/** The proxy on the way to that address; undefined: there is none. Throws RouteError. */
export function proxyFor(target: URL, { forHttp, forHttps, system }: Proxies): URL | undefined {
  const secure = target.protocol === "https:";
  const own = secure ? forHttps : forHttp;
  if (own) return proxyAddress(own, secure ? "WANDB_HTTPS_PROXY" : "WANDB_HTTP_PROXY");
  const said = secure ? system.forHttps : system.forHttp;
  if (!said || isSpared(target, system.none)) return undefined;
  return proxyAddress(said, secure ? "HTTPS_PROXY" : "HTTP_PROXY");
}

/** `host:port` is an http proxy. */
function proxyAddress(text: string, variable: string): URL {
  const given = text.trim();
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  if (!URL.canParse(address))
    throw new RouteError(`${variable} is no address of a proxy; set http://HOST:PORT`);
  const proxy = new URL(address);
  if (proxy.protocol !== "http:" && proxy.protocol !== "https:")
    throw new RouteError(
      `${variable} names a ${proxy.protocol.slice(0, -1)} proxy, which is not supported; set one of http:// or https://`,
    );
  return proxy;
}

/** The proxy as it may be shown: no user, no password. */
export function shownProxy({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

/** User and password as the proxy wants them; undefined without. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(login).toString("base64")}`;
}

/**
 * The rules of Go's `httpproxy`: loopback is never proxied; NO_PROXY lists hosts (and all below them), `.domain` or
 * `*.domain` (only what is below), addresses, networks like 10.0.0.0/8, each but a network with an optional port; `*` is
 * all.
 */
function isSpared(target: URL, none: string): boolean {
  const host = target.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  if (host === "localhost" || isWithin(host, "127.0.0.0", 8) || isWithin(host, "::1", 128)) return true;
  return none.split(",").some((entry) => matches(entry.trim().toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [network = "", bits] = entry.split("/");
  if (bits !== undefined) return isIP(network) > 0 && isWithin(host, network, Number(bits));
  const [name, only] = splitPort(entry);
  if (only !== undefined && only !== port) return false;
  if (isIP(name) > 0) return isIP(host) === isIP(name) && isWithin(host, name, isIP(name) === 4 ? 32 : 128);
  if (name === "") return false;
  const domain = name.startsWith("*.") ? name.slice(1) : name;
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`; a bare v6 address has no port. */
function splitPort(entry: string): [name: string, port: string | undefined] {
  if (isIP(entry) > 0) return [entry, undefined];
  const found = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
  return [(found?.[1] ?? "").replace(/^\[|\]$/g, ""), found?.[2]];
}

/** 4, 6, or 0 for what is no address. Loaded when first needed: most programs have no proxy. */
const isIP = (text: string) => process.getBuiltinModule("node:net").isIP(text);

function isWithin(host: string, network: string, bits: number): boolean {
  const family = isIP(network) === 4 ? "ipv4" : "ipv6";
  if (
    isIP(host) === 0 ||
    isIP(host) !== isIP(network) ||
    !(bits >= 0 && bits <= (family === "ipv4" ? 32 : 128))
  )
    return false;
  const list = new (process.getBuiltinModule("node:net").BlockList)();
  list.addSubnet(network, bits, family);
  return list.check(host, family);
}
