/** W10: an artifact, and the same with a little of it changed. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failureOf } from "../opening.ts";
import type { Worker } from "../worker.ts";
import { CLIENT_FOLDERS } from "./files.ts";
import { digestsOf, makeFolder } from "./given.ts";
import { filesKept } from "./kept.ts";
import { observed } from "./resources.ts";
import type { Sizes } from "./sizes.ts";
import { type Cell, GRACE_SECONDS, type Line, type Subject, type Workload } from "./workload.ts";

export function artifactWorkload({ artifact, cellSeconds, probes }: Sizes): Workload {
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
    measure: (subject) => measureArtifact(subject, artifact, cellSeconds, probes),
  };
}

type Folder = Sizes["artifact"];

/** A series of its own. */
const PROBE = 99;

async function measureArtifact(
  { worker, turn }: Subject,
  wanted: Folder,
  seconds: number,
  probes: boolean,
): Promise<Line> {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-artifact-"));
  const limit = 4 * seconds + GRACE_SECONDS;
  const log = (run: string, name: string, from: string) =>
    worker.call<number>("artifact", { run, name, folder: from }, limit);
  try {
    const tenth = partOf(wanted, 10);
    const probe = join(folder, "tenth");
    if (probes) makeFolder(probe, tenth, PROBE);
    const expected = probes ? 10 * (await log(`w10-tenth-${turn}`, "tenth", probe)) : 0;
    const sizes = expected > 2 * seconds ? tenth : wanted;
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    makeFolder(first, sizes, turn);
    makeFolder(second, sizes, turn, first);
    const empty = worker.diskBytes(CLIENT_FOLDERS);
    const disks: number[] = [];
    const took: number[] = [];
    let words = "";
    const [, { clientCpu, serverCpu }] = await observed(
      worker,
      async () => {
        for (const [at, given] of [first, second].entries()) {
          took.push(await log(`w10-${turn}-${at}`, `set-${turn}`, given));
          disks.push(worker.diskBytes(CLIENT_FOLDERS) - empty);
        }
      },
      async () => {
        const given = { run: `w10-${turn}-1`, name: `set-${turn}`, into: join(folder, "read") };
        const read = readArtifact(worker, given, second, limit);
        words = await read.catch((error: Error) => `cannot be fetched: ${failureOf(error)}`);
      },
      false,
    );
    const [one = Number.NaN, two = Number.NaN] = took;
    const [diskOne = Number.NaN, diskTwo = Number.NaN] = disks;
    const megabytes = (sizes.bigBytes + sizes.files * sizes.fileBytes) / 1e6;
    const whole = sizes === wanted ? 1 : 10;
    const ofWhole = (value: number): Cell =>
      whole === 1 ? value : ["≈ ", value * whole, " (", value, " of a tenth)"];
    return {
      seconds: whole * (one + two),
      cells: [
        ofWhole(one),
        megabytes / one,
        ofWhole(two),
        ofWhole(diskOne / 2 ** 20),
        ofWhole((diskTwo - diskOne) / 2 ** 20),
        [clientCpu, " + ", serverCpu],
        words,
      ],
      values: { first: one * whole, second: two * whole, more: (diskTwo - diskOne) * whole },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function partOf({ bigBytes, files, fileBytes }: Folder, divisor: number): Folder {
  return { bigBytes: Math.ceil(bigBytes / divisor), files: Math.ceil(files / divisor), fileBytes };
}

async function readArtifact(
  worker: Worker,
  given: { run: string; name: string; into: string },
  logged: string,
  limit: number,
): Promise<string> {
  mkdirSync(given.into);
  await worker.call("read_artifact", given, limit);
  return filesKept(digestsOf(logged), digestsOf(given.into));
}
