import assert from "node:assert/strict";
import { test } from "node:test";
import { type Proxies, proxyAuthorization, proxyFor, shownProxy, systemProxies } from "./proxy.ts";

const system = (environment: Record<string, string>): Proxies => ({
  forHttp: undefined,
  forHttps: undefined,
  system: systemProxies(environment),
});
const through = (address: string, proxies: Proxies) => {
  const proxy = proxyFor(new URL(address), proxies);
  return proxy && shownProxy(proxy);
};

// What Go's httpproxy makes of each; the official client is a Go program.
const SPARED: [none: string, address: string, spared: boolean][] = [
  ["", "http://example.com", false],
  ["", "http://localhost:8080", true],
  ["", "http://127.1.2.3", true],
  ["", "http://[::1]:8080", true],
  ["*", "http://example.com", true],
  ["example.com", "http://example.com", true],
  ["example.com", "http://a.example.com", true],
  ["EXAMPLE.com", "http://a.Example.com", true],
  ["example.com", "http://badexample.com", false],
  [".example.com", "http://example.com", false],
  [".example.com", "http://a.example.com", true],
  ["*.example.com", "http://example.com", false],
  ["*.example.com", "http://a.b.example.com", true],
  ["example.com:80", "http://example.com", true],
  ["example.com:80", "http://example.com:8080", false],
  ["example.com:443", "https://example.com", true],
  ["a, b ,example.com", "http://example.com", true],
  ["10.0.0.1", "http://10.0.0.1:5000", true],
  ["10.0.0.1:80", "http://10.0.0.1:5000", false],
  ["10.0.0.0/8", "http://10.200.0.1", true],
  ["10.0.0.0/8", "http://11.0.0.1", false],
  ["10.0.0.0/8", "http://ten.example", false],
  ["fd00::/8", "http://[fd12::1]", true],
  ["fd12::1", "http://[fd12::1]:8080", true],
  ["[fd12::1]:80", "http://[fd12::1]:8080", false],
  [":80", "http://example.com", false],
  ["10.0.0.0/99", "http://10.0.0.1", false],
];
for (const [none, address, spared] of SPARED) {
  test(`NO_PROXY=${none}: ${address} is ${spared ? "asked straight" : "asked through the proxy"}`, () => {
    const proxies = system({
      HTTP_PROXY: "http://proxy:3128",
      HTTPS_PROXY: "http://proxy:3128",
      NO_PROXY: none,
    });
    assert.equal(through(address, proxies), spared ? undefined : "http://proxy:3128");
  });
}

test("each scheme has its proxy; upper case counts first; host:port is an http proxy", () => {
  const proxies = system({ HTTP_PROXY: "one:1", http_proxy: "http://two:2", https_proxy: "https://three:3" });
  assert.equal(through("http://example.com", proxies), "http://one:1");
  assert.equal(through("https://example.com", proxies), "https://three:3");
  assert.equal(through("https://example.com", system({ HTTP_PROXY: "http://one:1" })), undefined);
});

test("the client's own variables hold for every address, loopback and NO_PROXY too", () => {
  const proxies = { ...system({ NO_PROXY: "*", HTTP_PROXY: "http://other:1" }), forHttp: "http://own:2" };
  assert.equal(through("http://localhost:8080", proxies), "http://own:2");
  assert.equal(through("https://example.com", proxies), undefined);
});

test("user and password go to the proxy and are not shown", () => {
  const proxy = proxyFor(new URL("http://h"), system({ HTTP_PROXY: "http://u%40x:p%3A1@proxy:3128" }));
  assert.ok(proxy);
  assert.equal(shownProxy(proxy), "http://proxy:3128");
  assert.equal(proxyAuthorization(proxy), `Basic ${Buffer.from("u@x:p:1").toString("base64")}`);
});

test("what is not supported is said: socks, ALL_PROXY, no address", () => {
  assert.throws(
    () => through("http://h", system({ HTTP_PROXY: "socks5://p:1" })),
    /HTTP_PROXY names a socks5 proxy/,
  );
  assert.throws(() => through("http://h", system({ HTTP_PROXY: "http://" })), /HTTP_PROXY is no address/);
  assert.match(systemProxies({ ALL_PROXY: "socks5://p:1" }).warnings.join(), /ALL_PROXY does not count/);
  assert.deepEqual(systemProxies({ ALL_PROXY: "x", HTTPS_PROXY: "http://p:1" }).warnings, []);
});
