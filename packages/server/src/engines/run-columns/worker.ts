import { workerData } from "node:worker_threads";
import type { RunColumnsAnswer, RunColumnsQuestion } from "../../ports/catalog.ts";
import { decodeCursor, parseOrder } from "../../ports/run-question/run-order.ts";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { CatalogFile } from "./catalog-file.ts";
import { KeptFilters } from "./kept-filters.ts";
import { ordered } from "./ordered.ts";
import { ProjectRuns } from "./project-runs.ts";

/** The thread that keeps the columns of large projects and answers lists of their runs. */

const { path, maxBytes } = workerData as { path: string; maxBytes: number };
const file = new CatalogFile(path);
/** The project asked for longest ago first. */
const projects = new Map<number, { runs: ProjectRuns; filters: KeptFilters }>();

/** What the catalog's thread wrote since the question before: numbers of runs, and whether a user was renamed. */
export interface RunChanges {
  runs: number[] | "many";
  users: boolean;
}

export interface RunColumnsCall {
  changes: RunChanges;
  question: RunColumnsQuestion;
}

callerPort().on("message", ({ id, name, argument }: Call) => {
  try {
    if (name === "close") {
      file.close();
      answer(id, undefined);
      return;
    }
    const { changes, question } = argument as RunColumnsCall;
    answer(
      id,
      file.atOnce(() => {
        takeIn(changes);
        return answerTo(question);
      }),
    );
  } catch (cause) {
    answerError(id, cause);
  }
});

function takeIn({ runs, users }: RunChanges): void {
  if (runs === "many") projects.clear();
  for (const [id, project] of projects) {
    if (users) {
      project.runs.dropUsernames();
      project.filters.clear();
    }
    if (runs !== "many" && runs.length > 0 && !project.runs.refresh(runs)) projects.delete(id);
  }
}

function answerTo({ project, filters, order, after, offset, limit }: RunColumnsQuestion): RunColumnsAnswer {
  const kept = projects.get(project) ?? load(project);
  projects.delete(project);
  projects.set(project, kept);
  const { runs } = kept;
  const selected = kept.filters.selected(filters);
  const by = parseOrder(order);
  const cursor = after ? decodeCursor(after) : undefined;
  const found = limit === 0 ? [] : ordered(runs, selected, by, cursor, offset, limit);
  const hits = found.map(({ place, num, txt }) => ({
    id: runs.ids[place] as number,
    num,
    txt,
    created_at: runs.created[place] as number,
  }));
  makeRoom();
  return { hits, total: selected.total };
}

function load(project: number): { runs: ProjectRuns; filters: KeptFilters } {
  const runs = new ProjectRuns(file, project);
  return { runs, filters: new KeptFilters(runs) };
}

/** Other projects go first, then columns of this one, the ones asked for longest ago. */
function makeRoom(): void {
  const bytes = () =>
    [...projects.values()].reduce((sum, { runs, filters }) => sum + runs.bytes + filters.bytes, 0);
  while (bytes() > maxBytes) {
    const [oldest] = projects.keys();
    if (oldest === undefined) return;
    if (projects.size > 1) projects.delete(oldest);
    else if (!projects.get(oldest)?.runs.dropOldest()) return;
  }
}
