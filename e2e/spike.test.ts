import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, makeRun, openFixture, signIn, stream } from "./browser.ts";
import { chartPage } from "./chart-page.ts";

const PROJECT = "spike";
/** Of the specification's ten million by hand: STEELYARD_TEST_STEPS=10000000. */
const STEPS = Number(process.env.STEELYARD_TEST_STEPS ?? 1_000_000);
const SPIKE = Math.floor(STEPS * 0.617);
const ZOOMS = 12;
const ROWS_A_REQUEST = 20_000;

suite("one step in a million", () => {
  let fixture: Fixture;
  const { chart, open } = chartPage(() => fixture);
  before(async () => {
    fixture = await openFixture();
    const { server } = fixture;
    await signIn(fixture);
    await makeRun(server, PROJECT, {
      name: "long",
      displayName: "long",
      steps: 0,
      keys: {},
      running: true,
    });
    for (let from = 0; from < STEPS; from += ROWS_A_REQUEST) {
      const content = Array.from({ length: ROWS_A_REQUEST }, (_, at) => {
        const step = from + at;
        return `{"y":${step === SPIKE ? 1000 : ((step * 7919) % 4099) / 64},"_step":${step}}`;
      });
      await stream(server, PROJECT, "long", { files: { "wandb-history.jsonl": { offset: from, content } } });
    }
  });
  after(() => fixture.close());

  /** Columns of pixels that have something coloured in the upper half, far above all other values. */
  function high(): Promise<number[]> {
    return chart("y")
      .locator("canvas")
      .evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const { width } = canvas;
        const height = Math.floor(canvas.height / 2);
        const { data } = pixelsOf(canvas, 0, 0, width, height);
        const columns = new Set<number>();
        for (let at = 0; at < width * height; at++) {
          const [r = 0, g = 0, b = 0, a = 0] = data.subarray(at * 4, at * 4 + 4);
          if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 40) columns.add(at % width);
        }
        return [...columns].sort((one, other) => one - other);
      });
  }

  test("it is drawn, in its place, at each of twelve zooms", async () => {
    const places: { share: number; column: number }[] = [];
    for (let zoom = 0; zoom < ZOOMS; zoom++) {
      const width = Math.floor(STEPS / 2 ** zoom);
      // It is elsewhere in the window each time.
      const min = Math.max(0, Math.min(STEPS - width, SPIKE - Math.floor(width * (0.1 + 0.2 * (zoom % 5)))));
      const max = min + width - 1;
      await open(PROJECT, `zoom=${min}~${max}`);
      await chart("y").locator("canvas").waitFor();
      await until(`the spike is drawn from ${min} to ${max}`, async () => (await high()).length > 0);
      const columns = await high();
      const [first = 0, last = 0] = [columns[0], columns.at(-1)];
      assert.ok(last - first <= 6, `${min} to ${max}: columns ${columns}`);
      places.push({ share: (SPIKE - min) / (max - min), column: (first + last) / 2 });
    }
    // The plot begins somewhere and has some width, the same each time: two of them say where and how wide.
    const [low, top] = [...places]
      .sort((one, other) => one.share - other.share)
      .filter((_, at, all) => at === 0 || at === all.length - 1);
    assert.ok(low && top);
    const wide = (top.column - low.column) / (top.share - low.share);
    for (const { share, column } of places)
      assert.ok(Math.abs(low.column + (share - low.share) * wide - column) <= 3, JSON.stringify(places));
  });

  test("two loads draw the same picture", async () => {
    // While rows are being sealed an edge of a bucket may move by less than a group (decision 0014), then no more.
    const pictures: string[] = [];
    while (pictures.length < 2 || pictures.at(-1) !== pictures.at(-2)) {
      assert.ok(pictures.length < 10, "the picture of rows that rest does not come to rest");
      await open(PROJECT);
      await chart("y").locator("canvas").waitFor();
      await until("it is drawn", async () => (await high()).length > 0);
      pictures.push(
        await chart("y")
          .locator("canvas")
          .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL()),
      );
    }
    fixture.checkErrors();
  });
});
