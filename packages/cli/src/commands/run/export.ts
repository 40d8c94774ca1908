import { createWriteStream, renameSync, rmSync } from "node:fs";
import { extname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, Option } from "commander";
import { EXIT } from "../../exit-status.ts";
import { RunClient } from "../../run-client.ts";
import { CommandError, info } from "../../terminal.ts";

const FORMATS = ["csv", "jsonl", "parquet"] as const;
type Format = (typeof FORMATS)[number];

interface Options {
  project?: string;
  entity?: string;
  all?: boolean;
  system?: boolean;
  output?: string;
  format?: Format;
}

export function runExportCommand(): Command {
  return new Command("export")
    .description("the rows that runs logged, as CSV, JSON lines or Parquet")
    .argument("[runs...]", "each id, project/id or entity/project/id, all of one project")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .option("--all", "all runs of the project")
    .option("--system", "system metrics in place of the history")
    .option("-o, --output <file>", ".csv, .jsonl or .parquet; standard output by default")
    .addOption(
      new Option("--format <format>", "what the file's name says; csv on standard output").choices([
        ...FORMATS,
      ]),
    )
    .action(exportRuns);
}

async function exportRuns(runs: string[], options: Options): Promise<void> {
  if (options.all ? runs.length > 0 : runs.length === 0)
    throw new CommandError(
      "name the runs to export, or all of a project's with --all -p PROJECT",
      EXIT.usage,
    );
  const format = formatOf(options);
  const client = new RunClient();
  const paths = await Promise.all(runs.map((run) => client.path(run, options)));
  const [first] = paths;
  const { entity, project } = first ?? (await client.project(options.project, options.entity));
  const other = paths.find((path) => path.entity !== entity || path.project !== project);
  if (other)
    throw new CommandError(
      `${other.entity}/${other.project}/${other.run} is not in ${entity}/${project}: one file has the runs of one project`,
      EXIT.usage,
    );
  const query = new URLSearchParams({ entity, project, format });
  if (options.system) query.set("stream", "events");
  if (options.all) query.set("runs", "all");
  for (const { run } of paths) query.append("run", run);
  const body = Readable.from(await client.exported(query));
  const { output } = options;
  if (output === undefined || output === "-") {
    await pipeline(body, process.stdout, { end: false });
    return;
  }
  // What was there stays until the whole of the new is.
  const partial = `${output}.part`;
  try {
    await pipeline(body, createWriteStream(partial));
    renameSync(partial, output);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new CommandError(`${output} was not written: ${(error as Error).message}`);
  }
  info(`Wrote ${output}.`);
}

function formatOf({ format, output }: Options): Format {
  if (format || output === undefined || output === "-") return format ?? "csv";
  const named = FORMATS.find((name) => extname(output).toLowerCase() === `.${name}`);
  if (named) return named;
  throw new CommandError(
    `what ${output} is to be is not clear from its name; give it --format ${FORMATS.join(", ")}`,
    EXIT.usage,
  );
}
