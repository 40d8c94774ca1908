import assert from "node:assert/strict";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, suite, test } from "node:test";
import { type Fixture, makeRun, openFixture, stream } from "./browser.ts";

const PATH = "/tools/steelyard";

/** A site that has other things too: what is under the path goes to the server without it, all else is not there. */
async function startProxy(): Promise<{
  proxy: Server;
  url: string;
  target: { url: string };
  astray: string[];
}> {
  const target = { url: "" };
  const astray: string[] = [];
  const proxy = createServer((incoming, answer) => {
    const path = incoming.url ?? "";
    if (!path.startsWith(`${PATH}/`)) {
      astray.push(path);
      answer.writeHead(404).end();
      return;
    }
    const onward = request(
      target.url + path.slice(PATH.length),
      { method: incoming.method, headers: incoming.headers },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      },
    );
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return { proxy, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${PATH}`, target, astray };
}

suite("under a path of another site", () => {
  let fixture: Fixture;
  let front: Awaited<ReturnType<typeof startProxy>>;
  before(async () => {
    front = await startProxy();
    fixture = await openFixture({ serverFlags: ["--public-url", front.url] });
    const port = /"port":(\d+)/.exec(fixture.server.log())?.[1];
    front.target.url = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    await fixture.close();
    front.proxy.closeAllConnections();
    front.proxy.close();
  });

  test("STEELYARD_PUBLIC_URL: the page works from the sign-in on, and asks for nothing outside its path", async () => {
    const { page, server } = fixture;
    await makeRun(server, "p", {
      name: "r",
      displayName: "first",
      steps: 50,
      keys: { loss: (step) => 1 / (step + 1) },
      console: ["hello"],
      running: true,
    });
    await page.goto(`${front.url}/admin/p/runs/r/logs`);
    await page.waitForURL(`${front.url}/login?returnTo=*`);
    await page.getByLabel("API key").fill(server.apiKey);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${front.url}/admin/p/runs/r/logs`);
    await page.getByText("hello").waitFor();
    // Told live, through the path.
    await stream(server, "p", "r", { files: { "output.log": { offset: 1, content: ["again"] } } });
    await page.getByText("again").waitFor();
    const coming = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download" }).click();
    await (await coming).path();
    await page.getByRole("link", { name: "Charts" }).click();
    await page.waitForURL(`${front.url}/admin/p/runs/r`);
    await page.locator("canvas").first().waitFor();
    await page
      .getByRole("navigation", { name: "Where you are" })
      .getByRole("link", { name: "p", exact: true })
      .click();
    await page.waitForURL(`${front.url}/admin/p`);
    await page.reload();
    await page.locator("canvas").first().waitFor();
    await page.getByRole("button", { name: "admin: Account and settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${front.url}/login`);
    assert.deepEqual(front.astray, []);
    fixture.checkErrors();
  });
});
