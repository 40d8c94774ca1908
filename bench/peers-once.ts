/**
 * Exactly once, beside the other server of the same wire: the official client logs at a pace through a network that loses
 * answers, and through a server that is killed and started again. What the server has then is compared with what was logged.
 */
import { versionOf } from "./peers/environments.ts";
import { compareAll, inWords } from "./peers/faithful.ts";
import { openLossyProxy } from "./peers/lossy-proxy.ts";
import { failureOf, openBench, withSystem } from "./peers/opening.ts";
import { SYSTEMS } from "./peers/systems.ts";
import type { Worker } from "./peers/worker.ts";
import { makePool } from "./peers/workload.ts";
import { writeReport } from "./report/write.ts";

const { quick, systems, missing } = openBench(SYSTEMS.filter(({ worker }) => worker === "wandb_client.py"));
const ROWS_A_SECOND = 100;
const ROWS = ROWS_A_SECOND * (quick ? 3 : 20);
const FAULTS = {
  ...(!quick && { "nothing goes wrong": { loseEvery: 0 } }),
  "every second answer is lost after the server gave it": { loseEvery: 2 },
  "the server is killed with -9 and started again": { loseEvery: 0, killAt: Math.floor(ROWS / 2) },
};

const pool = makePool(5, ROWS);
const rows: string[][] = [];
for (const system of systems) {
  for (const [fault, { loseEvery, ...more }] of Object.entries(FAULTS)) {
    const reason = missing.get(system.name);
    const line = reason
      ? [reason, ""]
      : await withSystem(system, (worker) => measure(worker, loseEvery, more)).catch((error: Error) => [
          failureOf(error),
          "",
        ]);
    console.error(`   ${system.name}, ${fault}: ${line.join(", ")}`);
    rows.push([system.name, fault, ...line]);
  }
}
pool.remove();
writeReport([
  {
    kind: "text",
    text: `${ROWS.toLocaleString("en")} rows of 5 keys, ${ROWS_A_SECOND} a second, by the official client with a request a second. Versions: ${systems.map((system) => `${system.name}: ${versionOf(system)}`).join("; ")}.`,
  },
  {
    kind: "table",
    title: "What the server has, of what was logged",
    head: ["server", "what goes wrong", "requests, answers lost", "values at the server"],
    rows,
  },
]);

async function measure(
  worker: Worker,
  loseEvery: number,
  { killAt }: { killAt?: number },
): Promise<string[]> {
  let proxy: Awaited<ReturnType<typeof openLossyProxy>> | undefined;
  try {
    proxy = await openLossyProxy(await worker.call<string>("address"), loseEvery);
    await worker.call("paced", {
      pool: pool.path,
      run: "once",
      rows: ROWS,
      rows_a_second: ROWS_A_SECOND,
      proxy: proxy.url,
      kill_at: killAt,
    });
    const read = await worker.call<Parameters<typeof compareAll>[4]>("read_back", { runs: ["once"] });
    const { requests, lost } = proxy.counts();
    return [`${requests}, ${lost}`, inWords(compareAll(pool, ["once"], [ROWS], -1, read))];
  } finally {
    proxy?.close();
  }
}
