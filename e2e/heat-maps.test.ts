import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, makeRun, openFixture, signIn, stream } from "./browser.ts";

/** Histograms over steps, as a person reads them. */
const PROJECT = "histograms";
const STEPS = 20;
const BINS = 8;
/** So many values, all in one bin of 0 … 8: that of the step, modulo 8. */
const VALUES = 50;

suite("heat maps", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    for (const [name, values] of [
      ["older", VALUES],
      ["newer", 2 * VALUES],
    ] as const) {
      await makeRun(fixture.server, PROJECT, {
        name,
        displayName: `the ${name}`,
        steps: 0,
        keys: {},
        running: true,
      });
      await rows(name, 0, STEPS, values);
    }
    // Without histograms, and newest of all.
    await makeRun(fixture.server, PROJECT, {
      name: "plain",
      displayName: "plain",
      steps: 5,
      keys: { loss: (step) => step },
    });
  });
  after(() => fixture.close());

  const histogram = (step: number, values: number) => ({
    _type: "histogram",
    // The first and the last bin have a value each, so that the range is always the same.
    values: Array.from(
      { length: BINS },
      (_, bin) => (bin === step % BINS ? values : 0) + (bin === 0 || bin === BINS - 1 ? 1 : 0),
    ),
    bins: Array.from({ length: BINS + 1 }, (_, edge) => edge),
  });
  /** Rows and summary as a client sends them; a step is ten. */
  async function rows(run: string, from: number, count: number, values: number): Promise<void> {
    const row = (at: number) => ({ "layer/grads": histogram(at, values), loss: at, _step: at * 10 });
    await stream(fixture.server, PROJECT, run, {
      files: {
        "wandb-history.jsonl": {
          offset: from,
          content: Array.from({ length: count }, (_, at) => JSON.stringify(row(from + at))),
        },
        "wandb-summary.json": { offset: 0, content: [JSON.stringify(row(from + count - 1))] },
      },
    });
  }
  const panel = () => fixture.page.getByRole("region", { name: "layer/grads", exact: true });
  const map = () => panel().locator(".heat-map");
  const label = async () => (await map().getAttribute("aria-label")) ?? "";
  const untilLabel = (text: string) =>
    fixture.page.waitForFunction(
      (wanted) => document.querySelector(".heat-map")?.getAttribute("aria-label")?.includes(wanted),
      text,
    );
  /** The colour of the middle of a cell: red, green, blue, opacity. */
  const colourOf = (column: number, bin: number) =>
    map()
      .locator("canvas")
      .evaluate(
        (element, [x, y]) => {
          const canvas = element as HTMLCanvasElement;
          const ratio = canvas.width / canvas.clientWidth;
          // As the chart's frame: what its axes leave.
          const [left, right, top, bottom] = [Number(canvas.dataset.left), 10, 6, 20];
          const px = left + (canvas.clientWidth - left - right) * (x as number);
          const py = top + (canvas.clientHeight - top - bottom) * (1 - (y as number));
          return [...pixelsOf(canvas, px * ratio, py * ratio, 1, 1).data];
        },
        [(column + 0.5) / STEPS, (bin + 0.5) / BINS],
      );

  test("a key of histograms is a heat map, of the newest run that has some, darker where values are", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}?theme=light`);
    await map().waitFor();
    assert.equal(await label(), "layer/grads: histograms of the newer over Step, 20 of them from 0 to 8.");
    assert.deepEqual(
      await panel().getByLabel("Run whose histograms are shown").locator("option").allInnerTexts(),
      ["the newer", "the older"],
    );
    await panel().locator(".heat-legend", { hasText: "Values in a bin" }).waitFor();
    await until("all of its values are dark", async () => {
      const [darkest = 255, green = 255, , opacity] = await colourOf(3, 3);
      return opacity === 255 && darkest < 10 && green < 60;
    });
    assert.equal((await colourOf(3, 4))[3], 0, "no value at all");
    const [red = 0] = await colourOf(3, 0);
    assert.ok(red > 200, "one value of a hundred is faint");
    await panel().getByRole("button", { name: "Log", exact: true }).click();
    await page.waitForURL(/heatlog=1/);
    await until("by the logarithm it is not", async () => ((await colourOf(3, 0))[0] ?? 255) < 200);
    fixture.checkErrors();
  });

  test("pointer and keys read the steps, the edges of the bin and its count", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}?heat=older`);
    await untilLabel("of the older");
    const box = await map().boundingBox();
    assert.ok(box);
    await map().focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    const spoken = () => map().locator("[aria-live]").innerText();
    // From the middle of the value down to the bin of step 10.
    for (let presses = 0; presses < 24; presses++) await page.keyboard.press("ArrowDown");
    // The chart divides each of the logged bins into eight.
    assert.equal(await spoken(), "Step 10, 1 … 1.125: 6.25, 12 % of the values here");
    await page.keyboard.press("Escape");
    assert.equal(await spoken(), "");
    const left = await map()
      .locator("canvas")
      .evaluate((canvas) => Number((canvas as HTMLCanvasElement).dataset.left));
    const wide = box.width - left - 10;
    await page.mouse.move(box.x + left + (wide * 3.5) / STEPS, box.y + 6 + ((box.height - 26) * 4.5) / BINS);
    const tip = await page.locator(".chart-tooltip").innerText();
    assert.match(tip, /^Step 30\n3\.\d+ … 3\.\d+: 6\.25\n12 % of the values here$/);
  });

  test("the run is chosen, zoomed and drawn on; its own page has the same", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}`);
    await map().waitFor();
    await panel().getByLabel("Run whose histograms are shown").selectOption({ label: "the older" });
    await page.waitForURL(/heat=older/);
    await untilLabel("of the older");
    await rows("older", STEPS, 5, VALUES);
    await untilLabel("25 of them");
    const box = await map().boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width / 2, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 3 });
    await page.mouse.up();
    await page.waitForURL(/zoom\.layer/);
    await page.waitForFunction(() =>
      /, [4-9] of them/.test(document.querySelector(".heat-map")?.getAttribute("aria-label") ?? ""),
    );
    await map().dblclick();
    await untilLabel("25 of them");
    // Of several runs the one that has some is named.
    await page.goto(`${server.url}/admin/${PROJECT}?hide=newer`);
    await panel().locator(".heat-legend", { hasText: "the older" }).waitFor();
    await page.goto(`${server.url}/admin/${PROJECT}/runs/newer`);
    await untilLabel("of the newer");
    assert.equal(await panel().getByLabel("Run whose histograms are shown").count(), 0);
    await map().focus();
    await page.keyboard.press("Enter");
    await page.locator(".full-panel .heat-map").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".full-panel").waitFor({ state: "detached" });
    fixture.checkErrors();
  });
});
