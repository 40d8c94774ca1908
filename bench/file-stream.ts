/**
 * Ingest by the door the clients use: `POST …/file_stream` over keep-alive connections to a server that is its own
 * process, from a generator on the same cores. A request is counted when it was answered 200, which means durable; at the
 * end every run is asked how many lines it has, and its last row is compared. `node bench/file-stream.ts [--quick]`.
 */
import { Agent, request } from "node:http";
import { cpus } from "node:os";
import { type RunningServer, startServer } from "../conformance/server.ts";

const quick = process.argv.includes("--quick");
const KEYS = 10;
const CREATE = `mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted } }`;

console.log(`file_stream, ${cpus().length} cores shared by server and generator, Node ${process.version}`);
for (const runs of quick ? [10] : [1, 10, 100]) {
  // A client sends what has gathered: many rows at once when it logs fast, a few when it does not.
  await measure(runs, 1000, Math.ceil((quick ? 200 : 1000) / runs));
}
await measure(10, 10, quick ? 50 : 300);
// As the clients do while a run is young: the summary changes with every row and goes with it.
await measure(10, 10, quick ? 50 : 300, true);
await makeRuns(quick ? 2 : 10, 32);

/** A row of 10 keys: `_step`, `_runtime`, `_timestamp`, an epoch, and six float32 curves, as training scripts log. */
function row(step: number): string {
  let text = `{"_step":${step},"_runtime":${step * 0.11},"_timestamp":${1_763_900_000 + step * 0.11},"epoch":${Math.floor(step / 500)}`;
  for (let key = 0; key < KEYS - 4; key++) {
    const value = Math.exp(-step / 20_000) * (1 + 0.1 * Math.sin(step * (key + 1.3)));
    text += `,"curve_${key}":${Math.fround(value)}`;
  }
  return `${text}}`;
}

async function measure(
  runs: number,
  rowsAtOnce: number,
  requests: number,
  withSummary = false,
): Promise<void> {
  const server = await startServer();
  try {
    for (let run = 0; run < runs; run++)
      await server.query(CREATE, { i: { modelName: "bench", name: `r${run}` } });
    // Made before the clock starts, and the same for every run: the generator should cost little.
    const bodies = Array.from({ length: requests }, (_, at) => {
      const content = Array.from({ length: rowsAtOnce }, (_, i) => row(at * rowsAtOnce + i));
      const history = { "wandb-history.jsonl": { offset: at * rowsAtOnce, content } };
      const summary = { "wandb-summary.json": { offset: 0, content: content.slice(-1) } };
      return Buffer.from(JSON.stringify({ files: { ...history, ...(withSummary ? summary : {}) } }));
    });
    const agent = new Agent({ keepAlive: true, maxSockets: runs });
    const waits: number[] = [];
    const cpuBefore = await cpuSeconds(server);
    const began = performance.now();
    await Promise.all(
      Array.from({ length: runs }, async (_, run) => {
        for (const body of bodies) {
          const asked = performance.now();
          await post(server, agent, run, body);
          waits.push(performance.now() - asked);
        }
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const cpu = (await cpuSeconds(server)) - cpuBefore;
    agent.destroy();
    await compare(server, runs, requests * rowsAtOnce);
    const points = runs * requests * rowsAtOnce * KEYS;
    console.log(
      `${String(runs).padStart(3)} runs, ${String(rowsAtOnce).padStart(4)} rows${withSummary ? " and a summary" : ""} a request: ` +
        `${(points / seconds / 1e6).toFixed(2)} M points/s, ${Math.round((runs * requests) / seconds)} requests/s, ` +
        `answered in p50 ${quantile(waits, 0.5).toFixed(1)} ms, p95 ${quantile(waits, 0.95).toFixed(1)} ms, p99 ${quantile(waits, 0.99).toFixed(1)} ms, ` +
        `server ${((cpu / points) * 1e6).toFixed(2)} µs of processor a point, ${(await residentMb(server)).toFixed(0)} MB`,
    );
  } finally {
    await server.stop();
  }
}

function post(server: RunningServer, agent: Agent, run: number, body: Buffer): Promise<void> {
  return send(server, agent, `/files/admin/bench/r${run}/file_stream`, body);
}

function send(server: RunningServer, agent: Agent, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      server.url + path,
      {
        agent,
        method: "POST",
        headers: {
          authorization: `Bearer ${server.apiKey}`,
          "content-type": "application/json",
          "content-length": body.length,
        },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Runs that begin and end by the wire, many at once: the first thousand after one that warms up, and the last. */
async function makeRuns(thousands: number, inFlight: number): Promise<void> {
  const server = await startServer();
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  try {
    let made = 0;
    const make = async (end: number) => {
      while (made < end) {
        const name = `r${made++}`;
        const config = JSON.stringify({ seed: { value: made }, lr: { value: 1 / made } });
        const variables = { i: { modelName: "bench", name, config } };
        await send(server, agent, "/graphql", Buffer.from(JSON.stringify({ query: CREATE, variables })));
        const summary = { offset: 0, content: [JSON.stringify({ loss: Math.sin(made), epoch: made % 100 })] };
        const body = { files: { "wandb-summary.json": summary }, complete: true, exitcode: 0 };
        await send(
          server,
          agent,
          `/files/admin/bench/${name}/file_stream`,
          Buffer.from(JSON.stringify(body)),
        );
      }
    };
    for (let end = 1000; end <= (thousands + 1) * 1000; end += 1000) {
      const cpuBefore = await cpuSeconds(server);
      const began = performance.now();
      await Promise.all(Array.from({ length: inFlight }, () => make(end)));
      const seconds = (performance.now() - began) / 1000;
      const cpu = (await cpuSeconds(server)) - cpuBefore;
      if (end === 2000 || end === (thousands + 1) * 1000)
        console.log(
          `runs made, ${inFlight} at once, ${end / 1000 - 1} k there: ${Math.round(1000 / seconds)} runs/s, ` +
            `server ${Math.round(cpu * 1000)} µs of processor a run (upsertBucket, and a file_stream with its summary and its end)`,
        );
    }
    const { project } = await server.query<{ project: { runCount: number } }>(
      `{ project(name: "bench", entityName: "admin") { runCount(filters: "{\\"state\\": \\"finished\\"}") } }`,
    );
    if (project.runCount !== made) throw new Error(`${project.runCount} of ${made} runs are there`);
  } finally {
    agent.destroy();
    await server.stop();
  }
}

/** Throws unless every run has every line, and its last row is the one that was sent. */
async function compare(server: RunningServer, runs: number, rows: number): Promise<void> {
  interface Read {
    project: { run: { historyLineCount: number; historyTail: string } };
  }
  for (let run = 0; run < runs; run++) {
    const { project } = await server.query<Read>(
      `query($n: String!) { project(name: "bench", entityName: "admin") { run(name: $n) { historyLineCount historyTail } } }`,
      { n: `r${run}` },
    );
    const [last = ""] = JSON.parse(project.run.historyTail) as string[];
    if (project.run.historyLineCount !== rows || last !== row(rows - 1))
      throw new Error(`run r${run} has ${project.run.historyLineCount} of ${rows} lines, the last: ${last}`);
  }
}

async function metric(server: RunningServer, name: string): Promise<number> {
  const text = await (await server.fetch("/metrics")).text();
  return Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1] ?? Number.NaN);
}
function cpuSeconds(server: RunningServer): Promise<number> {
  return metric(server, "process_cpu_seconds_total");
}

async function residentMb(server: RunningServer): Promise<number> {
  return (await metric(server, "process_resident_memory_bytes")) / 2 ** 20;
}

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
