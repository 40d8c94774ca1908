import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SteelyardError } from "../errors.ts";
import { makeRoom } from "../metrics/kept-files.ts";
import type { ProjectRef } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { historyFiles } from "./history-files.ts";
import type { FromProcess, OutputFormat, SqlResult, ToProcess } from "./messages.ts";
import { runsOf, tablesIn } from "./tables.ts";

export interface SqlQuestion {
  sql: string;
  /** Ids of the runs it is about; all of the project by default. */
  runs?: readonly string[];
  maxRows: number;
  /** Written to a file of the folder instead of answered. */
  output?: { format: OutputFormat; file: string };
}

/** Runs' rows for queries, and what they write. */
export function queryFolder(dataDir: string): string {
  return join(dataDir, "query-files");
}

export interface SqlLimits {
  /** Of the query itself; bringing together what it reads may take longer, once. */
  queryMs: number;
  prepareMs: number;
  /** Of an output. */
  fileBytes: number;
  atOnce: number;
  waiting: number;
}
export const SQL_LIMITS: SqlLimits = {
  queryMs: 60_000,
  prepareMs: 600_000,
  fileBytes: 4e9,
  atOnce: 2,
  waiting: 8,
};
/** Runs whose rows of the catalog are handed over. */
const MAX_RUNS = 100_000;
/** Of JavaScript, beside what DuckDB may have: rows on their way in and out. */
const HEAP = "--max-old-space-size=1024";

/** Queries of one server: so many at a time, each in a process of its own that ends with it. */
export class SqlQueries {
  readonly #services: Services;
  readonly #limits: SqlLimits;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(services: Services, limits: SqlLimits = SQL_LIMITS) {
    this.#services = services;
    this.#limits = limits;
  }

  /** Undefined when it was written to a file. Throws bad-request with DuckDB's own words for what it refuses. */
  async run(project: ProjectRef, question: SqlQuestion, signal: AbortSignal): Promise<SqlResult | undefined> {
    await this.#turn();
    try {
      return await this.#ask(project, question, AbortSignal.any([signal, this.#services.stopping]));
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= this.#limits.atOnce) {
      if (this.#waiting.length >= this.#limits.waiting) {
        throw new SteelyardError(
          "too-many-requests",
          "other queries are running; ask again when they are done",
        );
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
  }

  async #ask(
    project: ProjectRef,
    question: SqlQuestion,
    signal: AbortSignal,
  ): Promise<SqlResult | undefined> {
    const { catalog, metrics, config, now } = this.#services;
    const { tables, history } = tablesIn(question.sql);
    const runs = await runsOf(catalog.db, project.id, question.runs, MAX_RUNS);
    const folder = queryFolder(config.dataDir);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = history ? await historyFiles(metrics, runs, question.sql, folder, signal) : undefined;
    signal.throwIfAborted();
    const process = new QueryProcess({
      limits: this.#limits,
      memory: config.sqlMemory,
      folder,
      output: question.output && join(folder, question.output.file),
      signal,
    });
    try {
      const numbers = runs.map(({ id }) => id);
      for (const { name, columns, rows } of tables) {
        await process.send({ kind: "table", table: { name, columns } });
        for await (const some of rows(catalog.db, project.id, numbers)) {
          await process.send({ kind: "rows", table: name, rows: some });
        }
      }
      const { sql, maxRows, output } = question;
      await process.send({ kind: "ask", sql, folder, history: files, maxRows, output });
      return await process.answer;
    } finally {
      process.end();
      makeRoom(folder, now());
    }
  }
}

interface Asked {
  limits: SqlLimits;
  memory: string;
  folder: string;
  output: string | undefined;
  signal: AbortSignal;
}

class QueryProcess {
  readonly answer: Promise<SqlResult | undefined>;
  readonly #child: ChildProcess;

  constructor(asked: Asked) {
    const file = fileURLToPath(
      new URL(`./query-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url),
    );
    // Nothing of the server's environment: a query is somebody's text.
    this.#child = fork(file, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { TZ: "UTC", STEELYARD_SQL_MEMORY: asked.memory },
      execArgv: [...process.execArgv, HEAP],
    });
    this.answer = this.#answered(asked);
    // Its error may come while rows are still being handed over.
    this.answer.catch(() => {});
  }

  /** Resolves when it was taken, so that rows do not pile up; what went wrong is told by `answer`. */
  async send(message: ToProcess): Promise<void> {
    if (!this.#child.connected) return;
    await new Promise<void>((resolve) => this.#child.send(message, () => resolve()));
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }

  #answered({ limits, folder, output, signal }: Asked): Promise<SqlResult | undefined> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const stop = (reason: unknown) => {
        reject(reason);
        child.kill("SIGKILL");
      };
      const late = (what: string, ms: number) =>
        setTimeout(
          () => stop(tooLarge(`${what} took longer than ${ms / 1000} s; ask of fewer runs, or for less`)),
          ms,
        );
      const checkFile = () => {
        const { size } = (output && statSync(output, { throwIfNoEntry: false })) || { size: 0 };
        if (size > limits.fileBytes)
          stop(tooLarge(`the file would be larger than ${limits.fileBytes / 1e9} GB; ask for less`));
      };
      const watching = setInterval(checkFile, 250);
      let timer = late("bringing together what the query reads", limits.prepareMs);
      let errors = "";
      child.stderr?.on("data", (piece) => {
        errors = (errors + piece).slice(-4_000);
      });
      const abort = () => stop(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      child.on("message", (message: FromProcess) => {
        if (message.kind === "started") {
          clearTimeout(timer);
          timer = late("the query", limits.queryMs);
        } else if (message.kind === "refused") {
          reject(new SteelyardError("bad-request", message.message.replaceAll(folder, "…").slice(0, 2_000)));
        } else {
          checkFile();
          // Without effect when that was too much.
          resolve(message.kind === "result" ? message.result : undefined);
        }
      });
      const over = () => {
        clearTimeout(timer);
        clearInterval(watching);
        signal.removeEventListener("abort", abort);
      };
      // Of one that was not started there is no exit.
      child.on("error", (cause) => {
        over();
        reject(cause);
      });
      child.on("exit", () => {
        over();
        // Without effect when it was answered.
        reject(endedError(errors));
      });
    });
  }
}

function endedError(errors: string): SteelyardError {
  if (/Cannot find (package|module) '@duckdb\//.test(errors)) {
    return new SteelyardError(
      "unavailable",
      "queries need DuckDB, an optional dependency that is not installed here; run: npm install @duckdb/node-api",
    );
  }
  return tooLarge(
    "the query's process ended before its answer, most likely for want of memory; ask of fewer runs, or for less",
    { cause: new Error(errors) },
  );
}

function tooLarge(message: string, options?: ErrorOptions): SteelyardError {
  return new SteelyardError("too-large", message, options);
}
