/**
 * From opening a project of 100 runs × 10 metrics × 1,000 steps to its first chart, everything warm: the time by the
 * clock, and the processor time that all processes of the browser and the server took until then, which others at work
 * on the machine change little. That sum is more than the wait on a machine with nothing else to do.
 */
import { type Fixture, makeRun, noise, openFixture, signIn } from "../e2e/browser.ts";
import { cpuMsOf } from "./report/processor-time.ts";
import { writeReport } from "./report/write.ts";

const quick = process.argv.includes("--quick");
const RUNS = 100;
const KEYS = 10;
const STEPS = 1000;
const LOADS = quick ? 4 : 20;

interface Load {
  chartMs: number;
  frameMs: number;
  browserMs: number;
  serverMs: number;
}

const fixture = await openFixture();
try {
  await signIn(fixture);
  for (let run = 0; run < RUNS; run++) await makeRun(fixture.server, "first", seeded(run));
  const rows: string[][] = [];
  for (const [name, query] of [
    ["10 drawn, as at first", ""],
    ["all 100 drawn", "?max=100"],
  ] as const) {
    const loads: Load[] = [];
    await load(fixture, query);
    for (let at = 0; at < LOADS; at++) loads.push(await load(fixture, query));
    const middle = (of: (load: Load) => number, share = 0.5) =>
      loads.map(of).sort((a, b) => a - b)[Math.floor((loads.length - 1) * share)] ?? Number.NaN;
    rows.push([
      name,
      ...[
        middle(({ chartMs }) => chartMs),
        middle(({ frameMs }) => frameMs),
        middle(({ frameMs }) => frameMs, 0.95),
        middle(({ browserMs }) => browserMs),
        middle(({ serverMs }) => serverMs),
        middle(({ browserMs, serverMs }) => browserMs + serverMs),
      ].map((ms) => `${Math.round(ms)} ms`),
    ]);
  }
  writeReport([
    {
      kind: "table",
      title: `First chart of ${RUNS} runs × ${KEYS} metrics × ${STEPS} steps, ${LOADS} warm loads; goal < 1000 ms`,
      head: ["runs", "drawn, p50", "in a frame, p50", "p95", "browser CPU", "server CPU", "both"],
      rows,
    },
  ]);
  fixture.checkErrors();
} finally {
  await fixture.close();
}

function seeded(run: number) {
  const wander = noise(run);
  const keys = Array.from({ length: KEYS }, (_, key) => [
    `train/m${key}`,
    (step: number) => Math.exp(-step / 300) * (key + 1) + wander(step) / 10,
  ]);
  return {
    name: `r${run}`,
    displayName: `run ${run}`,
    steps: STEPS,
    config: { lr: run / 100 },
    keys: Object.fromEntries(keys) as Record<string, (step: number) => number>,
  };
}

async function load({ page, server, browser }: Fixture, query: string): Promise<Load> {
  await page.goto(`${server.url}/home`);
  await page.waitForLoadState("networkidle");
  const session = await browser.newBrowserCDPSession();
  const browserCpuMs = async () =>
    (await session.send("SystemInfo.getProcessInfo")).processInfo.reduce(
      (sum, { cpuTime }) => sum + cpuTime * 1000,
      0,
    );
  const [browserBefore, serverBefore] = [await browserCpuMs(), cpuMsOf(server.pid())];
  await page.goto(`${server.url}/admin/first${query}`, { waitUntil: "commit" });
  const times = await page.evaluate(
    () =>
      new Promise<{ chartMs: number; frameMs: number }>((done) => {
        const look = () => {
          const [mark] = performance.getEntriesByName("first-chart");
          if (!mark) return void requestAnimationFrame(look);
          // The frame that has it is on its way once the next task runs.
          requestAnimationFrame(() =>
            setTimeout(() => done({ chartMs: mark.startTime, frameMs: performance.now() })),
          );
        };
        look();
      }),
  );
  const loaded = {
    ...times,
    browserMs: (await browserCpuMs()) - browserBefore,
    serverMs: cpuMsOf(server.pid()) - serverBefore,
  };
  await session.detach();
  return loaded;
}
