import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { withoutDuckdb } from "../conformance/duckdb.ts";
import { type Fixture, makeRun, openFixture, picture, signIn } from "./browser.ts";

suite("SQL page", { skip: withoutDuckdb }, () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    for (const [name, lr] of [
      ["fast", 0.2],
      ["slow", 0.05],
    ] as const) {
      const keys = { "train/loss": (step: number) => Math.exp(-lr * step) };
      await makeRun(fixture.server, "digits", { name, displayName: name, steps: 60, config: { lr }, keys });
    }
    await signIn(fixture);
  });
  after(() => fixture.close());

  test("a query is a table and a chart, and its address shows it to others", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/digits/sql`);
    await page.getByText("No question yet").waitFor();
    await page
      .getByLabel("Query")
      .fill('SELECT run, _step, "train/loss" AS loss FROM history ORDER BY run, _step');
    await page.keyboard.press("Control+Enter");
    await page.getByText(/^120 rows in/).waitFor();
    assert.equal(await page.getByRole("row").count(), 121);
    await page.getByRole("button", { name: "Chart" }).click();
    await page.getByLabel("Y", { exact: true }).waitFor();
    assert.equal(await page.getByLabel("Y", { exact: true }).inputValue(), "loss");
    assert.equal(await page.getByLabel("X", { exact: true }).inputValue(), "_step");
    assert.deepEqual(await page.locator(".sql-legend li").allInnerTexts(), ["fast", "slow"]);
    await page.reload();
    await page.locator(".sql-legend li").first().waitFor();
    assert.match(await page.getByLabel("Query").inputValue(), /train\/loss/);
    await picture(page, "sql");
  });

  test("what is wrong with a query is said where its answer would be", async () => {
    const { page } = fixture;
    await page.getByLabel("Query").fill("SELECT nothing FROM runs");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page
      .getByRole("alert")
      .getByText(/nothing/)
      .waitFor();
    await page.getByRole("button", { name: "Tables and examples" }).click();
    await page.getByRole("button", { name: "SUMMARIZE history" }).click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText(/rows in/).waitFor();
    await page.getByRole("button", { name: "Table", exact: true }).click();
    await page.getByRole("cell", { name: "train/loss" }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download as CSV" }).click();
    assert.equal((await download).suggestedFilename(), "digits.csv");
    fixture.checkErrors();
  });
});
