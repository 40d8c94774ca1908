/**
 * The runs table of a project of a million runs as its page asks for it: from start to ready with so many runs, the page's
 * two questions over HTTP, and from a click on the head of a column to the rows in the new order, painted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "../conformance/server.ts";
import { type Fixture, openFixture, signIn } from "../e2e/browser.ts";
import { cpuMsOf } from "./report/processor-time.ts";
import { writeReport } from "./report/write.ts";
import { CONFIG_NUMBERS, fill, SUMMARY_NUMBERS } from "./runs-table/fill.ts";

const quick = process.argv.includes("--quick");
const RUNS = quick ? 100_000 : 1_000_000;
const ROUNDS = 10;
const COLUMNS = [
  ...Array.from({ length: SUMMARY_NUMBERS }, (_, key) => `summary.s${key}`),
  ...Array.from({ length: CONFIG_NUMBERS }, (_, key) => `config.c${key}`),
];

/** As `packages/web/src/runs/run-window.ts` asks them. */
const COUNT = `query CountRuns($entity: String, $project: String, $filters: JSONString, $filtered: Boolean!) {
  found: project(name: $project, entityName: $entity) {
    readOnly all: runCount shown: runCount(filters: $filters) @include(if: $filtered)
  }
}`;
const PAGE = `query TableRuns($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int, $after: String, $offset: Int) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, order: $order, first: $first, after: $after, offset: $offset) {
      edges { node { id name displayName defaultColorIndex state tags group jobType createdAt heartbeatAt user { username } config summaryMetrics } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

/** `round`: what its filter's bound is moved by, a millionth each. */
type Question = (round: number) => { filters?: object; order: string; offset?: number };
const QUESTIONS: [name: string, question: Question][] = [
  ["newest first", () => ({ order: "-created_at" })],
  ["by summary", () => ({ order: "-summary_metrics.s0" })],
  ["by name", () => ({ order: "+display_name" })],
  ["from the middle of all", () => ({ order: "-summary_metrics.s0", offset: RUNS / 2 })],
  [
    "a text and a number, by summary",
    () => ({ filters: { "config.opt": "adam", "config.c1": { $lt: 0.5 } }, order: "+summary_metrics.s1" }),
  ],
  [
    "the same, another number each time",
    (round) => ({
      filters: { "config.opt": "adam", "config.c1": { $lt: 0.5 + round * 1e-6 } },
      order: "+summary_metrics.s1",
    }),
  ],
  ["state, by duration", () => ({ filters: { state: "finished" }, order: "-duration" })],
];

interface Taken {
  ms: number;
  /** Of the server. */
  cpuMs: number;
}

const dataDir = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
try {
  await (await startServer({ dataDir })).stop();
  fill(join(dataDir, "catalog.sqlite"), RUNS);
  const start = await started();
  const fixture = await openFixture({ dataDir });
  try {
    const rows: string[][] = [];
    for (const [name, question] of QUESTIONS) rows.push([name, ...(await asked(fixture.server, question))]);
    const clicks = await clicked(fixture);
    fixture.checkErrors();
    const runs = RUNS.toLocaleString("en");
    writeReport([
      {
        kind: "table",
        title: `Start with ${runs} runs; goal < 3000 ms`,
        head: ["to ready", "resident"],
        rows: [[`${start.readyMs.toFixed(0)} ms`, `${start.residentMb.toFixed(0)} MB`]],
      },
      {
        kind: "table",
        title: `Over HTTP: a page of 100 of ${runs} runs, and their count, ${ROUNDS} times`,
        head: ["question", "first", "p50", "p95", "server CPU"],
        rows,
      },
      {
        kind: "table",
        title: "From a click on the head of a column to its rows painted; goal < 100 ms",
        head: ["orders", "p50", "p95", "server CPU"],
        rows: [[String(clicks.length), ...figures(clicks)]],
      },
    ]);
  } finally {
    await fixture.close();
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

/** With the modules compiled and the file read before: the second start. */
async function started(): Promise<{ readyMs: number; residentMb: number }> {
  const began = performance.now();
  const server = await startServer({ dataDir });
  while (!(await server.fetch("/readyz")).ok) await new Promise((resolve) => setTimeout(resolve, 5));
  const readyMs = performance.now() - began;
  const metrics = await (await server.fetch("/metrics")).text();
  await server.stop();
  const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1] ?? Number.NaN);
  return { readyMs, residentMb: bytes / 2 ** 20 };
}

async function asked(server: RunningServer, question: Question): Promise<string[]> {
  const ask = async (round: number): Promise<Taken> => {
    const { filters = {}, ...page } = question(round);
    const text = JSON.stringify(filters);
    const project = { entity: "admin", project: "p", filters: text };
    const cpu = cpuMsOf(server.pid());
    const began = performance.now();
    await Promise.all([
      server.query(COUNT, { ...project, filtered: text !== "{}" }),
      server.query(PAGE, { ...project, ...page, first: 100 }),
    ]);
    return { ms: performance.now() - began, cpuMs: cpuMsOf(server.pid()) - cpu };
  };
  const { ms: first } = await ask(0);
  const taken: Taken[] = [];
  for (let round = 1; round <= ROUNDS; round++) taken.push(await ask(round));
  return [`${first.toFixed(0)} ms`, ...figures(taken)];
}

function figures(taken: readonly Taken[]): string[] {
  const times = taken.map(({ ms }) => ms).sort((a, b) => a - b);
  const quantile = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const cpuMs = taken.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / taken.length;
  return [quantile(0.5), quantile(0.95), cpuMs].map((ms) => `${ms.toFixed(0)} ms`);
}

/** Every column down and up, none of which the page has asked for before; the server has. */
async function clicked({ page, server }: Fixture): Promise<Taken[]> {
  for (const column of COLUMNS)
    await server.query(PAGE, { entity: "admin", project: "p", order: `-${fieldOf(column)}`, first: 100 });
  await signIn({ page, server });
  await page.setViewportSize({ width: 2400, height: 900 });
  await page.goto(`${server.url}/admin/p/table?cols=${COLUMNS.join()}`);
  await page.locator('[aria-rowindex="2"] .name-cell a').waitFor();
  await page.waitForLoadState("networkidle");
  const taken: Taken[] = [];
  for (const column of COLUMNS) {
    for (const _ of ["down", "up"]) {
      const cpu = cpuMsOf(server.pid());
      const ms = await page.evaluate(async (title) => {
        const first = () => document.querySelector('[aria-rowindex="2"] .name-cell a')?.textContent;
        const before = first();
        const began = performance.now();
        document.querySelector<HTMLElement>(`[role="columnheader"] button[title="${title}"]`)?.click();
        return new Promise<number>((done) => {
          const look = () => {
            if (!first() || first() === before) return void requestAnimationFrame(look);
            // The frame that has them is on its way once the next task runs.
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
          };
          requestAnimationFrame(look);
        });
      }, column);
      taken.push({ ms, cpuMs: cpuMsOf(server.pid()) - cpu });
    }
  }
  return taken;
}

function fieldOf(column: string): string {
  return column.replace("summary.", "summary_metrics.");
}
