import { createWriteStream, readFileSync } from "node:fs";
import { extname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, Option } from "commander";
import { openApi, settingsOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { RunClient } from "../run-client.ts";
import { CommandError, info, print, printJson, styled, table } from "../terminal.ts";

const FILE_FORMATS = ["csv", "jsonl", "parquet"] as const;
type FileFormat = (typeof FILE_FORMATS)[number];

interface Options {
  project?: string;
  entity?: string;
  run: string[];
  limit: string;
  output?: string;
  format?: FileFormat;
  json?: boolean;
}

interface Answer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
}

export function sqlCommand(): Command {
  return new Command("sql")
    .description("a question in SQL over a project: runs, config, summary, history, artifacts")
    .argument("<query>", "one SELECT; @FILE reads it from a file, - from standard input")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .option(
      "--run <id>",
      "a run the query is about (again: another); all of the project by default",
      (id, before: string[]) => [...before, id],
      [],
    )
    .option("--limit <n>", "rows to show, up to 10000", "1000")
    .option("-o, --output <file>", "all rows into a file: .csv, .jsonl or .parquet")
    .addOption(
      new Option("--format <format>", "of the file, or of standard output").choices([...FILE_FORMATS]),
    )
    .option("--json", "columns and rows as JSON")
    .action(run);
}

async function run(query: string, options: Options): Promise<void> {
  const format = formatOf(options);
  const loaded = settingsOf();
  const api = openApi(loaded);
  const where = await new RunClient(loaded, api).project(options.project, options.entity);
  const question = {
    ...where,
    sql: textOf(query),
    ...(options.run.length > 0 ? { runs: options.run } : undefined),
  };
  const response = await api.fetch("/api/v1/sql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...question, ...(format ? { format } : { maxRows: limitOf(options.limit) }) }),
    // However long it takes: the server has its own bound.
    signal: null,
  });
  if (!response.ok) {
    const { error } = (await response.json().catch(() => ({}))) as { error?: string };
    throw new CommandError(
      error ?? `the server answered ${response.status}`,
      response.status === 401 ? EXIT.notAuthenticated : EXIT.failed,
    );
  }
  if (!format) return show((await response.json()) as Answer, options);
  const body = Readable.from(response.body ?? []);
  if (options.output === undefined || options.output === "-")
    await pipeline(body, process.stdout, { end: false });
  else {
    await pipeline(body, createWriteStream(options.output));
    info(`Wrote ${options.output}.`);
  }
}

function textOf(query: string): string {
  if (query === "-") return readFileSync(0, "utf8");
  if (!query.startsWith("@")) return query;
  try {
    return readFileSync(query.slice(1), "utf8");
  } catch (error) {
    throw new CommandError(`cannot read the query: ${(error as Error).message}`);
  }
}

/** Undefined: a table, or JSON. */
function formatOf({ format, output, json }: Options): FileFormat | undefined {
  if (json && (format || output))
    throw new CommandError("--json is for the terminal; take --format jsonl for a file", EXIT.usage);
  if (format || output === undefined) return format;
  const byName = FILE_FORMATS.find((name) => extname(output).toLowerCase() === `.${name}`);
  if (byName) return byName;
  throw new CommandError(
    `what ${output} is to be is not clear from its name; give it --format ${FILE_FORMATS.join(", ")}`,
    EXIT.usage,
  );
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new CommandError(
    `--limit takes a whole number from 1 to 10000, not "${text}"; -o FILE writes all rows`,
    EXIT.usage,
  );
}

function show({ columns, rows, truncated }: Answer, { json }: Options): void {
  if (json) {
    printJson({ columns, rows, truncated });
    return;
  }
  const heads = columns.map(({ name }) => styled("bold", name, process.stdout));
  print(table([heads, ...rows.map((row) => row.map(shown))]));
  if (truncated) info(`The first ${rows.length} rows; --limit shows more, -o FILE writes all.`);
}

function shown(value: unknown): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value).replace(/[\r\n\t]+/g, " ");
}
