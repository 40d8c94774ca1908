import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { newestClient, runScript } from "./python.ts";
import { exitOf, PROJECT, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

let server: RunningServer;
let dir: string;
before(async () => {
  server = await startServer();
  dir = mkdtempSync(join(tmpdir(), "steelyard-system-"));
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

type Sample = Record<string, number>;

/** System metrics as the server has them, without what every line has and the `system.` before a name. */
async function samplesOf(name: string): Promise<Sample[]> {
  const { project } = await server.query<{ project: { run: { events: string[] } } }>(
    `query($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) { events } } }`,
    { name },
  );
  return project.run.events.map((line) =>
    Object.fromEntries(
      Object.entries(JSON.parse(line) as Sample).flatMap(([key, value]) =>
        key.startsWith("system.") ? [[key.slice("system.".length), value]] : [],
      ),
    ),
  );
}

const namesOf = (samples: Sample[]) => new Set(samples.flatMap((sample) => Object.keys(sample)));

interface Facts {
  metadata: Record<string, unknown>;
  story: string;
  tookMs: number;
}

/** A run of the SDK on a machine with these tools; what it says of the machine, and the story of its thread. */
async function measured(
  id: string,
  {
    body,
    tools = {},
    variables = {},
  }: { body: string; tools?: Record<string, string>; variables?: Record<string, string> },
): Promise<Facts> {
  const bin = join(dir, `bin-${id}`);
  mkdirSync(bin);
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const own = { PATH: `${bin}:${process.env.PATH}`, WANDB_X_STATS_SAMPLING_INTERVAL: "0.2", ...variables };
  const before = Object.fromEntries(Object.keys(own).map((name) => [name, process.env[name]]));
  Object.assign(process.env, own);
  const child = startScript(server, dir, id, `${body}\nconsole.log(run.dir, process.pid)`, {
    init: `console: false`,
  });
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  let out = "";
  child.stdout?.on("data", (part) => {
    out += part;
  });
  const began = Date.now();
  assert.equal(await exitOf(child), 0);
  const [folder = ""] = out.trim().split(" ");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return {
    metadata: JSON.parse(read("wandb-metadata.json")),
    story: read("../logs/debug-internal.log"),
    tookMs: Date.now() - began,
  };
}

const BUSY = `const endMs = Date.now() + 1500;
while (Date.now() < endMs) { const turnMs = Date.now() + 10; while (Date.now() < turnMs); await new Promise((resolve) => setImmediate(resolve)); }`;

test("metrics of the machine are those of the official client, by the same names", async () => {
  await measured("system-ours", { body: BUSY });
  const ours = await samplesOf("system-ours");
  const all = [...namesOf(ours)];
  const node = all.filter((name) => name.startsWith("proc.node."));
  assert.deepEqual(node.sort(), [
    "proc.node.eventLoopDelayMaxMs",
    "proc.node.eventLoopDelayMeanMs",
    "proc.node.eventLoopDelayP99Ms",
    "proc.node.externalMB",
    "proc.node.heapTotalMB",
    "proc.node.heapUsedMB",
  ]);
  for (const sample of ours)
    for (const [name, value] of Object.entries(sample)) assert.ok(Number.isFinite(value) && value >= 0, name);
  const shares = ours.map(({ cpu = 0 }) => cpu).sort((a, b) => a - b);
  // Of all processors: one thread is at most its share, and what else the process does.
  assert.ok((shares.at(-1) ?? 0) > 5 / cpus().length, `${shares} %`);
  // Where a sample is taken late, the next has more in less time: most are not.
  assert.ok((shares[shares.length >> 1] ?? Number.NaN) <= 110, `${shares} %`);
  const last = ours.at(-1) as Sample;
  assert.ok((last["proc.memory.rssMB"] ?? 0) > 20 && (last["proc.cpu.threads"] ?? 0) > 3);
  if (!newestClient) return;
  const env = { WANDB_X_STATS_SAMPLING_INTERVAL: "0.5" };
  const { code, stderr } = await runScript(newestClient, "system_metrics.py", server, { env });
  assert.equal(code, 0, stderr);
  const theirs = namesOf(await samplesOf("system-theirs"));
  // Which disks there are below a container, each finds out in its own way.
  const shared = (names: Iterable<string>) =>
    [...names].filter((name) => !/^proc\.node\.|^disk\.[^/]+\.(in|out)$/.test(name)).sort();
  assert.deepEqual(shared(all), shared(theirs));
});

test("a thread that does not come round is told of while it does not, and its heap when it does", async () => {
  await measured("delay", {
    body: `const kept = []; const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const { readFileSync } = await import("node:fs");
const samples = () => readFileSync(run.dir + "/../run-delay.wandb", "latin1").split("proc.node.heapUsedMB").length;
const more = async (count) => { for (const end = samples() + count; samples() < end; ) await wait(50); };
await more(1);
const endMs = Date.now() + 1500; while (Date.now() < endMs);
for (let n = 0; n < 2e6; n++) kept.push({ n });
await more(3);
globalThis.kept = kept;`,
  });
  const samples = await samplesOf("delay");
  const of = (name: string) => samples.map((sample) => sample[name] ?? 0);
  const delays = of("proc.node.eventLoopDelayMaxMs");
  const longest = Math.max(...delays);
  assert.ok(longest > 1000, delays.join(" "));
  assert.ok((delays.at(-1) ?? 0) < longest / 2, delays.join(" "));
  const heaps = of("proc.node.heapUsedMB").filter((value) => value > 0);
  assert.ok(Math.max(...heaps) > (heaps[0] ?? 0) + 30, heaps.join(" "));
});

/** As an H100 and an older card answer; the parent of the tool is the process that asks. */
const NVIDIA_SMI = `case "$*" in
*encoder*) echo 'Field "utilization.encoder" is not a valid field to query.'; exit 2;;
*--query-gpu=index,name*)
  echo "0, NVIDIA H100 80GB HBM3, 81559, GPU-11111111-1111-1111-1111-111111111111, 9.0"
  echo "1, Tesla T4, 15360, GPU-22222222-2222-2222-2222-222222222222, 7.5";;
*--query-gpu=index,uuid*)
  echo "0, GPU-11111111-1111-1111-1111-111111111111, 81559, 97, 41, 40780, 56, 350.25, 700.00, 1980, 2619, 1980, 0, 0, [N/A], 5, 16, 5, 16"
  echo "1, GPU-22222222-2222-2222-2222-222222222222, 15360, 0, 0, 0, 33, 9.80, 70.00, 300, 405, 300, [N/A], [N/A], 40, 1, 8, 3, 16";;
*--query-compute-apps*) echo "$PPID, GPU-11111111-1111-1111-1111-111111111111"; echo "1, GPU-22222222-2222-2222-2222-222222222222";;
"") echo "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4     |";;
*) echo "unexpected $*" >&2; exit 9;;
esac`;
/** Until that file of the run's folder has the text. */
const until = (file: string, text: string) =>
  `const { existsSync, readFileSync } = await import("node:fs");
const file = run.dir + "/../" + ${JSON.stringify(file)}.replace("ID", run.id);
while (!existsSync(file) || !readFileSync(file).includes(${JSON.stringify(text)})) await new Promise((resolve) => setTimeout(resolve, 20));`;
const MEASURED = until("run-ID.wandb", "gpu.1.gpu");

test("NVIDIA GPUs: each one, those that this process uses once more, and what they are", async () => {
  const { metadata } = await measured("nvidia", { body: MEASURED, tools: { "nvidia-smi": NVIDIA_SMI } });
  assert.deepEqual(
    [metadata.gpu, metadata.gpu_count, metadata.cudaVersion, metadata.gpu_nvidia],
    [
      "NVIDIA H100 80GB HBM3",
      2,
      "12.4",
      [
        {
          name: "NVIDIA H100 80GB HBM3",
          memoryTotal: String(81559 * 2 ** 20),
          architecture: "Hopper",
          uuid: "GPU-11111111-1111-1111-1111-111111111111",
        },
        {
          name: "Tesla T4",
          memoryTotal: String(15360 * 2 ** 20),
          architecture: "Turing",
          uuid: "GPU-22222222-2222-2222-2222-222222222222",
        },
      ],
    ],
  );
  const sample = (await samplesOf("nvidia")).find((values) => "gpu.0.gpu" in values) as Sample;
  const first = {
    gpu: 97,
    memory: 41,
    memoryAllocated: (100 * 40780) / 81559,
    memoryAllocatedBytes: 40780 * 2 ** 20,
    temp: 56,
    powerWatts: 350.25,
    powerPercent: (100 * 350.25) / 700,
    enforcedPowerLimitWatts: 700,
  };
  const named = (prefix: string, values: object) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
  assert.deepEqual(sample, {
    ...named("gpu.0.", {
      ...first,
      smClock: 1980,
      memoryClock: 2619,
      graphicsClock: 1980,
      correctedMemoryErrors: 0,
      uncorrectedMemoryErrors: 0,
      pcieLinkGen: 5,
      pcieLinkWidth: 16,
      maxPcieLinkGen: 5,
      maxPcieLinkWidth: 16,
    }),
    ...named("gpu.process.0.", first),
    ...named("gpu.1.", {
      gpu: 0,
      memory: 0,
      memoryAllocated: 0,
      memoryAllocatedBytes: 0,
      temp: 33,
      powerWatts: 9.8,
      powerPercent: (100 * 9.8) / 70,
      enforcedPowerLimitWatts: 70,
      smClock: 300,
      memoryClock: 405,
      graphicsClock: 300,
      fanSpeed: 40,
      pcieLinkGen: 1,
      pcieLinkWidth: 8,
      maxPcieLinkGen: 3,
      maxPcieLinkWidth: 16,
    }),
  });
});

test("WANDB_X_STATS_GPU_DEVICE_IDS: the GPUs that are measured", async () => {
  await measured("chosen", {
    body: MEASURED,
    tools: { "nvidia-smi": NVIDIA_SMI },
    variables: { WANDB_X_STATS_GPU_DEVICE_IDS: "[1]" },
  });
  const names = [...namesOf(await samplesOf("chosen"))].filter((name) => name.startsWith("gpu."));
  assert.ok(names.length > 10 && names.every((name) => name.startsWith("gpu.1.")), names.join());
});

test("AMD GPUs, by rocm-smi", async () => {
  const card = {
    "GPU use (%)": "87",
    "GPU Memory Allocated (VRAM%)": "12",
    "GPU Memory Read/Write Activity (%)": "3",
    "GPU Memory OverDrive value (%)": "0",
    "Temperature (Sensor memory) (C)": "45.0",
    "Average Graphics Package Power (W)": "140.0",
    "Max Graphics Package Power (W)": "560.0",
    "Unique ID": "0x7d",
    "Card Series": "AMD INSTINCT MI250",
    "Card SKU": "D65210",
  };
  const { metadata } = await measured("amd", {
    body: until("run-ID.wandb", "gpu.0.gpu"),
    tools: {
      "rocm-smi": `echo "WARNING: a line before"; echo '${JSON.stringify({ card0: card, system: { "Driver version": "6.3" } })}'`,
    },
  });
  assert.deepEqual(
    [metadata.gpu, metadata.gpu_count, metadata.gpu_amd],
    [
      "AMD INSTINCT MI250",
      1,
      [
        {
          id: "0",
          uniqueId: "0x7d",
          gpuMemoryOverdrive: "0",
          maxPower: "560.0",
          series: "AMD INSTINCT MI250",
          sku: "D65210",
        },
      ],
    ],
  );
  assert.deepEqual(
    (await samplesOf("amd")).find((values) => "gpu.0.gpu" in values),
    {
      "gpu.0.gpu": 87,
      "gpu.0.memoryAllocated": 12,
      "gpu.0.memoryReadWriteActivity": 3,
      "gpu.0.memoryOverDrive": 0,
      "gpu.0.temp": 45,
      "gpu.0.powerWatts": 140,
      "gpu.0.powerPercent": 25,
    },
  );
});

test("a tool that fails, or hangs, is a line in the run's story and holds nothing up", async () => {
  const failed = await measured("gpu-fails", {
    body: until("logs/debug-internal.log", '"asksAgain":false'),
    tools: {
      "nvidia-smi":
        "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9",
    },
  });
  assert.equal(
    failed.story.match(/nvidia-smi tells nothing.*could not communicate/g)?.length,
    4,
    failed.story,
  );
  assert.equal("gpu" in failed.metadata, false);
  const hung = await measured("gpu-hangs", {
    body: `run.log({ x: 1 });`,
    tools: { "nvidia-smi": "exec sleep 60" },
  });
  // The tool is at it for a minute.
  assert.ok(hung.tookMs < 45_000, `${hung.tookMs} ms`);
  assert.equal(hung.metadata.cpu_count_logical, cpus().length);
  for (const id of ["gpu-fails", "gpu-hangs"]) assert.ok((await samplesOf(id)).length > 0);
});

test("STEELYARD_SLURM_HIDDEN: which variables of the job stay out of the metadata", async () => {
  const job = { SLURM_JOB_ID: "7", SLURM_JOB_NAME: "train", SLURM_JWT: "hush", SLURM_ACCOUNT: "lab" };
  const { metadata } = await measured("slurm", { body: "", variables: job });
  assert.deepEqual(metadata.slurm, { job_id: "7", job_name: "train", account: "lab" });
  const { metadata: less } = await measured("slurm-less", {
    body: "",
    variables: { ...job, STEELYARD_SLURM_HIDDEN: "*ACCOUNT,SLURM_J?T,*JWT" },
  });
  assert.deepEqual(less.slurm, { job_id: "7", job_name: "train" });
});

test("the machine is in the config too, a record for each process that wrote the run", async () => {
  const writers: unknown[] = [];
  for (let start = 0; start < 2; start++) {
    const bin = { body: "", variables: { WANDB_RESUME: "allow" } };
    rmSync(join(dir, "bin-writers"), { recursive: true, force: true });
    const { metadata } = await measured("writers", bin);
    assert.match(String(metadata.writerId), /^[0-9a-f-]{36}$/);
    writers.push(metadata.writerId);
    assert.deepEqual(metadata.memory, { total: String((metadata.memory as { total: string }).total) });
  }
  const { project } = await server.query<{ project: { run: { config: string } } }>(
    `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "writers") { config } } }`,
  );
  const { e } = JSON.parse(project.run.config)._wandb.value as { e: Record<string, Record<string, unknown>> };
  assert.deepEqual(Object.keys(e).sort(), [...writers].sort());
  for (const [id, record] of Object.entries(e))
    assert.deepEqual([record.writerId, record.cpu_count_logical], [id, cpus().length]);
});

test("WANDB_X_DISABLE_MACHINE_INFO: nothing of the machine leaves it", async () => {
  const own = { WANDB_X_DISABLE_MACHINE_INFO: "true" };
  const before = process.env.WANDB_X_DISABLE_MACHINE_INFO;
  Object.assign(process.env, own);
  const child = startScript(server, dir, "no-machine", "run.log({ x: 1 })");
  if (before === undefined) delete process.env.WANDB_X_DISABLE_MACHINE_INFO;
  assert.equal(await exitOf(child), 0);
  const { project } = await server.query<{ project: { run: Record<string, unknown> } }>(
    `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "no-machine") { host commit eventsLineCount config files { edges { node { name } } } } } }`,
  );
  const { host, commit, eventsLineCount, config, files } = project.run;
  assert.deepEqual([host || null, commit || null, eventsLineCount], [null, null, 0]);
  assert.ok(!String(config).includes('"e"') && !JSON.stringify(files).includes("wandb-metadata.json"));
});
