import type { Locator } from "playwright-core";
import type { RunningServer } from "../conformance/server.ts";
import { type Fixture, makeRun, noise, stream } from "./browser.ts";

/** What tests of charts share: a project with lines, and the parts of a panel. */

export const LINE = "line";
export const ODD = "odd-values";

/** Twelve runs of a thousand steps. */
export async function makeLines(server: RunningServer): Promise<void> {
  for (let index = 0; index < 12; index++) {
    const shake = noise(index);
    await makeRun(server, LINE, {
      name: `r${String(index).padStart(2, "0")}`,
      displayName: `r${String(index).padStart(2, "0")}`,
      steps: 1000,
      config: { opt: index % 2 ? "sgd" : "adam" },
      keys: {
        "train/loss": (step) => Math.exp(-step / 300) + index / 10 + shake(step) * 0.05,
        "train/acc": (step) => 1 - Math.exp(-step / 300) + shake(step + 9) * 0.02,
        "val/loss": (step) => Math.exp(-step / 400) + shake(step + 5) * 0.05,
        // One run has none of it.
        ...(index === 3 ? {} : { epoch: (step: number) => Math.floor(step / 100) }),
      },
    });
  }
}

/** A run whose key `y` has these values, as JSON with NaN and Infinity. */
export async function logValues(
  server: RunningServer,
  project: string,
  run: string,
  values: string[],
  offset = 0,
): Promise<void> {
  if (offset === 0)
    await makeRun(server, project, {
      name: run,
      displayName: run,
      steps: 0,
      keys: {},
      running: true,
    });
  const content = values.map(
    (value, at) => `{"y":${value},"_step":${offset + at},"_runtime":${offset + at}}`,
  );
  await stream(server, project, run, { files: { "wandb-history.jsonl": { offset, content } } });
}

/** The page of a project; its panels by their key. `fixture`: it is opened before the first test, not before this. */
export function chartPage(fixture: () => Fixture) {
  const panel = (key: string) => fixture().page.getByRole("region", { name: key, exact: true });
  const chart = (key: string) => panel(key).locator(".line-chart");
  /** Before it has a size it hears neither pointer nor keys. */
  const laidOut = (key: string) => chart(key).locator("canvas").waitFor();
  const open = async (project: string, query = "") => {
    const { page, server } = fixture();
    await page.goto(`${server.url}/admin/${project}${query ? `?${query}` : ""}`);
  };
  /** Rows of the panel's table, header first. */
  async function table(key: string): Promise<string[][]> {
    await panel(key).locator("tbody tr").first().waitFor();
    return cells(panel(key));
  }
  return { panel, chart, laidOut, open, table };
}

async function cells(panel: Locator): Promise<string[][]> {
  return panel
    .locator("tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
}

/** The columns, in CSS pixels, in which something is coloured: a line, and neither grid nor text, which are grey. */
export async function coloured(canvas: Locator): Promise<number[]> {
  return canvas.evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { width, height } = canvas;
    const { data } = pixelsOf(canvas);
    const columns = new Set<number>();
    for (let at = 0; at < width * height; at++) {
      const [r = 0, g = 0, b = 0, a = 0] = data.subarray(at * 4, at * 4 + 4);
      if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 60)
        columns.add(Math.floor((at % width) / (width / canvas.clientWidth)));
    }
    return [...columns];
  });
}

/** In CSS pixels of what it is in. */
export function leftOf(element: Element): number {
  return element.getBoundingClientRect().left - (element.parentElement?.getBoundingClientRect().left ?? 0);
}
