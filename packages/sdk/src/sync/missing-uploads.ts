import { statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { Http } from "../http.ts";
import { LoggedRunReader, NO_RUN } from "../logged-run.ts";
import { OWN_FILES } from "../run-files/own-file.ts";
import { existing } from "../run-transport.ts";
import { LogFile } from "./log-file.ts";
import { digestOf, digestsAt } from "./synced-files.ts";

/** Characters of lines that are counted at once. */
const AT_ONCE = 4 * 2 ** 20;

/**
 * Why the server does not have everything of a log, in words; undefined when it has: the run with its end, as many rows,
 * system metrics and console lines, and the files that the log names and that are still here, by content. Throws what
 * `graphql` does, and Error for what is no log.
 */
export async function missingUploads(
  logFile: string,
  http: Http,
  defaults: { project: string; entity: string | undefined },
): Promise<string | undefined> {
  const { reader, counts } = contentOf(logFile);
  const { run } = reader;
  if (!run) return NO_RUN;
  if (reader.losses.length > 0) return `the log is damaged: ${reader.losses[0]}`;
  if (reader.exitCode === undefined) return "the log has no end: its run goes on, or was killed";
  const where = {
    runId: run.runId,
    project: run.project || defaults.project,
    entity: run.entity || (defaults.entity ?? ""),
  };
  const bucket = await existing(http, where);
  if (!bucket) return `the server has no run ${where.runId} in ${where.project}`;
  for (const [what, here, there] of [
    ["rows", counts.rows, bucket.historyLineCount],
    ["samples of system metrics", counts.samples, bucket.eventsLineCount],
    ["console lines", counts.consoleLines, bucket.logLineCount],
  ] as const)
    if (there < here) return `the server has ${there} of ${here} ${what}`;
  if (reader.artifacts.length > 0) return "the log has artifacts, which only a sync can tell to be there";
  const folder = join(dirname(logFile), "files");
  const digests = await digestsAt(http, {
    id: bucket.id,
    name: where.runId,
    project: where.project,
    entity: where.entity,
  });
  for (const name of reader.files.keys()) {
    // The client writes these anew at the server's side of a resumed run.
    if (OWN_FILES.includes(name)) continue;
    const path = resolve(folder, name);
    if (!path.startsWith(resolve(folder) + sep) || !statSync(path, { throwIfNoEntry: false })?.isFile())
      continue;
    if (digests.get(name) !== (await digestOf(path))) return `the server does not have ${name} as it is here`;
  }
  return undefined;
}

function contentOf(logFile: string) {
  const reader = new LoggedRunReader();
  const counts = { rows: 0, samples: 0, consoleLines: 0 };
  const count = () => {
    const { history, events, console } = reader.takeLines();
    counts.rows += history.length;
    counts.samples += events.length;
    for (const stretch of console)
      counts.consoleLines = Math.max(counts.consoleLines, (stretch.at(-1)?.number ?? -1) + 1);
  };
  const file = new LogFile(logFile);
  try {
    for (const found of file.records(true)) {
      reader.take(found);
      if (reader.waiting >= AT_ONCE) count();
    }
    count();
  } finally {
    file.close();
  }
  return { reader, counts };
}
