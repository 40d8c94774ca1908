import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Fixture, makeRun, openFixture, signIn, stream } from "./browser.ts";

/** Charts of groups of runs, as a person makes and reads them. */
const PROJECT = "groups";
const STEPS = 20;

suite("groups of runs", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    // Run k of a group has k everywhere: 0, 2, 4 … of adam, 1, 3, 5 … of sgd.
    for (let index = 0; index < 12; index++) {
      await makeRun(fixture.server, PROJECT, {
        name: `r${String(index).padStart(2, "0")}`,
        displayName: `run ${index}`,
        steps: STEPS,
        running: index === 11,
        tags: index < 3 ? ["first", "all"] : ["all"],
        config: { opt: index % 2 ? "sgd" : "adam", ...(index < 4 && { model: { depth: 10 - index } }) },
        keys: { loss: () => index },
      });
    }
  });
  after(() => fixture.close());

  const panel = (key: string) => fixture.page.getByRole("region", { name: key, exact: true });
  const legend = () => panel("loss").locator(".legend-label").allInnerTexts();
  const choose = (label: string, option: string) =>
    fixture.page.getByLabel(label, { exact: true }).selectOption({ label: option });
  const open = async (query: string) => {
    await fixture.page.goto(`${fixture.server.url}/admin/${PROJECT}${query ? `?${query}` : ""}`);
    await panel("loss").locator(".line-chart, .chart-table").waitFor();
  };
  const untilLegend = (...labels: string[]) =>
    fixture.page.waitForFunction(
      (wanted) =>
        JSON.stringify(
          [...document.querySelectorAll<HTMLElement>("section[aria-label=loss] .legend-label")].map(
            ({ innerText }) => innerText,
          ),
        ) === wanted,
      JSON.stringify(labels),
    );
  /** Header and last row of the table of a group's line. */
  async function lastRow(group: string): Promise<[head: string[], row: string[]]> {
    await panel("loss").getByLabel("Line").selectOption({ label: group });
    const rows = panel("loss").locator("tr");
    return [
      await rows.first().locator("th").allInnerTexts(),
      await rows.last().locator("td").allInnerTexts(),
    ];
  }

  test("42, 43: a line a group, over all of its runs, with the band that was chosen, and the address says it", async () => {
    const { page } = fixture;
    await open("");
    await choose("Group runs by", "config.opt");
    await page.waitForURL(/group=config.opt/);
    await untilLegend("adam (6)", "sgd (6)");
    assert.match((await panel("loss").locator(".line-chart").getAttribute("aria-label")) ?? "", /2 groups/);
    await panel("loss").getByRole("button", { name: "Show as a table" }).click();
    // All twelve, though only ten runs are drawn at first.
    assert.deepEqual(await lastRow("sgd (6)"), [
      ["Step", "Mean", "Band from", "Band to", "Runs"],
      ["19", "6", "1", "11", "6"],
    ]);
    await choose("Line of a group", "Median");
    await choose("Band of a group", "± std. dev.");
    await page.waitForURL(/agg=median&spread=stddev/);
    await page.reload();
    await panel("loss").locator("tbody tr").first().waitFor();
    const [, [, median, from, to]] = await lastRow("adam (6)");
    // Of 0, 2, 4, 6, 8, 10: the population's.
    const deviation = Math.sqrt((25 + 9 + 1) / 3);
    assert.equal(median, "5");
    assert.deepEqual(
      [Number(from), Number(to)].map((value) => value.toFixed(6)),
      [(5 - deviation).toFixed(6), (5 + deviation).toFixed(6)],
    );
    await choose("Band of a group", "No band");
    await page.waitForURL(/spread=none/);
    await panel("loss").locator("th", { hasText: "Band from" }).waitFor({ state: "detached" });
    assert.deepEqual((await lastRow("adam (6)"))[1], ["19", "5", "6"]);
    await choose("Group runs by", "No grouping");
    await page.waitForURL((url) => !/group|agg|spread/.test(url.search));
    await panel("loss")
      .getByLabel("Line")
      .locator("option", { hasText: "run 11" })
      .waitFor({ state: "attached" });
    fixture.checkErrors();
  });

  test("the pointer reads each group's value, band and number of runs; a run in the list stands for its group", async () => {
    const { page } = fixture;
    await open("group=config.opt");
    await untilLegend("adam (6)", "sgd (6)");
    const box = await panel("loss").locator(".line-chart").boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const tip = await page.locator(".chart-tooltip").innerText();
    assert.deepEqual(tip.split("\n").slice(1), [
      "sgd (6)",
      "6",
      "1 … 11, 6 runs",
      "adam (6)",
      "5",
      "0 … 10, 6 runs",
    ]);
    const dot = (name: string) =>
      page
        .getByRole("button", { name: `Hide ${name}`, exact: true })
        .evaluate((eye) => getComputedStyle(eye).color);
    assert.equal(await dot("run 0"), await dot("run 2"));
    assert.notEqual(await dot("run 0"), await dot("run 1"));
  });

  test("hidden runs leave their group; groups of tags share runs; what has no value is named", async () => {
    const { page } = fixture;
    await open("group=config.opt");
    await untilLegend("adam (6)", "sgd (6)");
    await page.getByRole("button", { name: "Hide run 0" }).click();
    await untilLegend("adam (5)", "sgd (6)");
    await page.getByRole("button", { name: "Hide all", exact: true }).click();
    await page.getByText("All runs are hidden.").waitFor();
    await page.getByRole("button", { name: "Show run 1", exact: true }).click();
    await untilLegend("sgd (1)");
    await open("group=tags");
    await untilLegend("all (12)", "first (3)");
    await open("group=config.model.depth");
    await untilLegend("7 (1)", "8 (1)", "9 (1)", "10 (1)", "not set (8)");
    await open("group=jobType");
    await untilLegend("not set (12)");
    await page.getByText("No visible run has a value of Job type.").waitFor();
    fixture.checkErrors();
  });

  test("50: a row that arrives moves the line of its group", async () => {
    const { page } = fixture;
    await open("group=state&tables=loss");
    await panel("loss").locator("tbody tr").first().waitFor();
    assert.deepEqual((await lastRow("running (1)"))[1], ["19", "11", "11", "11", "1"]);
    await stream(fixture.server, PROJECT, "r11", {
      files: {
        "wandb-history.jsonl": { offset: STEPS, content: [JSON.stringify({ loss: 77, _step: STEPS })] },
      },
    });
    await panel("loss").locator("tr:last-child td", { hasText: "77" }).first().waitFor();
    assert.deepEqual((await lastRow("running (1)"))[1], ["20", "77", "77", "77", "1"]);
    // Its end moves it to another group.
    await stream(fixture.server, PROJECT, "r11", { complete: true, exitcode: 0 });
    await panel("loss").getByText("finished (12)").first().waitFor();
    assert.deepEqual(await legend(), []);
    assert.equal(await page.getByRole("alert").count(), 0);
  });
});
