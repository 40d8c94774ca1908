import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import { type Fixture, makeRun, middleOf, openFixture, signIn } from "./browser.ts";
import { accuracy, seedRuns } from "./bulk-runs.ts";

/** The runs table, its filters and what is done with runs, on a real server. */
const LINE = "line";
const MANY = "many";
const COUNT = Number(process.env.STEELYARD_TEST_RUNS ?? 100_000);
const grouped = (count: number) => count.toLocaleString("en");

suite("the runs table", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    const { server } = fixture;
    for (let k = 0; k < 12; k++) {
      await makeRun(server, LINE, {
        name: `r${String(k).padStart(2, "0")}`,
        displayName: `r${String(k).padStart(2, "0")}`,
        steps: 20,
        config: { lr: [0.1, 0.01, 0.001][k % 3], opt: k % 2 === 0 ? "adam" : "sgd", seed: k },
        tags: k % 2 === 1 ? ["odd"] : [],
        keys: { "train/loss": (step) => 1 / (step + k + 3) },
      });
    }
    await seedRuns(server, MANY, COUNT);
    await signIn(fixture);
  });
  after(() => fixture.close());
  const table = (project: string, query = "") => `${fixture.server.url}/admin/${project}/table${query}`;
  const names = () => fixture.page.locator(".table-row .name-cell a").allInnerTexts();

  test("62: the first rows of 100,000 runs come at once, End shows the oldest, few rows exist", async (t) => {
    const { page, server } = fixture;
    /** Of a table in a page that knows nothing of it, to its first row. */
    const firstRow = async (project: string, name: string) => {
      await page.goto(`${server.url}/settings`);
      await page.getByRole("heading", { name: "API keys" }).waitFor();
      const began = performance.now();
      await page.goto(table(project));
      await page.getByRole("link", { name, exact: true }).waitFor();
      return Math.round(performance.now() - began);
    };
    const few: number[] = [];
    const many: number[] = [];
    for (let load = 0; load < 4; load++) {
      few.push(await firstRow(LINE, "r11"));
      many.push(await firstRow(MANY, `trial ${COUNT - 1}`));
    }
    t.diagnostic(`first rows after ${many.join(", ")} ms; of twelve runs after ${few.join(", ")} ms`);
    // The best of them: the machine may be doing something else. Where twelve runs mostly take long, it is the machine.
    const allowed = Math.max(800, 1.5 * middleOf(few));
    assert.ok(Math.min(...many) <= allowed, `the first rows took ${many.join(", ")} ms`);
    await page.getByText(`${grouped(COUNT)} of ${grouped(COUNT)} runs`).waitFor();
    await page.getByRole("grid").focus();
    const jumped = performance.now();
    await page.keyboard.press("End");
    await page.getByRole("link", { name: "trial 0", exact: true }).waitFor();
    t.diagnostic(`the oldest after ${Math.round(performance.now() - jumped)} ms`);
    assert.ok((await page.getByRole("row").count()) <= 120);
  });

  test("63: a filter counts what it leaves, is in the address, and opens in a new session", async () => {
    const { page, server, browser } = fixture;
    await page.goto(table(MANY));
    await page.getByRole("button", { name: "Add a filter" }).click();
    await page.getByLabel("Field").fill("config.i");
    await page.getByLabel("Operator").selectOption("≤");
    await page.getByLabel("Value").fill("9");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByText(`10 of ${grouped(COUNT)} runs`).waitFor();
    const address = page.url();
    const other = await browser.newContext();
    try {
      const fresh = await other.newPage();
      await signIn({ page: fresh, server });
      await fresh.goto(address);
      await fresh.getByText(`10 of ${grouped(COUNT)} runs`).waitFor();
      await fresh.getByRole("link", { name: "trial 0", exact: true }).waitFor();
      assert.equal(await fresh.locator(".table-row .name-cell a").count(), 10);
    } finally {
      await other.close();
    }
  });

  test("65: a regular expression finds runs; a broken one says so and keeps the rows", async () => {
    const { page } = fixture;
    await page.goto(table(LINE));
    await page.getByRole("button", { name: "Search with a regular expression" }).click();
    const search = page.getByLabel("Search runs");
    await search.fill("r0[0-3]");
    await page.getByText("4 of 12 runs").waitFor();
    await search.fill("r0[");
    await page.getByRole("alert").filter({ hasText: "$regex" }).waitFor();
    assert.equal(await search.getAttribute("aria-invalid"), "true");
    assert.deepEqual((await names()).sort(), ["r00", "r01", "r02", "r03"]);
    await search.fill("r1");
    await page.getByText("2 of 12 runs").waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  });

  test("67: an eye turned off hides the run from the panels only, and stays off", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${LINE}?max=20`);
    await page.getByText("12 of 12, 12 drawn").waitFor();
    await page.getByRole("button", { name: "Hide r00" }).click();
    await page.getByText("11 of 12, 11 drawn").waitFor();
    const asked = page.waitForRequest("**/api/v1/series");
    await page.reload();
    assert.equal(JSON.stringify((await asked).postDataJSON().runs).includes("r00"), false);
    await page.getByText("11 of 12, 11 drawn").waitFor();
    await page.getByRole("button", { name: "Show r00" }).waitFor();
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByText("12 of 12 runs").waitFor();
    assert.ok((await names()).includes("r00"));
  });

  test("sorting and columns are in the address", async () => {
    const { page } = fixture;
    await page.goto(table(LINE));
    await page.getByRole("columnheader", { name: "seed" }).getByRole("button").click();
    await page.waitForURL(/sort=/);
    await page.goto(
      table(LINE, `?sort=-config.seed.value&filters=${encodeURIComponent('[["config.opt","=","adam"]]')}`),
    );
    await page.getByText("6 of 12 runs").waitFor();
    assert.deepEqual(await names(), ["r10", "r08", "r06", "r04", "r02", "r00"]);
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("checkbox", { name: "config.seed" }).uncheck();
    await page.getByRole("columnheader", { name: "seed" }).waitFor({ state: "detached" });
    assert.match(page.url(), /cols=/);
  });

  test("a bad address shows every run, not a broken page", async () => {
    const { page } = fixture;
    await page.goto(
      table(LINE, `?filters=${encodeURIComponent('[null,["x"],["config.seed","like",{}],7]')}`),
    );
    await page.getByText("12 of 12 runs").waitFor();
  });

  test("73: the export has the rows and columns of the view, numbers whole", async () => {
    const { page } = fixture;
    const filters = encodeURIComponent('[["config.i","<","2500"]]');
    await page.goto(table(MANY, `?filters=${filters}&cols=config.i,summary.acc,state`));
    await page.getByText(`2,500 of ${grouped(COUNT)} runs`).waitFor();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const lines = (await readFile(await (await coming).path(), "utf8")).trimEnd().split("\n");
    assert.equal(lines[0], "id,name,config.i,summary.acc,state");
    assert.equal(lines.length, 2501);
    assert.equal(lines[1], `run2499,trial 2499,2499,${accuracy(2499)},finished`);
    assert.equal(lines[2500], `run0,trial 0,0,${accuracy(0)},finished`);
  });

  test("92: back from a run, the table stands where it was left", async () => {
    const { page } = fixture;
    await page.goto(table(MANY));
    await page.getByRole("link", { name: `trial ${COUNT - 1}`, exact: true }).waitFor();
    await page.getByRole("grid").evaluate((element) => element.scrollTo({ top: 5000 * 28 }));
    const wanted = page.getByRole("link", { name: `trial ${COUNT - 1 - 5003}`, exact: true });
    await wanted.waitFor();
    await page.waitForFunction(() => typeof window.history.state?.tableTop === "number");
    await wanted.click();
    await page.getByRole("heading", { name: `trial ${COUNT - 1 - 5003}` }).waitFor();
    await page.goBack();
    await wanted.waitFor();
    assert.ok(await wanted.isVisible());
  });

  test("70: runs deleted in bulk come back by Undo, and one by one from the trash", async () => {
    const { page, server } = fixture;
    await page.goto(table(LINE));
    for (const name of ["r03", "r05"]) await page.getByLabel(`Select ${name}`).check();
    await page.getByRole("button", { name: "Add tag" }).click();
    await page.getByRole("dialog").getByRole("textbox").fill("picked");
    await page.getByRole("dialog").getByRole("button", { name: "Add tag" }).click();
    await page.getByText("Tagged 2 runs").waitFor();
    await page.locator(".tag", { hasText: "picked" }).first().waitFor();
    const remove = async (...runs: string[]) => {
      for (const name of runs) await page.getByLabel(`Select ${name}`).check();
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      for (const name of runs) await page.getByLabel(`Select ${name}`).waitFor({ state: "detached" });
    };
    await remove("r03", "r04");
    await page.getByText("2 runs deleted").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    for (const name of ["r03", "r04"]) await page.getByLabel(`Select ${name}`).waitFor();
    const { project } = await server.query<{
      project: { run: { tags: string[]; historyLineCount: number } };
    }>(`{ project(name: "${LINE}", entityName: "admin") { run(name: "r03") { tags historyLineCount } } }`);
    assert.deepEqual({ ...project.run }, { tags: ["odd", "picked"], historyLineCount: 20 });

    await remove("r03", "r04");
    await page.goto(`${server.url}/admin/${LINE}/overview`);
    const trash = page.getByRole("region", { name: "Deleted runs" });
    await trash.getByRole("row", { name: /r03/ }).getByRole("button", { name: "Restore" }).click();
    await trash.getByRole("row", { name: /r03/ }).waitFor({ state: "detached" });
    await trash.getByRole("row", { name: /r04/ }).waitFor();
    await page.goto(table(LINE));
    await page.getByText("11 of 11 runs").waitFor();
    await page.getByLabel("Select r03").waitFor();
    fixture.checkErrors();
  });
});
