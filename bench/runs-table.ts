/**
 * The runs table at the engine: pages of 50 by filter, sort and offset, and exact totals, of projects of growing size.
 * First: what the first question of a kind pays to load its columns. Then the same questions again; with another bound
 * in the filter each time; and after 20 runs have a new summary.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteCatalog } from "../packages/server/src/engines/sqlite/catalog.ts";
import { countRuns, listRuns, type RunsQuestion } from "../packages/server/src/query/run-list.ts";
import { setSummary } from "../packages/server/src/runs/run-store.ts";
import { CONFIG_NUMBERS, fill, SUMMARY_NUMBERS } from "./runs-table/fill.ts";

const SIZES = process.argv.includes("--quick") ? [1_000, 100_000] : [1_000, 100_000, 1_000_000];
const ROUNDS = 20;
const WRITTEN = 20;

interface Taken {
  ms: number;
  /** Of the process, all threads: on a busy machine the measure that others' work changes least. */
  cpuMs: number;
}

/** `by`: what its filter's bound is moved by; `middle`: half the number of runs. */
type Asked = (by: number, middle: number) => RunsQuestion;

const QUESTIONS: [name: string, asked: Asked][] = [
  ["newest first", () => ({ order: "-created_at" })],
  ["by summary", () => ({ order: "-summary_metrics.s0" })],
  ["by config", () => ({ order: "+config.c0.value" })],
  ["by name", () => ({ order: "+display_name" })],
  [
    "a text and a number, by summary",
    (by) => ({
      filters: filter({ "config.opt": "adam", "config.c1": { $lt: 0.5 + by } }),
      order: "+summary_metrics.s1",
    }),
  ],
  [
    "few hits, by config",
    (by) => ({ filters: filter({ "summary_metrics.s2": { $lt: 0.0001 + by } }), order: "+config.c2" }),
  ],
  [
    "either of two, newest first",
    (by) => ({
      filters: filter({ $or: [{ "config.c3": { $gt: 0.9 + by } }, { tags: "best" }] }),
      order: "-created_at",
    }),
  ],
  [
    "a name by pattern",
    () => ({ filters: filter({ display_name: { $regex: "run-.*7$" } }), order: "-created_at" }),
  ],
  ["state, by duration", () => ({ filters: filter({ state: "finished" }), order: "-duration" })],
  ["from the middle of all", (_, middle) => ({ order: "-summary_metrics.s0", offset: middle })],
];

function filter(value: unknown): string {
  return JSON.stringify(value);
}

function quantile(times: number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
}

/** As clients do while they log. */
async function writeSummaries(catalog: SqliteCatalog, runs: number): Promise<void> {
  await catalog.write(async (tx) => {
    for (let i = 0; i < WRITTEN; i++) {
      const summary = Array.from({ length: SUMMARY_NUMBERS }, (_, key) => [`s${key}`, Math.random()]);
      const id = 1 + Math.floor(Math.random() * runs);
      await setSummary(tx, { id, project: { id: 1 } }, JSON.stringify(Object.fromEntries(summary)));
    }
  });
}

const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
try {
  for (const runs of SIZES) {
    const path = join(folder, `${runs}.db`);
    await new SqliteCatalog(path).close();
    fill(path, runs);
    const catalog = new SqliteCatalog(path);
    console.log(`${runs.toLocaleString("en")} runs of ${1 + CONFIG_NUMBERS + SUMMARY_NUMBERS} values`);
    const question = (asked: Asked, by = 0) => ({ first: 50, ...asked(by, Math.floor(runs / 2)) });
    const timed = async (asked: RunsQuestion): Promise<Taken> => {
      const before = process.cpuUsage();
      const start = performance.now();
      await listRuns(catalog, 1, asked);
      const ms = performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      return { ms, cpuMs: (user + system) / 1000 };
    };
    const show = (name: string, taken: Taken[], more = "") => {
      const times = taken.map(({ ms }) => ms);
      const cpuMs = taken.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / taken.length;
      console.log(
        `  ${name.padEnd(58)} p50 ${quantile(times, 0.5).toFixed(1).padStart(6)} ms  p95 ${quantile(times, 0.95).toFixed(1).padStart(6)} ms  processor ${cpuMs.toFixed(1).padStart(5)} ms  ${more}`,
      );
    };
    const goal = runs === 1_000_000 ? "goal p95 < 20" : "";
    const again: Taken[] = [];
    for (const [name, asked] of QUESTIONS) {
      const began = performance.now();
      const { runs: page } = await listRuns(catalog, 1, question(asked));
      const total = await countRuns(catalog, 1, question(asked).filters);
      const first = performance.now() - began;
      const times: Taken[] = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await timed(question(asked)));
      again.push(...times);
      const hits = `page of ${String(page.length).padStart(2)} of ${String(total).padStart(7)}`;
      show(`${name.padEnd(32)} ${hits}`, times, `first ${first.toFixed(0).padStart(5)} ms`);
    }
    show("all of them", again, goal);
    const others: Taken[] = [];
    const written: Taken[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [, asked] of QUESTIONS.filter(
        ([, asked]) => question(asked, 1).filters !== question(asked).filters,
      ))
        others.push(await timed(question(asked, round * 1e-6)));
    }
    show("those with a number in the filter, another one each time", others, goal);
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [, asked] of QUESTIONS) {
        await writeSummaries(catalog, runs);
        written.push(await timed(question(asked)));
      }
    }
    show(`all of them, each after ${WRITTEN} runs have a new summary`, written, goal);
    console.log(`  resident ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`);
    await catalog.close();
    rmSync(path);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
