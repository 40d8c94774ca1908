import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Fixture, makeRun, noise, openFixture, signIn } from "./browser.ts";

/** A project of a hundred runs, all of them drawn. */
const PROJECT = "hundred";
const RUNS = 100;
const KEYS = 12;
const STEPS = 100;
/** `docs/performance.md` has the figures of a machine with nothing else to do; here only a break is to be seen. */
const GENEROUS_MS = 2500;

suite("a hundred runs", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    await signIn(fixture);
    for (let run = 0; run < RUNS; run++) {
      const wander = noise(run);
      await makeRun(fixture.server, PROJECT, {
        name: `r${run}`,
        displayName: `run ${run}`,
        steps: STEPS,
        keys: Object.fromEntries(
          Array.from({ length: KEYS }, (_, key) => [
            `train/m${key}`,
            (step: number) => Math.exp(-step / 30) * (key + 1) + wander(step) / 10,
          ]),
        ),
        running: true,
      });
    }
  });
  after(() => fixture.close());

  test("the first chart comes within a second or so, after few questions, none of which waits for nothing", async (t) => {
    const { page, server } = fixture;
    const times: number[] = [];
    const asked: string[] = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (/^\/(api|graphql)/.test(pathname)) asked.push(pathname);
    });
    for (let load = 0; load < 3; load++) {
      await page.goto(`${server.url}/home`);
      await page.waitForLoadState("networkidle");
      asked.length = 0;
      await page.goto(`${server.url}/admin/${PROJECT}?max=${RUNS}`, { waitUntil: "commit" });
      const mark = await page.waitForFunction(
        () => performance.getEntriesByName("first-chart")[0]?.startTime,
      );
      times.push(Math.round((await mark.jsonValue()) ?? Number.NaN));
    }
    t.diagnostic(`the first chart after ${times.join(", ")} ms, ${asked.length} questions`);
    assert.ok(
      asked.indexOf("/graphql") < asked.indexOf("/api/v1/session"),
      `the runs waited: ${asked.join(" ")}`,
    );
    assert.ok(asked.length <= 12, asked.join(" "));
    await page.waitForLoadState("networkidle");
    // What is in the window comes first, then what is near it.
    const series = asked.filter((path) => path === "/api/v1/series").length;
    assert.ok(series >= 1 && series <= 2, `${series} questions for ${KEYS} charts`);
    assert.ok(Math.min(...times) < GENEROUS_MS, `the first chart came after ${times.join(", ")} ms`);
    fixture.checkErrors();
  });
});
