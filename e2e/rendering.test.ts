import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../conformance/sdk-runs.ts";
import { type Fixture, makeRun, openFixture, signIn, stream } from "./browser.ts";

const PROJECT = "rendering";
const PANELS = 6;

/** What a change leaves alone is not rendered for it: thirty charts of a hundred runs share a frame. */
suite("what is rendered", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    for (let run = 0; run < 3; run++)
      await makeRun(fixture.server, PROJECT, {
        name: `r${run}`,
        displayName: `r${run}`,
        steps: 50,
        keys: Object.fromEntries(
          Array.from({ length: PANELS }, (_, key) => [`m${key}`, (step: number) => Math.sin(step + key)]),
        ),
        running: true,
      });
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}`);
    await page.waitForFunction(
      (count) => document.querySelectorAll(".panel .line-chart canvas").length >= count,
      PANELS,
    );
  });
  after(() => fixture.close());

  /** Titles of panels and names of runs that React has rendered anew by the time `change` is seen. */
  async function rendered(change: () => Promise<void>): Promise<string[]> {
    const { page } = fixture;
    // Without what comes a moment later of its own: the charts' data, the list's states.
    await page.waitForFunction(() => !document.querySelector(".stale-dot, .skeleton"));
    await until(
      "nothing is rendered any more",
      async () => (await renderedBy(() => sleep(500))).length === 0,
    );
    return renderedBy(change);
  }

  async function renderedBy(change: () => Promise<void>): Promise<string[]> {
    const { page } = fixture;
    const given = await page.evaluateHandle(() => {
      const parts = [...document.querySelectorAll(".panel, .run-row")];
      // React leaves with each element what it was last given.
      const nameOf = (part: Element) => Object.keys(part).find((name) => name.startsWith("__reactProps$"));
      return parts.map((part) => {
        const name = nameOf(part);
        if (!name) throw new Error("React keeps elsewhere what it gives its elements");
        return { part, name, props: Reflect.get(part, name) };
      });
    });
    await change();
    return given.evaluate((before) =>
      before
        .filter(({ part, name, props }) => Reflect.get(part, name) !== props)
        .map(({ part }) => part.getAttribute("aria-label") ?? part.querySelector(".name")?.textContent ?? ""),
    );
  }

  test("a zoom renders its own panel, no other and no run of the list", async () => {
    const { page } = fixture;
    const chart = page.getByRole("region", { name: "m1", exact: true }).locator(".line-chart");
    const zoomed = await rendered(async () => {
      const box = await chart.boundingBox();
      assert.ok(box);
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2 + 60, box.y + box.height / 2, { steps: 3 });
      await page.mouse.up();
      await page.waitForURL(/zoom\.m1=/);
      await page.getByRole("button", { name: "Reset zoom" }).waitFor();
    });
    assert.deepEqual(zoomed, ["m1"]);
  });

  test("a table renders its own panel alone", async () => {
    const { page } = fixture;
    const panel = page.getByRole("region", { name: "m2", exact: true });
    const turned = await rendered(async () => {
      await panel.getByRole("button", { name: "Show as a table" }).click();
      await panel.locator("tbody tr").first().waitFor();
    });
    assert.deepEqual(turned, ["m2"]);
  });

  test("what all charts share renders all of them, and another run one row of the list", async () => {
    const { page, server } = fixture;
    const all = Array.from({ length: PANELS }, (_, key) => `m${key}`);
    const logarithmic = await rendered(async () => {
      await page.getByRole("button", { name: "Log y" }).click();
      await page.waitForURL(/logy=1/);
    });
    assert.deepEqual(logarithmic, all);
    const ended = await rendered(async () => {
      await stream(server, PROJECT, "r1", { complete: true, exitcode: 0 });
      await page.locator(".run-row", { hasText: "r1" }).locator(".badge").waitFor({ state: "detached" });
    });
    assert.deepEqual(
      ended.filter((name) => name.startsWith("r")),
      ["r1"],
    );
  });

  test("another language is everywhere at once", async () => {
    const { page } = fixture;
    const shown = () =>
      page
        .locator(".panel .to-full, .run-row .eye, .run-row .only")
        .evaluateAll((parts) =>
          parts.map((part) => part.getAttribute("aria-label") ?? part.textContent ?? ""),
        );
    const english = await shown();
    assert.ok(english.length >= PANELS + 6);
    await page.getByRole("button", { name: "admin: " }).click();
    await page.getByRole("button", { name: "한국어" }).click();
    await page.waitForFunction(() => document.documentElement.lang === "ko");
    const korean = await shown();
    assert.equal(korean.length, english.length);
    for (const text of korean) assert.match(text, /[가-힣]/);
  });
});
