import { Command } from "commander";
import { type Run, RunClient } from "../../run-client.ts";
import { print, printJson, styled, table } from "../../terminal.ts";

interface Options {
  project?: string;
  entity?: string;
  json?: boolean;
}

export function runShowCommand(): Command {
  return new Command("show")
    .description("all that the server says of a run: state, config, summary")
    .argument("<run>", "id, project/id or entity/project/id")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .option("--json", "as JSON")
    .action(async (text: string, options: Options) => {
      const client = new RunClient();
      const run = await client.run(await client.path(text, options));
      const { globalId: _, ...shown } = run;
      if (options.json) printJson(shown);
      else print(told(run));
    });
}

function told(run: Run): string {
  const facts: [string, string | number | null][] = [
    ["id", run.id],
    ["name", run.name],
    ["state", run.exitCode === null ? run.state : `${run.state}, exit code ${run.exitCode}`],
    ["url", run.url],
    ["user", run.user],
    ["created", run.createdAt],
    ["last heard of", run.heartbeatAt],
    ["rows", run.rows],
    ["tags", run.tags.join(", ")],
    ["group", run.group],
    ["job type", run.jobType],
    ["sweep", run.sweep],
    ["host", run.host],
    ["commit", run.commit],
    ["notes", run.notes],
  ];
  return [
    table(
      facts.filter(([, fact]) => fact !== null && fact !== "").map(([name, fact]) => [name, String(fact)]),
    ),
    ...part("config", run.config),
    ...part("summary", run.summary),
  ].join("\n");
}

function part(title: string, values: Record<string, unknown>): string[] {
  const rows = Object.entries(values).map(([key, value]) => [
    `  ${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return rows.length === 0 ? [] : ["", styled("bold", title, process.stdout), table(rows)];
}
