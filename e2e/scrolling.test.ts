import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, makeRun, openFixture, signIn } from "./browser.ts";

const PROJECT = "scrolling";
const PANELS = 30;
const BY = 24;

/** What scrolling through charts costs, in things that are counted: a frame has no time for more. */
suite("scrolling through panels", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    const keys = Array.from({ length: PANELS }, (_, key) => [
      `m${key}`,
      (step: number) => Math.sin(step + key),
    ]);
    await makeRun(fixture.server, PROJECT, {
      name: "r",
      displayName: "r",
      steps: 50,
      keys: Object.fromEntries(keys) as Record<string, (step: number) => number>,
    });
  });
  after(() => fixture.close());

  /** At the top, drawn, and nothing on its way. */
  async function open(): Promise<void> {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}`);
    await page.locator(".panel canvas").first().waitFor();
    await page.waitForLoadState("networkidle");
  }

  /** To the end, a little each frame; answers in how many frames. */
  function scroll(): Promise<number> {
    return fixture.page.evaluate(async (by) => {
      const scroller = document.querySelector(".panels-scroll");
      if (!scroller) throw new Error("no panels");
      for (let frames = 0; ; frames++) {
        const before = scroller.scrollTop;
        scroller.scrollTop += by;
        if (scroller.scrollTop === before) return frames;
        await new Promise(requestAnimationFrame);
      }
    }, BY);
  }

  test("only what comes into the window is painted, and no chart that is there is copied", async () => {
    const { browser, page } = fixture;
    await open();
    await browser.startTracing(page, { categories: ["cc", "blink", "devtools.timeline"] });
    const frames = await scroll();
    const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as {
      traceEvents: { name: string }[];
    };
    const count = (name: string) => traceEvents.filter((event) => event.name === name).length;
    assert.ok(frames > 40, `${frames} frames`);
    const tiles = count("RasterTask");
    // A window has 20 tiles; in a frame a tenth of a row of them comes into it, and now and then a row of panels.
    assert.ok(tiles > 0 && tiles < 4 * frames, `${tiles} tiles in ${frames} frames`);
    assert.equal(count("Canvas2DResourceProvider::ProduceCanvasResource"), 0);
  });

  test("panels come one after the other, not a row at once", async () => {
    const { page } = fixture;
    await open();
    const came = await page.evaluateHandle(() => {
      const came: number[] = [];
      const panelsIn = (node: Node) =>
        node instanceof Element ? Number(node.matches(".panel")) + node.querySelectorAll(".panel").length : 0;
      // Called once for all that React changes at once.
      new MutationObserver((records) => {
        const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
        const count = added.reduce((sum, node) => sum + panelsIn(node), 0);
        if (count > 0) came.push(count);
      }).observe(document.querySelector(".panels-scroll") as Element, { childList: true, subtree: true });
      return came;
    });
    await scroll();
    await page
      .getByRole("region", { name: `m${PANELS - 1}`, exact: true })
      .locator("canvas")
      .waitFor();
    const counts = await came.jsonValue();
    // Where the processor is taken away between two frames, two may come in one.
    const alone = counts.filter((count) => count === 1).length;
    assert.ok(counts.length >= 6 && alone >= 0.7 * counts.length, `${counts}`);
    fixture.checkErrors();
  });

  test("what charts are made of is received beside the page's thread, taken back, and its errors are told", async () => {
    const { page } = fixture;
    await open();
    await until("a worker", async () => page.workers().length > 0);
    // It listens once its script has run.
    await page.workers()[0]?.evaluate(() => true);
    const byThePage = () =>
      page.evaluate(
        () =>
          performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/api/v1/series"))
            .length,
      );
    const before = await byThePage();
    await scroll();
    const last = page.getByRole("region", { name: `m${PANELS - 1}`, exact: true });
    await last.locator("canvas").waitFor();
    assert.equal(await byThePage(), before);
    await page.getByLabel("Search panels").fill("m1");
    const full = page.getByRole("button", { name: "Full screen" }).first();
    // Nobody answers, and nobody waits any more.
    await page.route("**/api/v1/series", () => {});
    const takenBack = page.waitForEvent("requestfailed", (request) =>
      request.url().endsWith("/api/v1/series"),
    );
    const asked = page.waitForRequest("**/api/v1/series");
    await full.click();
    await asked;
    await page.keyboard.press("Escape");
    await takenBack;
    await page.unroute("**/api/v1/series");
    await page.route("**/api/v1/series", (route) =>
      route.fulfill({
        status: 400,
        contentType: "application/json",
        body: '{"error":"nothing of the kind"}',
      }),
    );
    await full.click();
    await page.getByText("nothing of the kind").waitFor();
    await page.unroute("**/api/v1/series");
    fixture.checkErrors();
  });
});
