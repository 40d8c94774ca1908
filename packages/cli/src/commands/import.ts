import { createReadStream, existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { csvRows } from "../import/csv.ts";
import { importEventRun } from "../import/event-run.ts";
import { ImportedRun, type ImportOptions } from "../import/imported-run.ts";
import { jsonlRows } from "../import/jsonl.ts";
import type { ImportedRow } from "../import/rows.ts";
import { eventFolders } from "../import/tensorboard.ts";
import { RunClient } from "../run-client.ts";
import { CommandError, info, PROGRAM, warn } from "../terminal.ts";
import { syncCommand } from "./sync.ts";

interface Options extends ImportOptions {
  skipBad?: boolean;
}

interface RowOptions extends Options {
  step?: string;
  delimiter?: string;
}

/** Bad rows that are named one by one. */
const SHOWN = 10;
/** Where rows have one, it is their step; our own export writes it. */
const STEP = "_step";

export function importCommand(): Command {
  const rows = (name: string, what: string) =>
    withRun(new Command(name).description(`${what}, a run for each file`))
      .argument("<files...>", "files; - is standard input")
      .option(
        "--step <column>",
        "column with the steps, in ascending order (default: _step where there is one, else rows are counted)",
      );
  return new Command("import")
    .description("make runs of what other tools wrote")
    .addCommand(
      rows("csv", "rows of a table whose first line names the columns")
        .option("--delimiter <character>", "between cells (default: a tab in .tsv files, else a comma)")
        .action((files: string[], options: RowOptions) =>
          importFiles(files, options, (file, texts) =>
            csvRows(texts, delimiterOf(file, options), options.step),
          ),
        ),
    )
    .addCommand(
      rows("jsonl", "a JSON object a line").action((files: string[], options: RowOptions) =>
        importFiles(files, options, (_file, texts) => jsonlRows(texts)),
      ),
    )
    .addCommand(
      withRun(
        new Command("tensorboard").description(
          "scalars and hyperparameters of TensorBoard event files, a run for each folder",
        ),
      )
        .argument("<folders...>", "folders; those in them are read too")
        .action(importTensorboard),
    )
    .addCommand(
      new Command("wandb-dir")
        .description("every run of a wandb folder, whether it was online or offline, sent before or not")
        .argument("<folder>", "`wandb`, or the folder it is in")
        .option("-p, --project <name>", "project at the server")
        .option("-e, --entity <name>", "user or team at the server")
        .option("--dry-run", "only say what would be sent")
        .action(importWandbFolder),
    );
}

function withRun(command: Command): Command {
  return command
    .option("-p, --project <name>", "project of the runs")
    .option("-e, --entity <name>", "user or team that has the project")
    .option("--name <name>", "name shown on the page (default: of the file or folder)")
    .option("--id <id>", "id of the run (one file or folder only)")
    .option("--group <name>", "group of the runs")
    .option("--job-type <type>", "job type of the runs")
    .option("--tags <tag,...>", "tags of the runs")
    .option("--notes <text>", "notes of the runs")
    .option("--skip-bad", "leave out rows that cannot be read, and name them");
}

function delimiterOf(file: string, { delimiter }: RowOptions): string {
  const chosen = delimiter === "\\t" ? "\t" : (delimiter ?? (file.endsWith(".tsv") ? "\t" : ","));
  if (chosen.length === 1 && !/["\r\n]/.test(chosen)) return chosen;
  throw new CommandError("--delimiter takes one character, or \\t", EXIT.usage);
}

async function importFiles(
  files: readonly string[],
  options: RowOptions,
  read: (file: string, texts: AsyncIterable<string>) => AsyncIterable<ImportedRow>,
): Promise<void> {
  await prepare(files.length, options);
  for (const file of files)
    if (file !== "-" && !statSync(file, { throwIfNoEntry: false })?.isFile())
      throw new CommandError(`${file} is no file`);
  const logs: string[] = [];
  for (const file of files) {
    const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 2 ** 18 });
    const named = { name: file === "-" ? undefined : basename(file).replace(/\.[^.]+$/, ""), ...options };
    logs.push(await importRows(file, read(file, stream.setEncoding("utf8") as AsyncIterable<string>), named));
  }
  await send(logs);
}

/** The log of a new run with these rows. */
async function importRows(
  file: string,
  rows: AsyncIterable<ImportedRow>,
  options: RowOptions,
): Promise<string> {
  const bad = new BadRows(file, options.skipBad === true);
  let run: ImportedRun | undefined;
  let last = -1;
  try {
    for await (const row of rows) {
      if (row.kind === "bad") {
        bad.take(row.line, row.reason);
        continue;
      }
      const { _runtime, [options.step ?? STEP]: said, ...values } = row.values;
      const problem = stepProblem(said, last, options.step);
      if (problem) {
        bad.take(row.line, problem);
        continue;
      }
      const step = said === undefined ? undefined : Number(said);
      last = step ?? last;
      run ??= await ImportedRun.begin(options, startOf(values._timestamp, _runtime));
      run.add(values, step);
    }
    if (!run) throw new CommandError(`${file} has no rows`);
    await run.end();
  } catch (error) {
    await run?.discard();
    throw error instanceof CommandError ? new CommandError(`${file}: ${error.message}`, error.status) : error;
  }
  bad.sum();
  info(`${file}: ${run.rows} rows`);
  return run.log;
}

/** Of `_step`, rows may have none; of a column that was named, each has one. */
function stepProblem(said: unknown, last: number, column: string | undefined): string | undefined {
  if (said === undefined)
    return column === undefined && last < 0
      ? undefined
      : `there is no step${column === undefined ? "" : ` in ${column}`}`;
  if (typeof said !== "number" || !Number.isSafeInteger(said) || said < 0)
    return `the step is ${String(said)}; steps are whole numbers from 0`;
  return said < last ? `step ${said} is behind step ${last}; sort the file by its steps` : undefined;
}

function startOf(timestamp: unknown, runtime: unknown): number | undefined {
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp)) return undefined;
  return Math.round(
    (timestamp - (typeof runtime === "number" && Number.isFinite(runtime) ? runtime : 0)) * 1000,
  );
}

async function importTensorboard(roots: string[], options: Options): Promise<void> {
  const folders = roots.flatMap((root) => eventFolders(root));
  await prepare(folders.length, options);
  const logs: string[] = [];
  for (const folder of folders) {
    const log = await importEventRun([folder], { name: folder.name, ...options }, folder.name);
    if (log) logs.push(log);
  }
  await send(logs);
}

async function importWandbFolder(
  folder: string,
  options: { project?: string; entity?: string; dryRun?: boolean },
): Promise<void> {
  if (!existsSync(folder)) throw new CommandError(`${folder} is not there`);
  const inner = join(folder, "wandb");
  await sync([
    existsSync(inner) ? inner : folder,
    "--include-online",
    "--include-synced",
    ...(options.project ? ["--project", options.project] : []),
    ...(options.entity ? ["--entity", options.entity] : []),
    ...(options.dryRun ? ["--dry-run"] : []),
  ]);
}

/** What is wrong before anything is read. */
async function prepare(count: number, options: ImportOptions): Promise<void> {
  if (options.id !== undefined && count > 1)
    throw new CommandError("--id is of one run; give one file or folder", EXIT.usage);
  const loaded = settingsOf(options.id === undefined ? {} : { runId: options.id });
  if (!isOnline(loaded.settings.mode)) return;
  const client = new RunClient(loaded);
  if (options.id === undefined) return;
  const path = await client.path(options.id, options);
  if (await client.has(path))
    throw new CommandError(
      `there is a run ${options.id} in ${path.entity}/${path.project} already; give another --id, or none`,
    );
}

const isOnline = (mode: string): boolean => mode === "online" || mode === "run";

/** Offline, the logs wait for `sync` as every offline run does. */
async function send(logs: readonly string[]): Promise<void> {
  if (logs.length === 0) return;
  if (isOnline(settingsOf().settings.mode)) await sync([...logs]);
  else for (const log of logs) info(`offline: send it with \`${PROGRAM} sync ${log}\``);
}

async function sync(args: string[]): Promise<void> {
  await syncCommand()
    .exitOverride()
    .parseAsync([...args, "--yes"], { from: "user" });
}

/** Names the first bad rows, counts the rest; throws at the first one unless they may be skipped. */
class BadRows {
  readonly #file: string;
  readonly #skip: boolean;
  #count = 0;

  constructor(file: string, skip: boolean) {
    this.#file = file;
    this.#skip = skip;
  }

  take(line: number, reason: string): void {
    if (!this.#skip)
      throw new CommandError(
        `line ${line}: ${reason}. Nothing was imported; --skip-bad leaves such rows out`,
      );
    if (++this.#count <= SHOWN) warn(`${this.#file}: line ${line} is left out: ${reason}`);
  }

  sum(): void {
    if (this.#count > 0) warn(`${this.#file}: ${this.#count} rows were left out`);
  }
}
