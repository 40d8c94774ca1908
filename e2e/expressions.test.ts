import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, makeRun, openFixture, seriousFaults, signIn, stream } from "./browser.ts";

/** Charts of expressions over keys, as a person writes them. */
const PROJECT = "expressions";
const STEPS = 10;
const RATIO = `\${train/loss} / \${val/loss}`;

suite("expressions", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    for (let index = 0; index < 3; index++) {
      await makeRun(fixture.server, PROJECT, {
        name: `r${index}`,
        displayName: `run ${index}`,
        steps: STEPS,
        running: true,
        config: { opt: index < 2 ? "adam" : "sgd", ...(index < 2 && { lr: 10 * (index + 1) }) },
        keys: { "train/loss": (step) => step + index, "val/loss": () => 2, acc: (step) => step / 10 },
      });
    }
  });
  after(() => fixture.close());

  const panel = (title: string) => fixture.page.getByRole("region", { name: title, exact: true });
  const dialog = () => fixture.page.getByRole("dialog");
  const field = () => dialog().getByRole("combobox");
  const options = () => dialog().getByRole("option").locator(".mono").allInnerTexts();
  /** The columns of runs come after the keys of charts. */
  const untilOptions = (...first: string[]) =>
    until(`${first} is suggested`, async () =>
      isDeepStrictEqual((await options()).slice(0, first.length), first),
    );
  const open = async (query = "") => {
    await fixture.page.goto(`${fixture.server.url}/admin/${PROJECT}${query ? `?${query}` : ""}`);
    await panel("val/loss").waitFor();
  };
  /** The last row of the table of a panel's line. */
  async function last(title: string, line: string): Promise<string[]> {
    await panel(title).getByLabel("Line").selectOption({ label: line });
    return panel(title).locator("tr").last().locator("td").allInnerTexts();
  }
  const asTable = (title: string) => panel(title).getByRole("button", { name: "Show as a table" }).click();

  test("49: a panel shows an expression in place of its key, in the address, live, and its key again", async () => {
    const { page } = fixture;
    await open();
    await panel("train/loss").getByRole("button", { name: "Expression" }).click();
    assert.equal(await field().inputValue(), `\${train/loss}`);
    await field().press("End");
    await field().pressSequentially(" / val/lo");
    await untilOptions(`\${val/loss}`, `\${summary:val/loss}`);
    assert.equal((await options()).length, 2);
    await field().press("ArrowDown");
    await field().press("Enter");
    assert.equal(await field().inputValue(), RATIO);
    await field().press("Enter");
    await page.waitForURL((url) => url.searchParams.get("expr.train/loss") === RATIO);
    await panel(RATIO).locator(".line-chart").waitFor();
    assert.equal(await panel("train/loss").count(), 0);
    await asTable(RATIO);
    assert.deepEqual(await last(RATIO, "run 2"), ["9", "5.5"]);
    await page.reload();
    await panel(RATIO).locator("tbody tr").first().waitFor();
    await stream(fixture.server, PROJECT, "r2", {
      files: {
        "wandb-history.jsonl": {
          offset: STEPS,
          content: [JSON.stringify({ "train/loss": 7, "val/loss": 2, _step: STEPS, _runtime: STEPS })],
        },
      },
    });
    await panel(RATIO).locator("tr:last-child td", { hasText: "3.5" }).waitFor();
    assert.deepEqual(await last(RATIO, "run 2"), ["10", "3.5"]);
    await panel(RATIO).getByRole("button", { name: "Expression" }).click();
    await dialog().getByRole("button", { name: "Show train/loss again" }).click();
    await page.waitForURL((url) => !url.search.includes("expr"));
    await panel("train/loss").waitFor();
    fixture.checkErrors();
  });

  test("a mistake is told with its place, in the language of the page; nothing is drawn of it", async () => {
    const { page } = fixture;
    await open();
    await page.getByRole("button", { name: "Add expression" }).click();
    await field().fill("acc * (1 -");
    const problem = () => dialog().locator(".error-text").innerText();
    assert.equal(await problem(), "Character 11: expected a number, a key, a function or (, found the end.");
    await field().press("Enter");
    assert.equal(await field().getAttribute("aria-invalid"), "true");
    await field().fill("acc + * acc");
    await field().press("Enter");
    assert.match(await problem(), /^Character 7: .* found \*/);
    // The caret is where the mistake is.
    assert.equal(await field().evaluate((input) => (input as HTMLInputElement).selectionStart), 6);
    await field().fill("acc + nothing");
    await dialog().getByText("No drawn run logged nothing.").waitFor();
    await field().fill("acc + val");
    await dialog().getByRole("option").first().waitFor();
    assert.deepEqual(await seriousFaults(page), []);
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute("aria-label")),
      "Add expression",
    );
    assert.equal(new URL(page.url()).search, "");
    // By a link that somebody wrote by hand.
    await open(`lang=ko&expr.acc=${encodeURIComponent("logg(acc)")}`);
    await panel("logg(acc)").getByText("1번째 문자: logg 함수는 없습니다.").waitFor();
    await panel("val/loss").locator(".line-chart").waitFor();
    await page.evaluate(() => localStorage.clear());
    fixture.checkErrors();
  });

  test("a panel is made for an expression, with a number of each run's config, and in groups", async () => {
    const { page } = fixture;
    const text = `acc * \${config:lr}`;
    await open("lang=en");
    await page.getByRole("button", { name: "Add expression" }).click();
    await field().pressSequentially("ac");
    await untilOptions("acc");
    await dialog().getByRole("option").first().click();
    await field().pressSequentially(" * lr");
    await dialog().getByRole("option", { name: `\${config:lr}` }).click();
    assert.equal(await field().inputValue(), text);
    await dialog().getByRole("button", { name: "Apply" }).click();
    await page.waitForURL((url) => url.searchParams.get("expr") === text);
    assert.equal(await page.locator(".section > summary").first().innerText(), "Expressions 1");
    await panel(text).locator(".line-chart").waitFor();
    // The third run has no such value.
    assert.deepEqual(await panel(text).locator(".legend-label").allInnerTexts(), ["run 1", "run 0"]);
    await asTable(text);
    assert.deepEqual(await last(text, "run 1"), ["9", "18"]);
    await page.getByLabel("Group runs by").selectOption({ label: "config.opt" });
    await panel(text).locator("th", { hasText: "Mean" }).waitFor();
    assert.deepEqual(await panel(text).locator("tr").last().locator("td").allInnerTexts(), [
      "9",
      "13.5",
      "9",
      "18",
      "2",
    ]);
    // Another one, with what separates the panels in the address.
    const other = "clamp(acc, 0.1, 50 % 7)";
    await page.getByRole("button", { name: "Add expression" }).click();
    await field().fill(other);
    await dialog().getByRole("button", { name: "Apply" }).click();
    await panel(other).locator(".line-chart").waitFor();
    await page.reload();
    await panel(other).locator(".line-chart").waitFor();
    assert.equal(await page.locator(".section > summary").first().innerText(), "Expressions 2");
    for (const title of [other, text]) {
      await panel(title).getByRole("button", { name: "Expression" }).click();
      await dialog().getByRole("button", { name: "Remove the panel" }).click();
      await panel(title).waitFor({ state: "detached" });
    }
    await page.waitForURL((url) => !url.searchParams.has("expr"));
    await panel(text).waitFor({ state: "detached" });
    fixture.checkErrors();
  });
});
