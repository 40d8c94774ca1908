import { Command } from "commander";
import { type Connection, connectionOf, exchange } from "steelyard/command-line";
import { settingsOf } from "../../api.ts";
import { EXIT } from "../../exit-status.ts";
import { PROGRAM, print, printJson, styled, table, warn } from "../../terminal.ts";
import { configOf, dataFolder, type PlaceOptions, withPlaces } from "./data.ts";

const TIMEOUT_MS = 5000;

export function serverStatusCommand(): Command {
  return withPlaces(
    new Command("status").description(
      "is the server of the settings there, and what is in the data folder here",
    ),
  )
    .option("--json", "as JSON")
    .action(async (options: PlaceOptions & { json?: boolean }) => {
      const connection = connectionOf(settingsOf(), "", warn);
      const { baseUrl } = connection;
      const [alive, ready, metrics] = await Promise.all(
        ["/healthz", "/readyz", "/metrics"].map((path) => answerOf(connection, baseUrl + path)),
      );
      const started = numberOf(metrics, "process_start_time_seconds");
      const status = {
        url: baseUrl,
        alive: alive !== undefined,
        ready: ready !== undefined,
        startedAt: started === undefined ? null : new Date(started * 1000).toISOString(),
        storedBytes: {
          catalog: numberOf(metrics, 'steelyard_stored_bytes{store="catalog"}') ?? null,
          metrics: numberOf(metrics, 'steelyard_stored_bytes{store="metrics"}') ?? null,
          blobs: numberOf(metrics, 'steelyard_stored_bytes{store="blobs"}') ?? null,
        },
        data: (await dataHere(options)) ?? null,
      };
      if (!status.ready) process.exitCode = EXIT.failed;
      if (options.json) printJson(status);
      else print(told(status));
    });
}

/** Undefined where the server's package is not installed, or there is no data. */
async function dataHere(options: PlaceOptions) {
  const asked = Object.values(options).some((value) => typeof value === "string");
  try {
    return (await dataFolder()).stateOf(await configOf(options));
  } catch (error) {
    if (asked) throw error;
    return undefined;
  }
}

function told(status: {
  url: string;
  alive: boolean;
  ready: boolean;
  startedAt: string | null;
  storedBytes: Record<string, number | null>;
  data: Awaited<ReturnType<typeof dataHere>> | null;
}): string {
  const { url, alive, ready, startedAt, storedBytes, data } = status;
  const yes = styled("green", "yes", process.stdout);
  const no = styled("red", "no", process.stdout);
  const rows = [
    ["address", url],
    ["answers", alive ? yes : `${no}; start one with \`${PROGRAM} server start\`, or check WANDB_BASE_URL`],
  ];
  if (alive) rows.push(["ready", ready ? yes : no]);
  if (startedAt) rows.push(["since", startedAt]);
  for (const [store, bytes] of Object.entries(storedBytes))
    if (bytes !== null) rows.push([`stored, ${store}`, `${bytes} bytes`]);
  if (data)
    rows.push(
      ["data folder here", data.dataDir],
      ["  in use", data.inUse ? "by a server" : "no"],
      ["  catalog", `schema ${data.catalogSchema}, ${data.catalogBytes} bytes`],
      ["  metrics", `format ${data.metricsFormat}, ${data.metricsBytes} bytes`],
    );
  return table(rows);
}

async function answerOf(connection: Connection, url: string): Promise<string | undefined> {
  try {
    const answer = await exchange(connection, { method: "GET", url }, TIMEOUT_MS);
    let text = "";
    for await (const part of answer.setEncoding("utf8")) text += part;
    return answer.statusCode === 200 ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Of Prometheus' text. */
function numberOf(metrics: string | undefined, name: string): number | undefined {
  const line = metrics?.split("\n").find((text) => text.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}
