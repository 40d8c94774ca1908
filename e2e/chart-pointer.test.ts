import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, openFixture, signIn } from "./browser.ts";
import { chartPage, coloured, LINE, leftOf, logValues, makeLines, ODD } from "./chart-page.ts";

/** Charts under the pointer and by keys. A number before a name is the check of the page's specification. */
suite("charts that are pointed at", () => {
  let fixture: Fixture;
  const { chart, laidOut, open } = chartPage(() => fixture);
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    await makeLines(fixture.server);
    await logValues(fixture.server, ODD, "odd", ["1", "2", "NaN", "Infinity", "-Infinity", "3"]);
  });
  after(() => fixture.close());

  test("47: one crosshair on all charts of the same axis", async () => {
    const { page } = fixture;
    await open(LINE, "flip=*system");
    await laidOut("gpu.temp");
    await laidOut("val/loss");
    const box = await chart("train/loss").boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width / 2, box.y + 40);
    await chart("val/loss").locator(".crosshair").waitFor();
    // Charts of different widths: the same share of each.
    const left = (key: string) => chart(key).locator(".crosshair").evaluate(leftOf);
    const width = async (key: string) => (await chart(key).boundingBox())?.width ?? Number.NaN;
    const share = async (key: string) => (await left(key)) / (await width(key));
    assert.ok(Math.abs((await share("val/loss")) - (await share("train/acc"))) < 0.04);
    assert.equal(await chart("gpu.temp").locator(".crosshair").count(), 0);
    await page.mouse.move(0, 0);
  });

  test("48: a zoom is of one chart, of its height too; with zooms synchronised it is everyone's", async () => {
    const { page } = fixture;
    await open(LINE);
    const zoomed = (key: string) =>
      page.locator(`.line-chart[aria-label^="${key}"][aria-label*="every point"]`).waitFor();
    const whole = (key: string) =>
      page.locator(`.line-chart[aria-label^="${key}"][aria-label*="buckets"]`).waitFor();
    /** From 40 % to 55 % of the width, level or `down` pixels. */
    const drag = async (key: string, down: number) => {
      const box = await chart(key).boundingBox();
      assert.ok(box);
      await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.55, box.y + 40 + down, { steps: 4 });
      await page.mouse.up();
      await page.mouse.move(0, 0);
    };
    await whole("train/acc");
    await drag("train/loss", 0);
    await zoomed("train/loss");
    await whole("train/acc");
    const own = () => new URL(page.url()).searchParams.get("zoom.train/loss")?.split("~").map(Number);
    assert.equal(own()?.length, 2);
    await page.reload();
    await zoomed("train/loss");
    await whole("train/acc");
    // A box has two sides.
    await drag("train/loss", 60);
    await page.waitForURL(() => own()?.length === 4);
    const [, , low = 0, high = 0] = own() ?? [];
    assert.ok(low < high && low > 0 && high < 2.5, `${low} to ${high}`);
    await chart("train/loss").dblclick();
    await page.waitForURL((url) => !url.search.includes("zoom"));
    await whole("train/loss");

    await page.getByRole("button", { name: "Options" }).click();
    await page.getByRole("checkbox", { name: "Zoom all charts together" }).check();
    await page.waitForURL(/sync=1/);
    await page.keyboard.press("Escape");
    await drag("train/loss", 0);
    for (const key of ["train/loss", "train/acc", "val/loss"]) await zoomed(key);
    await chart("train/acc").dblclick();
    await page.waitForURL((url) => !url.search.includes("zoom"));
    for (const key of ["train/loss", "train/acc"]) await whole(key);
    fixture.checkErrors();
  });

  test("with Shift held a drag moves the chart along its axis, as wide as it was", async () => {
    const { page } = fixture;
    const key = "zoom.train/loss";
    await open(LINE, `${encodeURIComponent(key)}=200~400`);
    await laidOut("train/loss");
    const box = await chart("train/loss").boundingBox();
    assert.ok(box);
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await page.keyboard.down("Shift");
    await page.mouse.move(middle.x, middle.y);
    const canvas = chart("train/loss").locator("canvas");
    await until("it is painted", async () => (await coloured(canvas)).length > 0);
    const before = await canvas.evaluateHandle(plotOf);
    await page.mouse.down();
    await page.mouse.move(middle.x - 40, middle.y);
    await page.mouse.move(middle.x - 80, middle.y);
    // What was there is 80 pixels further left.
    const apart = async () => {
      const now = await canvas.evaluateHandle(plotOf);
      return page.evaluate(
        ([before, now]) => {
          let apart = 0;
          for (let y = 0; y < now.height; y++) {
            for (let x = 0; x + 80 < now.width; x++) {
              const at = 4 * (y * now.width + x) + 3;
              if (Math.abs((now.data[at] ?? 0) - (before.data[at + 4 * 80] ?? 0)) > 8) apart++;
            }
          }
          return apart;
        },
        [before, now] as const,
      );
    };
    // Its end was cut off by the edge of the plot.
    await until("the chart follows the pointer", async () => (await apart()) < 20);
    await page.mouse.up();
    await page.keyboard.up("Shift");
    await page.waitForURL((url) => url.searchParams.get(key) !== "200~400");
    const [from = 0, to = 0] = (new URL(page.url()).searchParams.get(key) ?? "").split("~").map(Number);
    assert.ok(Math.abs(to - from - 200) < 0.01, `${from} to ${to}`);
    // 80 pixels of a plot that is a little narrower than its chart.
    const moved = (200 * 80) / box.width;
    assert.ok(from - 200 > moved && from - 200 < moved * 1.4, `${from}`);
  });

  test("keys: the cursor walks and is read out, zooms, resets, and fills the screen", async () => {
    const { page } = fixture;
    await open(ODD);
    await laidOut("y");
    await chart("y").focus();
    await page.keyboard.press("Home");
    const said = chart("y").locator("[aria-live]");
    await said.filter({ hasText: "0: odd 1" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await said.filter({ hasText: "1: odd 2" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await said.filter({ hasText: "2: odd NaN" }).waitFor();
    await page.keyboard.press("End");
    await said.filter({ hasText: "5: odd 3" }).waitFor();
    await page.keyboard.press("+");
    await page.waitForURL(/zoom\.y=/);
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => !url.search.includes("zoom"));
    await page.keyboard.press("Enter");
    await page.locator(".full-panel .line-chart").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".full-panel").waitFor({ state: "detached" });
    fixture.checkErrors();
  });

  test("a chart is as wide as its window allows", async () => {
    const { page } = fixture;
    await open(ODD);
    await laidOut("y");
    await page.setViewportSize({ width: 700, height: 900 });
    await page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".line-chart canvas");
      const box = canvas?.parentElement?.getBoundingClientRect();
      return canvas && box && Math.abs(canvas.getBoundingClientRect().width - box.width) < 2;
    });
    await page.setViewportSize({ width: 1440, height: 900 });
  });
});

/** The picture of a chart without its axes and edges. */
function plotOf(element: Element): ImageData {
  const canvas = element as HTMLCanvasElement;
  const [x, y] = [70, 10];
  return pixelsOf(canvas, x, y, canvas.width - x - 20, canvas.height - y - 30);
}
