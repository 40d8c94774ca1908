import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { parseRow } from "@steelyard/protocol/history";
import { Command } from "commander";
import { type LoggedRun, readLoggedRun } from "steelyard/command-line";
import { EXIT } from "../../exit-status.ts";
import { compareRows, type DifferentRow, differences, type RowComparison } from "../../log-comparison.ts";
import { objectOf, plainConfig, type Run, RunClient, type RunPath, strict } from "../../run-client.ts";
import { CommandError, PROGRAM, print, printJson, styled, table, warn } from "../../terminal.ts";

interface Options {
  project?: string;
  entity?: string;
  id?: string;
  json?: boolean;
}

interface FileDifference {
  name: string;
  problem: "missing" | "other content";
}

interface Report {
  log: string;
  run: string;
  /** True: the server has everything that the log has. */
  same: boolean;
  history: RowComparison & { received: number };
  /** Rows of system metrics. */
  samples: { inLog: number; stored: number };
  console: { inLog: number; stored: number };
  /** Of config and summary; only when no other process went on with the run. */
  config: DifferentRow["keys"];
  summary: DifferentRow["keys"];
  files: { inLog: number; different: FileDifference[] };
  exitCode: { log: number | null; server: number | null };
  /** What cannot be read of the log. */
  damage: string[];
  /** What the log has and is not compared. */
  notCompared: string[];
}

/** Differences of a kind that are named; --json has all. */
const SHOWN = 10;

export function runVerifyCommand(): Command {
  return new Command("verify")
    .description("compare a .wandb log with what the server has of its run, row by row")
    .argument("<log>", "run-ID.wandb, or the run's folder")
    .option("--id <id>", "id of the run at the server, when it is not the log's")
    .option("-p, --project <project>", "project at the server, or entity/project")
    .option("-e, --entity <entity>", "user or team at the server")
    .option("--json", "every difference, as JSON")
    .action(async (path: string, options: Options) => {
      const report = await compare(logOf(path), options);
      if (options.json) printJson(strict(report));
      else tell(report);
      if (!report.same) process.exitCode = EXIT.failed;
    });
}

function logOf(path: string): string {
  if (!existsSync(path)) throw new CommandError(`${path} is not there`);
  if (statSync(path).isFile()) return path;
  const logs = readdirSync(path)
    .filter((name) => name.endsWith(".wandb"))
    .map((name) => join(path, name));
  const [only] = logs;
  if (only !== undefined && logs.length === 1) return only;
  throw new CommandError(
    `${path} has ${logs.length} logs; name one: ${PROGRAM} run verify ${path}/run-ID.wandb`,
  );
}

async function compare(log: string, options: Options): Promise<Report> {
  const logged = readLog(log);
  const client = new RunClient();
  const path: RunPath = {
    ...(await client.project(
      options.project ?? (logged.run.project || undefined),
      options.entity ?? (logged.run.entity || undefined),
    )),
    run: options.id ?? logged.run.runId,
  };
  const run = await client.run(path).catch((error: Error) => {
    throw new CommandError(`${error.message}; \`${PROGRAM} sync ${log}\` sends it`);
  });
  const rows = await compareRows(logged.history, client.rows(path));
  const consoleLines = logged.console.reduce(
    (most, stretch) => Math.max(most, (stretch.at(-1)?.number ?? -1) + 1),
    0,
  );
  // Where others wrote behind the log, config and summary are theirs.
  const last = logged.history.at(-1);
  const alone = rows.elsewhere === 0 || (last !== undefined && run.summary._step === stepOf(last));
  const files = await compareFiles(join(dirname(log), "files"), logged, await client.files(path));
  const report: Report = {
    log,
    run: `${path.entity}/${path.project}/${path.run}`,
    same: false,
    history: { ...rows, received: run.rows },
    samples: { inLog: logged.events.length, stored: run.samples },
    console: { inLog: consoleLines, stored: run.consoleLines },
    config: alone ? configDifferences(logged, run) : {},
    summary: alone ? summaryDifferences(logged, run) : {},
    files,
    exitCode: { log: logged.exitCode ?? null, server: run.exitCode },
    damage: logged.losses,
    notCompared: logged.artifacts.map(({ name, type }) => `the artifact ${name} (${type}) is not compared`),
  };
  return { ...report, same: isSame(report, alone) };
}

/** A damaged log cannot be compared whole: it is never the same. */
function isSame(
  { history, samples, console, config, summary, files, exitCode, damage }: Report,
  alone: boolean,
): boolean {
  const wrong =
    history.rejected.length + history.missing.length + history.different.length + history.added.length;
  return (
    wrong + damage.length === 0 &&
    samples.stored >= samples.inLog &&
    console.stored >= console.inLog &&
    Object.keys(config).length + Object.keys(summary).length === 0 &&
    files.different.length === 0 &&
    (!alone || exitCode.log === null || exitCode.log === exitCode.server)
  );
}

function readLog(log: string): LoggedRun {
  try {
    return readLoggedRun(new Uint8Array(readFileSync(log)));
  } catch (error) {
    throw new CommandError(`${log}: ${(error as Error).message}`);
  }
}

function stepOf(line: string): unknown {
  try {
    return parseRow(line)._step;
  } catch {
    return undefined;
  }
}

function configDifferences({ config }: LoggedRun, run: Run): DifferentRow["keys"] {
  return differences(plainConfig(objectOf(config.json)), run.config);
}

/** Of what was logged; the client's own keys say when, not what. */
function summaryDifferences({ summaryJson }: LoggedRun, run: Run): DifferentRow["keys"] {
  const own = ({ _wandb, _runtime, _timestamp, _step, ...logged }: Record<string, unknown>) => logged;
  return differences(own(objectOf(summaryJson)), own(run.summary));
}

/** Files that the log names and that are still here, by content. */
async function compareFiles(
  folder: string,
  { files: names }: LoggedRun,
  stored: Awaited<ReturnType<RunClient["files"]>>,
): Promise<Report["files"]> {
  const known = new Map(stored.map((file) => [file.name, file]));
  const inside = resolve(folder) + sep;
  const here = names.filter((name) => {
    const path = resolve(folder, name);
    return path.startsWith(inside) && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  });
  const different: FileDifference[] = [];
  for (const name of here) {
    const file = known.get(name);
    if (!file) different.push({ name, problem: "missing" });
    else if (file.md5 !== null && file.md5 !== (await md5Of(join(folder, name))))
      different.push({ name, problem: "other content" });
  }
  return { inLog: here.length, different };
}

/** Base64, as the wire has it. */
async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("base64");
}

function tell(report: Report): void {
  const { history, samples, console, files, exitCode, damage, notCompared } = report;
  for (const loss of [...damage, ...notCompared]) warn(`[${report.log}] ${loss}`);
  print(`${report.log} and ${report.run}`);
  print(
    table([
      ["", "in the log", "stored", ""],
      [
        "history",
        String(history.inLog),
        String(history.stored),
        `${history.rejected.length} rejected, ${history.missing.length} missing, ${history.different.length} different, ${history.added.length} added; ${history.received} lines received${history.elsewhere > 0 ? `, ${history.elsewhere} of other processes` : ""}`,
      ],
      ["system metrics", String(samples.inLog), String(samples.stored), ""],
      ["console lines", String(console.inLog), String(console.stored), ""],
      ["files", String(files.inLog), String(files.inLog - files.different.length), ""],
    ]),
  );
  some(
    history.rejected,
    ({ row, step, reason }) =>
      `rejected: row ${row + 1}${step === undefined ? "" : ` (step ${step})`}: ${reason}`,
  );
  some(history.missing, ({ row, step }) => `missing: row ${row + 1} (step ${step})`);
  some(
    history.different,
    ({ row, step, keys }) => `different: row ${row + 1} (step ${step}): ${keysTold(keys)}`,
  );
  some(history.added, (step) => `only at the server: step ${step}`);
  for (const part of ["config", "summary"] as const)
    if (Object.keys(report[part]).length > 0) print(`  ${part}: ${keysTold(report[part])}`);
  some(files.different, ({ name, problem }) => `file ${name}: ${problem}`);
  if (exitCode.log !== exitCode.server)
    print(`  exit code: ${exitCode.log ?? "none"} in the log, ${exitCode.server ?? "none"} at the server`);
  print(
    report.same
      ? styled("green", "The server has everything that the log has.", process.stdout)
      : styled(
          "red",
          `The server differs from the log; \`${PROGRAM} sync --include-synced ${report.log}\` sends it again.`,
          process.stdout,
        ),
  );
}

function some<T>(differences: readonly T[], told: (difference: T) => string): void {
  for (const difference of differences.slice(0, SHOWN)) print(`  ${told(difference)}`);
  if (differences.length > SHOWN) print(`  +${differences.length - SHOWN} more (--json has all)`);
}

function keysTold(keys: DifferentRow["keys"]): string {
  const named = Object.entries(keys).map(
    ([key, { log, server }]) =>
      `${key} is ${log ?? "not there"} in the log, ${server ?? "not there"} at the server`,
  );
  return named.slice(0, SHOWN).join("; ") + (named.length > SHOWN ? `; +${named.length - SHOWN} more` : "");
}
