import { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import type { RunColumnsAnswer, RunColumnsQuestion } from "../../ports/catalog.ts";
import { parseFilter } from "../../ports/run-question/filter.ts";
import { FILTER_BUDGET } from "../../ports/run-question/linear-regex.ts";
import { decodeCursor, parseOrder } from "../../ports/run-question/run-order.ts";
import { answer, answerError, type Call, callerPort } from "../worker-calls.ts";
import { filtered } from "./filtered.ts";
import { ordered } from "./ordered.ts";
import { ProjectRuns } from "./project-runs.ts";

/** The thread that keeps the columns of large projects and answers lists of their runs. */

const { path, maxBytes } = workerData as { path: string; maxBytes: number };
const database = new DatabaseSync(path, { readOnly: true });
database.exec("PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16384;");
/** The project asked for longest ago first. */
const projects = new Map<number, ProjectRuns>();

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
      database.close();
      answer(id, undefined);
      return;
    }
    const { changes, question } = argument as RunColumnsCall;
    database.exec("BEGIN");
    try {
      takeIn(changes);
      answer(id, answerTo(question));
    } finally {
      database.exec("COMMIT");
    }
  } catch (cause) {
    answerError(id, cause);
  }
});

function takeIn({ runs, users }: RunChanges): void {
  if (runs === "many") projects.clear();
  for (const [id, project] of projects) {
    if (users) project.dropUsernames();
    if (runs !== "many" && runs.length > 0 && !project.refresh(runs)) projects.delete(id);
  }
}

function answerTo({ project, filters, order, after, offset, limit }: RunColumnsQuestion): RunColumnsAnswer {
  const runs = projects.get(project) ?? new ProjectRuns(database, project);
  projects.delete(project);
  projects.set(project, runs);
  const mask = filtered(runs, parseFilter(filters), { steps: FILTER_BUDGET });
  let total = 0;
  for (let at = 0; at < mask.length; at++) {
    const there = (mask[at] as number) & (runs.live[at] as number);
    mask[at] = there;
    total += there;
  }
  const cursor = after ? decodeCursor(after) : undefined;
  const found = limit === 0 ? [] : ordered(runs, mask, parseOrder(order), cursor, offset, limit);
  const hits = found.map(({ place, num, txt }) => ({
    id: runs.ids[place] as number,
    num,
    txt,
    created_at: runs.created[place] as number,
  }));
  makeRoom();
  return { hits, total };
}

/** Other projects go first, then columns of this one, the ones asked for longest ago. */
function makeRoom(): void {
  const bytes = () => [...projects.values()].reduce((sum, project) => sum + project.bytes, 0);
  while (bytes() > maxBytes) {
    const [oldest] = projects.keys();
    if (oldest === undefined) return;
    if (projects.size > 1) projects.delete(oldest);
    else if (!projects.get(oldest)?.dropOldest()) return;
  }
}
