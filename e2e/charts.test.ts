import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { SeriesRequest } from "@steelyard/protocol/series";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, makeRun, openFixture, signIn, stream } from "./browser.ts";
import { chartPage, coloured, LINE, leftOf, logValues, makeLines, ODD } from "./chart-page.ts";

/** Charts as a person reads them. A number before a name is the check of the page's specification. */
const SPIKE = "spike";
const SPIKE_STEP = 123_456;

suite("charts", () => {
  let fixture: Fixture;
  const { panel, chart, laidOut, open, table } = chartPage(() => fixture);
  /** Questions of charts: those with a bucket alone ask whether there is more. */
  const asked: { keys: string[]; runs: string[]; known: string[]; min?: number; max?: number }[] = [];
  before(async () => {
    fixture = await openFixture();
    const { server, page } = fixture;
    await signIn(fixture);
    page.on("request", (request) => {
      if (!request.url().endsWith("/api/v1/series")) return;
      const { runs, questions, have = {} } = request.postDataJSON() as SeriesRequest;
      for (const question of questions)
        if (question.buckets !== 1) asked.push({ runs, known: Object.keys(have), ...question });
    });
    await makeLines(server);
    // Straight to the stream: two hundred thousand rows in few requests.
    await makeRun(server, SPIKE, { name: "long", displayName: "long", steps: 0, keys: {}, running: true });
    for (let from = 0; from < 200_000; from += 20_000) {
      const content = Array.from(
        { length: 20_000 },
        (_, at) => `{"y":${from + at === SPIKE_STEP ? 100 : 0},"_step":${from + at}}`,
      );
      await stream(server, SPIKE, "long", { files: { "wandb-history.jsonl": { offset: from, content } } });
    }
    await logValues(fixture.server, ODD, "odd", ["1", "2", "NaN", "Infinity", "-Infinity", "3"]);
    await logValues(fixture.server, "outlier", "wild", [
      ...Array.from({ length: 99 }, (_, at) => String(at + 1)),
      "1000000",
    ]);
  });
  after(() => fixture.close());

  test("10: a link with panelDisplayName opens that panel alone, Escape goes back", async () => {
    const { page } = fixture;
    await open(LINE, "panelDisplayName=train%2Floss&panelSectionName=train");
    await page.locator(".full-panel .line-chart").waitFor();
    assert.equal(await page.locator("section.panel").count(), 1);
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => !/panel/i.test(url.search));
    await panel("val/loss").waitFor();
  });

  test("16: sections in their order; only what is in view asks for data", async () => {
    const { page } = fixture;
    asked.length = 0;
    await open(LINE);
    await laidOut("val/loss");
    const titles = await page.locator(".section > summary").allInnerTexts();
    assert.deepEqual(titles, ["Charts 1", "train 2", "val 1", "System 3"]);
    assert.deepEqual([...new Set(asked.flatMap(({ keys }) => keys))].sort(), [
      "epoch",
      "train/acc",
      "train/loss",
      "val/loss",
    ]);
    // A closed section is in the address.
    await page.locator(".section > summary", { hasText: "train" }).click();
    await page.waitForURL(/flip=train/);
    await chart("train/loss").waitFor({ state: "detached" });
    await page.reload();
    await laidOut("val/loss");
    assert.equal(await panel("train/loss").count(), 0);
    await page.locator(".section > summary", { hasText: "System" }).click();
    await laidOut("gpu.temp");
  });

  test("18: the search of panels, and Escape", async () => {
    const { page } = fixture;
    await open(LINE);
    await panel("val/loss").waitFor();
    const search = page.getByLabel("Search panels (regular expression)");
    await search.fill("^train/(loss|acc)$");
    await panel("val/loss").waitFor({ state: "detached" });
    assert.equal(await page.locator("section.panel").count(), 2);
    assert.equal(await page.locator(".section").count(), 1);
    await search.press("Escape");
    await panel("val/loss").waitFor();
  });

  test("28: 390 pixels: one column, no sideways scroll, the run list behind a tab", async () => {
    const { page } = fixture;
    await page.setViewportSize({ width: 390, height: 844 });
    await open(LINE);
    await laidOut("train/loss");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
    const lefts = await page
      .locator("section.panel")
      .evaluateAll((panels) => panels.map((one) => Math.round(one.getBoundingClientRect().left)));
    assert.equal(new Set(lefts).size, 1);
    await page.getByRole("button", { name: "Runs 12" }).click();
    await page.getByRole("button", { name: "Hide r11" }).waitFor();
    assert.equal(await chart("train/loss").isVisible(), false);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test("29: the table has the value of every bucket's last step", async () => {
    const { page, server } = fixture;
    await open(LINE, "tables=train%2Floss&max=12");
    await panel("train/loss").getByLabel("Line").selectOption({ label: "r00" });
    const [head, ...body] = await table("train/loss");
    assert.deepEqual(head, ["Step", "Value", "Min", "Max", "Points"]);
    const history = await server.fetch("/api/v1/export?entity=admin&project=line&run=r00&format=jsonl");
    const logged = new Map(
      (await history.text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .map((row) => [row._step as number, row["train/loss"] as number]),
    );
    assert.ok(body.length >= 200 && body.length < 1000);
    for (const [step, value] of body) assert.equal(Number(value), logged.get(Number(step)), `step ${step}`);
    assert.equal(body.at(-1)?.[0], "999");
    assert.match(page.url(), /tables=/);
  });

  test("30: a spike of one step is the maximum of its bucket", async () => {
    await open(SPIKE, "tables=y");
    const [head, ...body] = await table("y");
    const max = head?.indexOf("Max") ?? -1;
    const bucket = body.find(([step]) => Number(step) >= SPIKE_STEP);
    assert.equal(bucket?.[max], "100");
    assert.equal(body.filter((row) => row[max] === "100").length, 1);
  });

  test("31: zoomed, the range is asked anew and every point is in the table", async () => {
    await open(SPIKE, "tables=y");
    await table("y");
    asked.length = 0;
    await open(SPIKE, "tables=y&zoom=123400~123500");
    await panel("y").getByText("101 rows, every point").waitFor();
    const [, ...body] = await table("y");
    assert.equal(body.length, 101);
    assert.deepEqual(
      body.find(([step]) => step === String(SPIKE_STEP)),
      [String(SPIKE_STEP), "100"],
    );
    assert.deepEqual([asked[0]?.min, asked[0]?.max], [123_400, 123_500]);
  });

  test("32: five loads, one table", async () => {
    // While its rows are being sealed an edge of a bucket may move by less than a group (decision 0014), then no more.
    const seen: string[] = [];
    while (seen.length < 5 || new Set(seen.slice(-5)).size > 1) {
      assert.ok(seen.length < 15, "the table of rows that rest does not come to rest");
      await open(SPIKE, "tables=y");
      seen.push(JSON.stringify(await table("y")));
    }
  });

  test("36: without the original, half as many lines are drawn", async () => {
    const { page } = fixture;
    await open(LINE, "smooth=0.6");
    const drawn = (lines: number) =>
      page.locator(`.line-chart[aria-label^="train/loss"][data-series="${lines}"]`).waitFor();
    await drawn(20);
    await page.getByRole("button", { name: "Original" }).click();
    await page.waitForURL(/original=0/);
    await drawn(10);
  });

  test("33–35: each kind of smoothing is drawn, and its values are in the table", async () => {
    const { page } = fixture;
    await logValues(fixture.server, "smooth", "one", ["1", "2", "6", "7"]);
    await open("smooth", "tables=y");
    await table("y");
    const kind = page.getByLabel("Kind of smoothing");
    const smoothed = async () => (await table("y")).slice(1).map((row) => Number(row[2]));
    await kind.selectOption("average");
    await page.getByRole("slider", { name: "Smoothing" }).fill("3");
    await panel("y").getByRole("columnheader", { name: "Smoothed" }).waitFor();
    assert.deepEqual(await smoothed(), [1.5, 3, 5, 6.5]);
    for (const other of ["exponential", "gaussian", "time-weighted"]) {
      await kind.selectOption(other);
      await panel("y").getByRole("columnheader", { name: "Smoothed" }).waitFor({ state: "detached" });
      await page.getByRole("slider", { name: "Smoothing" }).fill(other === "gaussian" ? "2" : "0.99");
      await panel("y").getByRole("columnheader", { name: "Smoothed" }).waitFor();
      assert.notDeepEqual(await smoothed(), [1, 2, 6, 7], other);
    }
    await kind.selectOption("none");
    await page.getByRole("slider").waitFor({ state: "detached" });
  });

  test("37: NaN and infinities are counted, named and a gap", async () => {
    const { page } = fixture;
    await open(ODD);
    await laidOut("y");
    await panel("y").getByText("3 non-finite").waitFor();
    // Where the cursor stands at each step tells where the pixels of that step are.
    await chart("y").focus();
    const at: number[] = [];
    await page.keyboard.press("Home");
    for (let step = 0; step < 6; step++) {
      at.push(await panel("y").locator(".crosshair").evaluate(leftOf));
      await page.keyboard.press("ArrowRight");
    }
    await chart("y").blur();
    let inked: number[] = [];
    const between = (a: number, b: number) =>
      inked.filter((x) => x > (at[a] ?? 0) + 8 && x < (at[b] ?? 0) - 8).length;
    await until("there is a line from step 0 to 1", async () => {
      inked = await coloured(chart("y").locator("canvas"));
      return between(0, 1) > 5;
    });
    for (const step of [1, 2, 3, 4]) assert.equal(between(step, step + 1), 0, `a line after step ${step}`);
    await panel("y").getByRole("button", { name: "Show as a table" }).click();
    const [, ...body] = await table("y");
    assert.deepEqual(
      body.map(([, value]) => value),
      ["1", "2", "NaN", "Infinity", "-Infinity", "3"],
    );
  });

  test("37: of many points the table and the head say which kinds a bucket has", async () => {
    const odd = new Map([
      [1000, "NaN"],
      [2000, "Infinity"],
      [3000, "-Infinity"],
      [4000, "NaN"],
      [4001, "Infinity"],
    ]);
    const values = Array.from({ length: 6000 }, (_, at) => odd.get(at) ?? String(at % 7));
    await logValues(fixture.server, "odd-many", "odd", values);
    await open("odd-many");
    await laidOut("y");
    const badge = panel("y").getByText("5 non-finite");
    await badge.waitFor();
    assert.equal(await badge.getAttribute("title"), "Gaps in the line: ◆ 2 NaN, ▲ 2 ∞, ▼ 1 −∞");
    await panel("y").getByRole("button", { name: "Show as a table" }).click();
    const [head = [], ...body] = await table("y");
    assert.deepEqual(head.slice(-3), ["NaN", "∞", "−∞"]);
    const gaps = body.map((row) => row.slice(-3).map(Number));
    assert.deepEqual(
      [0, 1, 2].map((kind) => gaps.reduce((sum, row) => sum + (row[kind] ?? 0), 0)),
      [2, 2, 1],
    );
    assert.ok(
      gaps.some(([nan = 0, infinite = 0]) => nan > 0 && infinite > 0),
      "both in one bucket",
    );
  });

  test("38: a log axis says what it hides", async () => {
    await open(ODD, "logy=1");
    await laidOut("y");
    await panel("y").getByText("3 points hidden").waitFor();
    fixture.checkErrors();
  });

  test("39: outliers do not stretch the axis", async () => {
    const { page } = fixture;
    await open("outlier");
    await laidOut("y");
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByRole("checkbox", { name: "Ignore outliers" }).check();
    await panel("y").getByText("10 points outside").waitFor();
    const label = await chart("y").getAttribute("aria-label");
    assert.ok(Number(label?.match(/to ([\d.]+)\.$/)?.[1]) < 200, label ?? "");
    await panel("y").getByRole("button", { name: "Show as a table" }).click();
    assert.equal((await table("y")).at(-1)?.[1], "1000000");
  });

  test("40: another key as the axis; runs without it are named", async () => {
    const { page } = fixture;
    await open(LINE, "x=epoch&max=12");
    await panel("train/loss").getByText("No epoch: r03").waitFor();
    await open(LINE, "x=epoch&show=r03&hide=*");
    await panel("train/loss").getByText("None of the drawn runs logged epoch").waitFor();
    await panel("train/loss").getByRole("button", { name: "Use the step" }).click();
    await page.waitForURL((url) => !url.searchParams.has("x"));
    await laidOut("train/loss");
  });

  test("41: a pause of an hour is in the time by the wall clock, not in that of the process", async () => {
    const { page, server } = fixture;
    await makeRun(server, "paused", { name: "one", displayName: "one", steps: 0, keys: {}, running: true });
    // The client adds to the _runtime of the run that it resumes.
    const content = Array.from({ length: 20 }, (_, at) =>
      JSON.stringify({
        y: at,
        _step: at,
        _runtime: at,
        _timestamp: 1_790_000_000 + at + (at < 10 ? 0 : 3600),
      }),
    );
    await stream(server, "paused", "one", { files: { "wandb-history.jsonl": { offset: 0, content } } });
    await open("paused", "tables=y");
    await panel("y").getByRole("columnheader", { name: "Step" }).waitFor();
    // The name of the axis comes before its values.
    const ends = async (axis: string, wanted: number) => {
      await page.getByLabel("Horizontal axis").selectOption(axis);
      await panel("y").getByRole("columnheader", { name: axis }).waitFor();
      await until(`${axis} ends at ${wanted}`, async () => Number((await table("y")).at(-1)?.[0]) === wanted);
    };
    await ends("Relative time (process)", 19);
    await ends("Relative time (wall)", 3619);
    assert.match(page.url(), /x=relative-wall/);
    fixture.checkErrors();
  });

  test("46: a limit that is said, and order decides who is drawn", async () => {
    const { page } = fixture;
    await open(LINE);
    await panel("train/loss").getByRole("button", { name: "10 of 12 runs" }).waitFor();
    assert.match((await chart("train/loss").getAttribute("aria-label")) ?? "", /of 10 runs/);
    asked.length = 0;
    await page.getByLabel("Order runs by").selectOption({ label: "train/loss" });
    await page.waitForURL(/sort=/);
    await page.waitForFunction(() => document.querySelector(".run-row")?.textContent?.startsWith("r00"));
    await laidOut("train/loss");
    await panel("train/loss").getByRole("button", { name: "10 of 12 runs" }).click();
    await page.waitForURL(/max=12/);
    await page.locator(".line-chart[aria-label*='of 12 runs']").first().waitFor();
    assert.ok(asked.some(({ runs }) => runs.includes("r00") && !runs.includes("r11") && runs.length === 10));
  });

  test("74: runs made in one second have colours far apart, in both themes and everywhere the same", async () => {
    const { page } = fixture;
    // The browser itself says what OKLab has for them.
    const colours = (of: string) =>
      page.locator(of).evaluateAll((dots) =>
        dots.map((dot) => {
          const probe = document.body.appendChild(document.createElement("i"));
          const style = getComputedStyle(dot);
          const colour = dot.matches(".eye") ? style.color : style.backgroundColor;
          probe.style.color = `oklab(from ${colour} l a b)`;
          const parts = getComputedStyle(probe).color.match(/-?[\d.]+(?:e-?\d+)?/g) ?? [];
          probe.remove();
          return parts.map(Number);
        }),
      );
    for (const theme of ["light", "dark"] as const) {
      await open(LINE, `max=12&theme=${theme}`);
      await page.waitForFunction(() => document.querySelectorAll(".run-row").length === 12);
      const seen = await colours(".run-row .eye");
      for (let at = 1; at < seen.length; at++) {
        const [one = [], other = []] = seen.slice(at - 1);
        const apart = 100 * Math.hypot(...one.map((part, axis) => part - (other[axis] ?? Number.NaN)));
        assert.ok(apart >= 20, `the colours of runs ${11 - at} and ${12 - at} are ${apart} apart`);
      }
      await page.goto(`${fixture.server.url}/admin/${LINE}/runs/r03?theme=${theme}`);
      await page.locator(".run-header .colour").waitFor();
      // The newest stands first.
      assert.deepEqual(await colours(".run-header .colour"), [seen[11 - 3]]);
    }
  });

  test("dashes on demand: neighbouring lines differ by more than colour", async () => {
    const { page } = fixture;
    await open(LINE, "max=4&hide=*&show=r00,r01,r02,r03");
    await laidOut("train/loss");
    const dashes = () =>
      panel("train/loss")
        .locator(".legend line")
        .evaluateAll((lines) => lines.map((line) => line.getAttribute("stroke-dasharray") ?? ""));
    assert.deepEqual(await dashes(), ["", "", "", ""]);
    await page.getByRole("button", { name: "Options" }).click();
    await page.getByRole("checkbox", { name: "Dashed lines" }).check();
    await page.waitForURL(/dashes=1/);
    await until("four lines differ", async () => new Set(await dashes()).size === 4);
  });

  test("50: rows that arrive are drawn without a reload, earlier ones stay, other runs are not asked again", async () => {
    await logValues(fixture.server, "live", "grows", ["1", "2", "3"]);
    await logValues(fixture.server, "live", "rests", ["5", "5", "5"]);
    await open("live", "tables=y");
    await panel("y").getByLabel("Line").selectOption({ label: "grows" });
    await panel("y").getByText("3 rows").waitFor();
    const before = await table("y");
    asked.length = 0;
    await logValues(fixture.server, "live", "grows", ["4", "5", "6", "7", "8"], 3);
    await panel("y").getByText("8 rows").waitFor();
    const now = await table("y");
    assert.deepEqual(now.slice(0, before.length), before);
    assert.equal(now.at(-1)?.[1], "8");
    assert.ok(asked.length > 0);
    for (const { runs, known } of asked)
      assert.deepEqual(known, runs, "a run was asked for as if it were new");
  });

  test("50: a run that grows keeps its buckets, and they stay those of the runs that rest", async () => {
    const long = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => String(Math.sin((from + at) / 50)));
    await logValues(fixture.server, "grid", "grows", long(0, 3000));
    await logValues(fixture.server, "grid", "rests", long(0, 3000));
    await open("grid", "tables=y");
    const line = async (label: string) => {
      await panel("y").getByLabel("Line").selectOption({ label });
      return (await table("y")).slice(1).map(([step = "", value = ""]) => `${step}: ${value}`);
    };
    await line("grows");
    let grown = 3000;
    for (const more of [30, 30, 1500]) {
      await logValues(fixture.server, "grid", "grows", long(grown, more), grown);
      grown += more;
      const end = String(grown - 1);
      await panel("y").locator("tbody tr:last-child td:first-child", { hasText: end }).waitFor();
      const grows = new Set(await line("grows"));
      const rests = await line("rests");
      assert.ok(rests.length > 100);
      // Its last bucket ends with the run.
      assert.deepEqual(
        rests.slice(0, -1).filter((row) => !grows.has(row)),
        [],
      );
      await line("grows");
    }
  });
});
