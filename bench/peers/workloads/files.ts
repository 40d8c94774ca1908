/** W8: pictures and tables; W9: console lines; W10: artifacts. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { short } from "../../report/plot.ts";
import { failureOf } from "../systems.ts";
import type { Worker } from "../worker.ts";
import { digestsOf, makeFolder, makeImages } from "./given.ts";
import { filesKept, imagesKept, linesKept, tablesKept } from "./kept.ts";
import { readLog } from "./offline-log.ts";
import { observed } from "./resources.ts";
import type { Sizes } from "./sizes.ts";
import type { Line, Subject, Workload } from "./workload.ts";

interface Given {
  given: number;
  loop: number;
  finish: number;
}

/** What the official client, and libraries under others, keep in the system's folder for themselves. */
const CLIENT_FOLDERS = ["client", ".cache", ".config", ".local"];
const LIMIT_SECONDS = 240;

export function mediaWorkload({ media, cellSeconds }: Sizes): Workload {
  const { images, tables, tableRows } = media;
  return {
    id: "W8",
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
  { worker, fresh }: Subject,
  { images, tables, tableRows }: Sizes["media"],
  seconds: number,
): Promise<Line> {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-media-"));
  try {
    const given = makeImages(folder, images);
    const paths = given.map(({ path }) => path);
    let pictures = "";
    const [logged, { clientCpu, serverCpu }] = await observed(
      worker,
      () => worker.call<Given>("log_images", { run: "w8-images", paths, seconds }, LIMIT_SECONDS),
      async (done) => {
        const read = await worker.call<[string, string][]>(
          "read_images",
          { run: "w8-images" },
          LIMIT_SECONDS,
        );
        pictures = imagesKept(given.slice(0, done.given), read);
      },
      false,
    );
    const tabled = await worker
      .call<Given>("log_tables", { run: "w8-tables", tables, rows: tableRows, seconds }, LIMIT_SECONDS)
      .catch((error: Error) => failureOf(error));
    const readTables =
      typeof tabled === "string"
        ? ""
        : tablesKept(
            tabled.given,
            tableRows,
            await worker.call<[number, number][]>("read_tables", { run: "w8-tables" }, LIMIT_SECONDS),
          );
    if (fresh) await worker.call("settle");
    const disk = fresh ? worker.diskBytes(CLIENT_FOLDERS) / 2 ** 20 : Number.NaN;
    const rate = (one: Given) => one.given / (one.loop + one.finish);
    const millis = (cpu: number) => short((cpu / logged.given) * 1000);
    return {
      cells: [
        rateText(rate(logged), logged, images),
        `${millis(clientCpu)} + ${millis(serverCpu)}`,
        pictures,
        typeof tabled === "string" ? tabled : rateText(rate(tabled), tabled, tables),
        readTables,
        Number.isFinite(disk) ? short(disk) : "–",
      ],
      values: {
        images: rate(logged),
        tables: typeof tabled === "string" ? Number.NaN : rate(tabled),
        disk,
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function rateText(rate: number, { given, loop }: Given, wanted: number): string {
  return given < wanted ? `${short(rate)} (> ${short(loop)} s, ${given})` : short(rate);
}

export function consoleWorkload({ lines }: Sizes): Workload {
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
    measure: (subject) => measureConsole(subject, lines),
  };
}

async function measureConsole({ system, worker }: Subject, lines: number): Promise<Line> {
  const run = "w9-run";
  let words = "";
  const [printed, resources] = await observed(
    worker,
    () => worker.call<Given & { alone: number }>("console", { run, lines }, LIMIT_SECONDS),
    async () => {
      const read = system.logs
        ? offlineLines(worker.folder, run)
        : await worker.call<number[]>("read_console", { run }, LIMIT_SECONDS);
      words = linesKept(lines, read);
    },
    false,
  );
  const { clientCpu, serverCpu, clientPeakMb, serverPeakMb } = resources;
  const micros = (seconds: number) => short((seconds / lines) * 1e6);
  const rate = lines / (printed.loop + printed.finish);
  return {
    cells: [
      `${micros(printed.loop)} (${micros(printed.alone)})`,
      short(printed.finish),
      short(rate),
      `${micros(clientCpu)} + ${micros(serverCpu)}`,
      `${short(clientPeakMb)} + ${short(serverPeakMb)}`,
      words,
    ],
    values: { line: printed.loop / lines, lines: rate },
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

export function artifactWorkload({ artifact }: Sizes): Workload {
  const { bigBytes, files, fileBytes } = artifact;
  return {
    id: "W10",
    title: `W10, artifact: 1 file of ${bigBytes / 2 ** 20} MiB and ${files.toLocaleString("en")} of ${fileBytes / 1000} kB; then the same with a hundredth changed`,
    head: [
      "first, s",
      "MB/s",
      "second, s",
      "disk MB after the first",
      "disk MB more after the second",
      "CPU s of both, client + server",
      "read back",
    ],
    contests: [
      {
        measure: "W10, time of the first",
        value: "first",
        remedy:
          "the official client copies, digests and uploads; a copy on the same machine does one of the three",
      },
      {
        measure: "W10, time of the second",
        value: "second",
        remedy: "digests of unchanged files kept by their size and time, so that they are not read again",
      },
      {
        measure: "W10, disk of the second",
        value: "more",
        remedy: "files cut into blocks, so that a file that changed a little is kept in part",
      },
    ],
    cannot: ({ worker, name }) => {
      if (worker === "steelyard-sdk.ts")
        return "the SDK has no artifacts of its own yet: the official client has";
      if (name.endsWith(", offline")) return "none before the log is sent";
      return ["floor.py", "tensorboard_files.py"].includes(worker) ? "it has no artifacts" : undefined;
    },
    measure: (subject) => measureArtifact(subject, artifact),
  };
}

async function measureArtifact({ worker }: Subject, sizes: Sizes["artifact"]): Promise<Line> {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-artifact-"));
  try {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    makeFolder(first, sizes);
    makeFolder(second, sizes, first);
    const words: string[] = [];
    const empty = worker.diskBytes(CLIENT_FOLDERS);
    const disks: number[] = [];
    const seconds: number[] = [];
    const [, { clientCpu, serverCpu }] = await observed(
      worker,
      async () => {
        for (const [at, given] of [first, second].entries()) {
          const took = worker.call<number>(
            "artifact",
            { run: `w10-${at}`, name: "set", folder: given },
            LIMIT_SECONDS,
          );
          seconds.push(await took);
          disks.push(worker.diskBytes(CLIENT_FOLDERS) - empty);
        }
      },
      async () => {
        const read = readArtifact(worker, join(folder, "read"), second);
        words.push(await read.catch((error: Error) => `cannot be fetched: ${failureOf(error)}`));
      },
      false,
    );
    const [one = Number.NaN, two = Number.NaN] = seconds;
    const [diskOne = Number.NaN, diskTwo = Number.NaN] = disks;
    const megabytes = (sizes.bigBytes + sizes.files * sizes.fileBytes) / 1e6;
    return {
      cells: [
        short(one),
        short(megabytes / one),
        short(two),
        short(diskOne / 2 ** 20),
        short((diskTwo - diskOne) / 2 ** 20),
        `${short(clientCpu)} + ${short(serverCpu)}`,
        words.join(""),
      ],
      values: { first: one, second: two, more: diskTwo - diskOne },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function readArtifact(worker: Worker, into: string, given: string): Promise<string> {
  mkdirSync(into);
  await worker.call("read_artifact", { run: "w10-1", name: "set", into }, LIMIT_SECONDS);
  return filesKept(digestsOf(given), digestsOf(into));
}
