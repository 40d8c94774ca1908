/**
 * From `run.log()` to pixel: a page stands open on the project's workspace, the SDK logs a row, and the clock stops at the
 * first frame after the chart's data with that row came in.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSeries } from "@steelyard/protocol/series";
import { init } from "steelyard";
import { openFixture, signIn } from "../e2e/browser.ts";

const ROWS = process.argv.includes("--quick") ? 5 : 20;
const fixture = await openFixture();
const dir = mkdtempSync(join(tmpdir(), "steelyard-pixel-"));
try {
  const { page, server } = fixture;
  await signIn(fixture);
  const run = await init({
    project: "pixel",
    baseUrl: server.url,
    apiKey: server.apiKey,
    dir,
    console: false,
  });
  run.log({ loss: 1 });
  await page.goto(`${server.url}/admin/pixel`);
  await page.locator("section.panel[aria-label='loss'] canvas").waitFor();
  const took: number[] = [];
  for (let row = 1; row <= ROWS; row++) {
    // Longer than every interval on the way, and off their rhythm.
    await new Promise((resolve) => setTimeout(resolve, 2000 + ((row * 137) % 700)));
    const drawn = new Promise<number>((resolve) => {
      page.on("response", async function hear(response) {
        if (!response.url().endsWith("/api/v1/series")) return;
        const body = await response.body().catch(() => undefined);
        if (
          !body ||
          !decodeSeries(new Uint8Array(body).buffer).questions.some(({ series }) =>
            series.some(({ last }) => last.at(-1) === 1 / (row + 1)),
          )
        )
          return;
        page.off("response", hear);
        await page.evaluate(
          () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
        );
        resolve(performance.now());
      });
    });
    const began = performance.now();
    run.log({ loss: 1 / (row + 1) });
    took.push((await drawn) - began);
  }
  await run.finish();
  took.sort((a, b) => a - b);
  const at = (share: number) =>
    (took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN).toFixed(0);
  console.log(`log() to pixel, ${ROWS} rows   p50 ${at(0.5)} ms   p95 ${at(0.95)} ms   goal p50 < 1500`);
} finally {
  await fixture.close();
  rmSync(dir, { recursive: true, force: true });
}
