import { compareAll, inWords } from "../faithful.ts";
import type { PeerSystem } from "../systems.ts";
import type { Worker } from "../worker.ts";
import type { Pool, Tally } from "../workload.ts";
import { readLogs } from "./offline-log.ts";

/** What is wrong with what the system has of these runs. */
export async function readBack(
  system: PeerSystem,
  worker: Worker,
  pool: Pool,
  runs: readonly string[],
  rows: readonly number[],
): Promise<string> {
  const read = system.logs
    ? readLogs(worker.folder, runs)
    : await worker.call<Record<string, Record<string, Tally>>>("read_back", { runs }, 180);
  return inWords(compareAll(pool, runs, rows, -1, read));
}
