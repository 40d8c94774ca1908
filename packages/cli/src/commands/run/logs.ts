import { setTimeout as wait } from "node:timers/promises";
import { Command } from "commander";
import { UnreachableError } from "../../api.ts";
import { EXIT } from "../../exit-status.ts";
import { LIVE_STATES, type LogLine, RunClient, type RunPath } from "../../run-client.ts";
import { CommandError, info, print, warn } from "../../terminal.ts";

interface Options {
  project?: string;
  entity?: string;
  follow?: boolean;
  tail?: string;
  timestamps?: boolean;
  json?: boolean;
}

const PAGE = 1000;
/** Between two questions when following: what a person takes for at once, and a server does not feel. */
const FOLLOW_MS = 1000;
/** A server that says nothing for so long while it is followed is given up. */
const LOST_MS = 5 * 60_000;

export function runLogsCommand(): Command {
  return new Command("logs")
    .description("what a run wrote to its console")
    .argument("<run>", "id, project/id or entity/project/id")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .option("-f, --follow", "go on until the run ends")
    .option("-n, --tail <lines>", "begin with the last so many lines")
    .option("-t, --timestamps", "each line after its time")
    .option("--json", "each line as JSON")
    .action(logs);
}

async function logs(text: string, options: Options): Promise<void> {
  const client = new RunClient();
  const path = await client.path(text, options);
  const lines = new Lines(options);
  await begin(client, path, options.tail, lines);
  let more = await through(client, path, lines);
  let heardMs = Date.now();
  let lost = false;
  while (more && options.follow) {
    await wait(FOLLOW_MS);
    try {
      more = await through(client, path, lines);
      heardMs = Date.now();
      lost = false;
    } catch (error) {
      // A server that starts again, a line that is cut: whoever watches for hours should not have to be there.
      if (!(error instanceof UnreachableError) || Date.now() - heardMs > LOST_MS) throw error;
      if (!lost) warn(`${error.message}; trying again`);
      lost = true;
    }
  }
  if (lines.count === 0) info("The run has written nothing.");
}

async function begin(
  client: RunClient,
  path: RunPath,
  tail: string | undefined,
  lines: Lines,
): Promise<void> {
  if (tail === undefined) return;
  if (!/^\d{1,4}$/.test(tail) || Number(tail) < 1)
    throw new CommandError(`--tail takes 1 to 9999 lines, not "${tail}"`, EXIT.usage);
  for (const line of (await client.logLines(path, { last: Number(tail) })).lines) lines.take(line);
}

/** Everything there is by now; true while more may come. */
async function through(client: RunClient, path: RunPath, lines: Lines): Promise<boolean> {
  for (;;) {
    // The last line may have been written on since.
    const page = await client.logLines(path, { first: PAGE, after: lines.last - 1 });
    for (const line of page.lines) lines.take(line);
    if (!page.more) return LIVE_STATES.has(page.state);
  }
}

/** Prints a line once, and again when it is another by now, as a progress bar is. */
class Lines {
  readonly #options: Options;
  #last: LogLine | undefined;
  count = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Number of the last line; -1 before the first. */
  get last(): number {
    return this.#last?.number ?? -1;
  }

  take(line: LogLine): void {
    if (line.number === this.#last?.number && line.line === this.#last.line) return;
    this.#last = line;
    this.count++;
    if (this.#options.json) print(JSON.stringify(line));
    else print(this.#options.timestamps ? `${line.timestamp ?? "-"} ${line.line}` : line.line);
  }
}
