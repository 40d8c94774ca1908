/** W8: pictures and tables; W9: console lines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failureOf } from "../opening.ts";
import { makeImages } from "./given.ts";
import { imagesKept, linesKept, tablesKept } from "./kept.ts";
import { readLog } from "./offline-log.ts";
import { observed } from "./resources.ts";
import type { Sizes } from "./sizes.ts";
import { type Cell, GRACE_SECONDS, type Line, type Subject, type Workload } from "./workload.ts";

interface Given {
  given: number;
  loop: number;
  finish: number;
}

/** What the official client, and libraries under others, keep in the system's folder for themselves. */
export const CLIENT_FOLDERS = ["client", ".cache", ".config", ".local"];

export function mediaWorkload({ media, cellSeconds }: Sizes): Workload {
  const { images, tables, tableRows } = media;
  return {
    id: "W8",
    atRest: true,
    title: `W8, media: ${images} PNG of 64 kB; ${tables} tables × ${tableRows.toLocaleString("en")} rows × 5 columns`,
    head: [
      "pictures/s",
      "CPU ms a picture, client + server",
      "pictures read back",
      "tables/s",
      "tables read back",
      "disk MB",
    ],
    contests: [
      {
        measure: "W8, pictures a second",
        value: "images",
        moreIsBetter: true,
        remedy: "several small files a request; a folder on the same machine needs no request at all",
      },
      {
        measure: "W8, tables a second",
        value: "tables",
        moreIsBetter: true,
        remedy: "the official client makes an artifact of each table: fewer questions for each",
      },
      {
        measure: "W8, disk",
        value: "disk",
        remedy: "empty databases are most of it; pictures are kept as they are",
      },
    ],
    cannot: ({ worker }) =>
      worker === "steelyard-sdk.ts" ? "the SDK has no media yet: the official client has" : noMedia(worker),
    measure: (subject) => measureMedia(subject, media, cellSeconds),
  };
}

function noMedia(worker: string): string | undefined {
  return worker === "floor.py" ? "rows alone" : undefined;
}

async function measureMedia(
  { worker, fresh, turn }: Subject,
  { images, tables, tableRows }: Sizes["media"],
  seconds: number,
): Promise<Line> {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-media-"));
  const limit = seconds + GRACE_SECONDS;
  try {
    const given = makeImages(folder, images, turn);
    const paths = given.map(({ path }) => path);
    const [imagesRun, tablesRun] = [`w8-images-${turn}`, `w8-tables-${turn}`];
    let pictures = "";
    const [logged, { clientCpu, serverCpu }] = await observed(
      worker,
      () => worker.call<Given>("log_images", { run: imagesRun, paths, seconds }, limit),
      async (done) => {
        const read = await worker.call<[string, string][]>("read_images", { run: imagesRun }, limit);
        pictures = imagesKept(given.slice(0, done.given), read);
      },
      false,
    );
    const tabled = await worker
      .call<Given>("log_tables", { run: tablesRun, tables, rows: tableRows, seconds }, limit)
      .catch((error: Error) => failureOf(error));
    const read =
      typeof tabled === "string"
        ? []
        : await worker.call<[number, number][]>("read_tables", { run: tablesRun }, limit);
    if (fresh) await worker.call("settle");
    const disk = fresh ? worker.diskBytes(CLIENT_FOLDERS) / 2 ** 20 : Number.NaN;
    const millis = (cpu: number) => (cpu / logged.given) * 1000;
    return {
      seconds: secondsOf(logged) + (typeof tabled === "string" ? 0 : secondsOf(tabled)),
      cells: [
        rateOf(logged, images),
        [millis(clientCpu), " + ", millis(serverCpu)],
        pictures,
        typeof tabled === "string" ? tabled : rateOf(tabled, tables),
        typeof tabled === "string" ? "" : tablesKept(tabled.given, tableRows, read),
        disk,
      ],
      values: {
        images: logged.given / secondsOf(logged),
        tables: typeof tabled === "string" ? Number.NaN : tabled.given / secondsOf(tabled),
        disk,
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function secondsOf({ loop, finish }: Given): number {
  return loop + finish;
}

/** Things a second, with how many when it was not all. */
function rateOf(logged: Given, wanted: number): Cell {
  const rate = logged.given / secondsOf(logged);
  return logged.given < wanted
    ? [rate, ` (${logged.given.toLocaleString("en")} of ${wanted.toLocaleString("en")})`]
    : rate;
}

export function consoleWorkload({ lines, cellSeconds }: Sizes): Workload {
  return {
    id: "W9",
    title: `W9, console: ${lines.toLocaleString("en")} lines of 120 B`,
    head: [
      "a line costs the program, µs (and without a run)",
      "finish s",
      "lines/s until finish() is through",
      "CPU µs a line, client + server",
      "peak MB, client + server",
      "read back",
    ],
    contests: [
      {
        measure: "W9, what a line costs the program",
        value: "line",
        remedy:
          "the line is copied and looked at once in the program's thread; all else is the run's thread's",
      },
      {
        measure: "W9, lines a second",
        value: "lines",
        moreIsBetter: true,
        remedy: "lines sent and stored in packed blocks in place of one text each",
      },
    ],
    cannot: ({ worker }) =>
      ["floor.py", "mlflow_server.py", "trackio_local.py", "tensorboard_files.py"].includes(worker)
        ? "it records no console lines"
        : undefined,
    measure: (subject) => measureConsole(subject, lines, cellSeconds),
  };
}

async function measureConsole(
  { system, worker, turn }: Subject,
  lines: number,
  seconds: number,
): Promise<Line> {
  const run = `w9-run-${turn}`;
  const limit = seconds + GRACE_SECONDS;
  let words = "";
  const [printed, resources] = await observed(
    worker,
    () => worker.call<Given & { alone: number }>("console", { run, lines, seconds }, limit),
    async ({ given }) => {
      const read = system.logs
        ? offlineLines(worker.folder, run)
        : await worker.call<number[]>("read_console", { run }, limit);
      words = linesKept(given, read);
    },
    false,
  );
  const { given } = printed;
  const { clientCpu, serverCpu, clientPeakMb, serverPeakMb } = resources;
  const micros = (seconds: number, count: number) => (seconds / count) * 1e6;
  return {
    seconds: secondsOf(printed),
    cells: [
      [micros(printed.loop, given), " (", micros(printed.alone, lines), ")"],
      printed.finish,
      rateOf(printed, lines),
      [micros(clientCpu, given), " + ", micros(serverCpu, given)],
      [clientPeakMb, " + ", serverPeakMb],
      words,
    ],
    values: { line: printed.loop / given, lines: given / secondsOf(printed) },
  };
}

function offlineLines(folder: string, run: string): number[] {
  const texts: string[] = [];
  for (const record of readLog(folder, run)) {
    if (record.kind === "output") texts.push(record.text);
    if (record.kind === "lines") texts.push(`${record.text}\n`);
  }
  return [...texts.join("").matchAll(/line (\d{8}) /g)].map(([, number]) => Number(number));
}
