import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { connectionOf, exchange, loadSettings } from "steelyard/command-line";
import { type Ended, runCommand } from "./command.ts";
import { readRun, rowsOf } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** The way to the server: proxies, certificates, headers; the SDK and the command line in processes of their own. */
let server: RunningServer;
let dir: string;
let proxy: { url: string; port: number; close(): void };
let secure: { url: string; port: number; close(): void };
/** What came to the proxy: method, address, Proxy-Authorization. */
let proxied: { method: string; address: string; authorization: string | undefined }[] = [];
/** What came to the TLS server. */
let arrived: IncomingMessage["headers"][] = [];
/** When set, the proxy asks for it. */
let wanted = "";

before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-proxies-"));
  proxy = await startProxy();
  secure = await startTls();
});
beforeEach(() => {
  proxied = [];
  arrived = [];
  wanted = "";
});
after(async () => {
  proxy.close();
  secure.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Every name is the server's: what a proxy resolves is its own affair. */
async function startProxy() {
  const listening = createServer((incoming, answer) => {
    if (!enters(incoming)) {
      answer.writeHead(407).end();
      return;
    }
    const { pathname, search } = new URL(incoming.url ?? "");
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    pass(incoming, answer, pathname + search, headers);
  });
  listening.on("connect", (incoming: IncomingMessage, socket) => {
    if (!enters(incoming)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const onward = connect(secure.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    for (const one of [socket, onward]) one.on("error", () => one.destroy());
  });
  return listen(listening, "http");
}

function enters(incoming: IncomingMessage): boolean {
  const authorization = incoming.headers["proxy-authorization"];
  proxied.push({ method: incoming.method ?? "", address: incoming.url ?? "", authorization });
  return wanted === "" || authorization === `Basic ${Buffer.from(wanted).toString("base64")}`;
}

function pass(
  incoming: IncomingMessage,
  answer: ServerResponse,
  path: string,
  headers: IncomingMessage["headers"],
): void {
  const onward = request(
    new URL(path, server.url),
    { method: incoming.method, headers, agent: false },
    (response) => {
      answer.writeHead(response.statusCode ?? 0, response.headers);
      response.pipe(answer);
    },
  );
  onward.on("error", () => answer.destroy());
  incoming.pipe(onward);
}

/** Before the same server; its certificate is for secure.example and signed by nobody. */
async function startTls() {
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(dir, name)) as [string, string];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      "-subj",
      "/CN=secure.example",
      "-addext",
      "subjectAltName=DNS:secure.example,IP:127.0.0.1",
    ],
    { stdio: "ignore" },
  );
  const listening = createTlsServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (incoming, answer) => {
      arrived.push(incoming.headers);
      pass(incoming, answer, incoming.url ?? "", { ...incoming.headers, "x-forwarded-proto": "https" });
    },
  );
  return listen(listening, "https");
}

async function listen(listening: ReturnType<typeof createServer>, scheme: string) {
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    close() {
      listening.closeAllConnections();
      listening.close();
    },
  };
}

/** A run of three rows and a file, in a process of its own with these variables alone. */
async function track(id: string, variables: Record<string, string>): Promise<Ended> {
  const folder = join(import.meta.dirname, "..", "node_modules", ".sdk-test", "proxies");
  mkdirSync(folder, { recursive: true });
  const script = join(folder, `${id}.mjs`);
  writeFileSync(
    script,
    `import { init } from "steelyard";
try {
  const run = await init({ id: ${JSON.stringify(id)}, project: "sdk", entity: "admin", console: false });
  for (let x = 0; x < 3; x++) run.log({ x });
  await run.finish();
} catch (error) { console.error("failed: " + error.message); process.exitCode = 1; }`,
  );
  const ended = await runCommand(process.execPath, [script], {
    cwd: dir,
    environment: { WANDB_API_KEY: server.apiKey, HOME: dir, WANDB_INIT_TIMEOUT: "60", ...variables },
  });
  rmSync(script, { force: true });
  return ended;
}

async function arrives(id: string, variables: Record<string, string>): Promise<Ended> {
  const ended = await track(id, variables);
  assert.equal(ended.status, 0, ended.err);
  const run = await readRun(server, id);
  assert.deepEqual([rowsOf(run).map(({ x }) => x), run.state], [[0, 1, 2], "finished"]);
  return ended;
}

function steelyard(args: string[], variables: Record<string, string>): Promise<Ended> {
  const main = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
  return runCommand(process.execPath, [main, ...args], {
    cwd: dir,
    environment: { WANDB_API_KEY: server.apiKey, HOME: dir, ...variables },
  });
}

const doors = () => new Set(proxied.map(({ method }) => method));

test("WANDB_HTTP_PROXY: everything goes through it, whatever NO_PROXY says, rows and files and the command line", async () => {
  const variables = {
    WANDB_BASE_URL: "http://tracker.example",
    WANDB_HTTP_PROXY: proxy.url,
    NO_PROXY: "*",
  };
  await arrives("own-proxy", variables);
  for (const part of [/\/graphql$/, /\/file_stream$/, /\/storage\//])
    assert.ok(
      proxied.some(({ address }) => part.test(address)),
      `${part}`,
    );
  assert.ok(proxied.every(({ address }) => address.startsWith("http://tracker.example/")));
  proxied = [];
  const told = await steelyard(["run", "show", "admin/sdk/own-proxy"], variables);
  assert.equal(told.status, 0, told.err);
  assert.ok(proxied.length > 0);
  const doctor = await steelyard(["doctor"], variables);
  assert.match(doctor.out, /proxy +http:\/\/tracker\.example is reached through http:\/\/127\.0\.0\.1:\d+/);
  proxied = [];
  // Loopback too, when these variables say so.
  await arrives("own-proxy-loopback", { ...variables, WANDB_BASE_URL: server.url });
  assert.ok(proxied.length > 0);
});

test("HTTP_PROXY holds, with NO_PROXY and never for loopback; host:port will do", async () => {
  const name = { WANDB_BASE_URL: "http://tracker.example" };
  await arrives("system-proxy", { ...name, HTTP_PROXY: `127.0.0.1:${proxy.port}` });
  assert.ok(proxied.length > 3);
  proxied = [];
  await arrives("system-proxy-loopback", { WANDB_BASE_URL: server.url, HTTP_PROXY: proxy.url });
  assert.deepEqual(proxied, []);
  const spared = await track("system-proxy-spared", {
    ...name,
    http_proxy: proxy.url,
    NO_PROXY: ".example",
    WANDB_INIT_TIMEOUT: "1",
  });
  assert.equal(spared.status, 1);
  assert.deepEqual(proxied, []);
});

test("WANDB_HTTPS_PROXY: a tunnel to the server, encrypted from end to end; user and password go to the proxy alone", async () => {
  wanted = "me:p@ss";
  const variables = {
    WANDB_BASE_URL: "https://secure.example",
    WANDB_HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${proxy.port}`,
    SSL_CERT_FILE: join(dir, "cert.pem"),
  };
  const ended = await arrives("tunnel", variables);
  assert.deepEqual([...doors()], ["CONNECT"]);
  assert.ok(proxied.every(({ address }) => address === "secure.example:443"));
  assert.ok(arrived.length > 3);
  for (const headers of arrived) assert.equal(headers["proxy-authorization"], undefined);
  assert.doesNotMatch(ended.err + ended.out, /p@ss|p%40ss/);
  const told = await steelyard(["run", "show", "admin/sdk/tunnel"], variables);
  assert.equal(told.status, 0, told.err);
});

test("a proxy that wants a password, one that is not there and one of socks are told in one line", async () => {
  wanted = "me:secret";
  const base = { WANDB_BASE_URL: "http://tracker.example" };
  const failed = async (id: string, variables: Record<string, string>, said: RegExp) => {
    const { status, err } = await track(id, { ...base, ...variables });
    assert.equal(status, 1);
    assert.match(err, said);
    assert.doesNotMatch(err, /\n {4}at /);
  };
  const asks = /the proxy http:\/\/127\.0\.0\.1:\d+ answers 407: .*http:\/\/USER:PASSWORD@HOST:PORT/;
  await failed("asks", { WANDB_HTTP_PROXY: proxy.url }, asks);
  await failed(
    "asks-tunnel",
    { WANDB_BASE_URL: "https://secure.example", WANDB_HTTPS_PROXY: proxy.url },
    asks,
  );
  await failed(
    "nobody",
    // Time enough for one attempt on a busy machine.
    { WANDB_HTTP_PROXY: "http://127.0.0.1:9", WANDB_INIT_TIMEOUT: "4" },
    /did not answer within 4 s \(ECONNREFUSED at the proxy http:\/\/127\.0\.0\.1:9\)/,
  );
  await failed(
    "socks",
    { HTTP_PROXY: "socks5://127.0.0.1:9" },
    /HTTP_PROXY names a socks5 proxy, which is not supported/,
  );
});

test("WANDB_INSECURE_DISABLE_SSL: a certificate nobody signed is refused with what to do; with it, taken with a warning", async () => {
  const base = { WANDB_BASE_URL: secure.url };
  const refused = await track("untrusted", base);
  assert.equal(refused.status, 1);
  assert.match(
    refused.err,
    /the certificate of https:\/\/127\.0\.0\.1:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\); name its authority's in SSL_CERT_FILE/,
  );
  assert.deepEqual(arrived, []);
  const insecure = await arrives("insecure", { ...base, WANDB_INSECURE_DISABLE_SSL: "true" });
  assert.match(insecure.err, /certificates are not checked \(WANDB_INSECURE_DISABLE_SSL\)/);
  const told = await steelyard(["run", "show", "admin/sdk/insecure"], {
    ...base,
    WANDB_INSECURE_DISABLE_SSL: "true",
  });
  assert.equal(told.status, 0, told.err);
  assert.match(told.err, /certificates are not checked/);
});

test("SSL_CERT_FILE and SSL_CERT_DIR are trusted beside the usual; one that is not there is named", async () => {
  const base = { WANDB_BASE_URL: secure.url };
  await arrives("trusted", { ...base, SSL_CERT_FILE: join(dir, "cert.pem") });
  const folder = join(dir, "certificates");
  mkdirSync(folder);
  writeFileSync(join(folder, "one.pem"), readFileSync(join(dir, "cert.pem")));
  await arrives("trusted-folder", { ...base, SSL_CERT_DIR: folder });
  const absent = await track("absent", { ...base, SSL_CERT_FILE: join(dir, "absent.pem") });
  assert.equal(absent.status, 1);
  assert.match(absent.err, /certificates at .*absent\.pem cannot be read \(ENOENT\); check SSL_CERT_FILE/);
});

test("http where https is spoken, and the other way round, is told", async () => {
  const wrong = await track("no-tls", { WANDB_BASE_URL: server.url.replace("http:", "https:") });
  assert.match(wrong.err, /speaks no TLS .*; is it http:\/\/127\.0\.0\.1:\d+\?/);
});

test("WANDB_X_EXTRA_HTTP_HEADERS: sent to the server with every request; Proxy-Authorization to the proxy alone", async () => {
  wanted = "me:secret";
  const login = `Basic ${Buffer.from(wanted).toString("base64")}`;
  await arrives("headers", {
    WANDB_BASE_URL: "https://secure.example",
    WANDB_HTTPS_PROXY: proxy.url,
    SSL_CERT_FILE: join(dir, "cert.pem"),
    WANDB_X_EXTRA_HTTP_HEADERS: JSON.stringify({ "X-Gate": "open", "Proxy-Authorization": login }),
  });
  assert.ok(arrived.length > 3);
  for (const headers of arrived) {
    assert.equal(headers["x-gate"], "open");
    assert.equal(headers["proxy-authorization"], undefined);
    assert.match(String(headers["user-agent"]), /^steelyard\/\d/);
  }
});

test("WANDB_X_EXTRA_HTTP_HEADERS and the key are not sent to another host, such as a bucket that takes files", async () => {
  const loaded = loadSettings({
    baseUrl: server.url,
    extraHttpHeaders: { "x-gate": "open", authorization: "Bearer hush" },
    insecureDisableSsl: true,
  });
  const connection = connectionOf(loaded, server.apiKey, () => {});
  const url = `${secure.url}/elsewhere`;
  const answer = await exchange(connection, { method: "PUT", url, body: "x" }, 60_000);
  answer.resume();
  assert.equal(arrived.length, 1);
  assert.deepEqual([arrived[0]?.["x-gate"], arrived[0]?.authorization], [undefined, undefined]);
});
