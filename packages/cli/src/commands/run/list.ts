import { Command } from "commander";
import { EXIT } from "../../exit-status.ts";
import { type Run, RunClient } from "../../run-client.ts";
import { filterOf, type Selection, withSelection } from "../../run-selection.ts";
import { CommandError, info, print, printJson, styled, table } from "../../terminal.ts";

interface Options extends Selection {
  limit: string;
  order: string;
  deleted?: boolean;
  json?: boolean;
}

export function runListCommand(): Command {
  return withSelection(new Command("ls").alias("list").description("the runs of a project, the newest first"))
    .option(
      "--order <field>",
      "such as created_at, config.lr, -summary_metrics.loss; - is downwards",
      "-created_at",
    )
    .option("--limit <n>", "runs to list; 0 is all", "50")
    .option("--deleted", "those that were deleted and can be brought back")
    .option("--json", "as JSON, with config and summary")
    .action(list);
}

async function list(options: Options): Promise<void> {
  const limit = limitOf(options.limit);
  const client = new RunClient();
  const where = await client.project(options.project, options.entity);
  if (options.deleted) {
    const deleted = (await client.deleted(where)).slice(0, limit);
    if (options.json) printJson(deleted.map(({ globalId: _, ...run }) => run));
    else if (deleted.length === 0) info(`No deleted runs in ${where.entity}/${where.project}.`);
    else
      print(
        table([heads("id", "name", "deleted"), ...deleted.map((run) => [run.id, run.name, run.deletedAt])]),
      );
    return;
  }
  const { runs, total } = await client.runs(where, filterOf(options), { limit, order: options.order });
  if (options.json) {
    printJson(runs.map(({ globalId: _, ...run }) => run));
    return;
  }
  if (runs.length === 0) info(`No runs in ${where.entity}/${where.project}.`);
  else print(table([heads("id", "name", "state", "created", "rows", "tags"), ...runs.map(row)]));
  if (total > runs.length) info(`${total - runs.length} more; --limit 0 lists all.`);
}

const heads = (...names: string[]): string[] => names.map((name) => styled("bold", name, process.stdout));

const row = ({ id, name, state, createdAt, rows, tags }: Run): string[] => [
  id,
  name,
  state,
  createdAt,
  String(rows),
  tags.join(","),
];

function limitOf(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new CommandError(`--limit takes a whole number, not "${text}"`, EXIT.usage);
  return Number(text) || Number.POSITIVE_INFINITY;
}
