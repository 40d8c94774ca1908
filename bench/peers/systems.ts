import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, prepareEnvironments } from "../../scripts/python-clients.mjs";
import { ROOT } from "../../scripts/toolchain.mjs";
import { Worker } from "./worker.ts";

const WORKERS = new URL("workers/", import.meta.url).pathname;
const NEWEST_CLIENT = CLIENTS.at(-1)?.version ?? "";

/** A tracker, or a store beside which trackers can be seen, and how the bench reaches it. */
export interface PeerSystem {
  name: string;
  /** File of bench/peers/workers that speaks for it. */
  worker: string;
  args?: readonly string[];
  /** Of `ENVIRONMENTS`; undefined = Node. */
  environment?: string;
  /** Another of `ENVIRONMENTS` that its server runs in. */
  needs?: string;
  /** Why it cannot run on this machine. */
  cannot?: string;
  /** What its `start` is told beside the folder. */
  options: Record<string, unknown>;
  /** When a row counts as written, and what a power cut then costs. */
  durable: string;
  /** It is asked the questions of charts and tables: one way of writing a system suffices for that. */
  asked?: true;
  /** A quick run leaves it out: it takes long, and another of its kind is there. */
  slow?: true;
  /** A store, not a tracker: shown apart, as a yardstick. */
  yardstick?: true;
  /** It speaks the wire in place of a client, whose calls could be measured. */
  wire?: true;
  /** No server takes what the client writes: it goes to files. */
  serverless?: true;
  /** What it writes are `.wandb` logs, which the bench reads by itself. */
  logs?: true;
}

/** Pinned: a figure is of these versions. */
const ENVIRONMENTS: Record<string, readonly string[]> = {
  [NEWEST_CLIENT]: [`wandb==${NEWEST_CLIENT}`, ...(CLIENTS.at(-1)?.with ?? [])],
  // The newest client with what its pictures need.
  pictures: [`wandb==${NEWEST_CLIENT}`, ...(CLIENTS.at(-1)?.with ?? []), "pillow==13.0.0"],
  mlflow: ["mlflow==3.17.2", "psycopg2-binary==2.9.13"],
  // setuptools: pkg_resources, which it still imports.
  tensorboard: ["tensorboard==2.21.0", "tensorboardX==2.6.5", "setuptools<81"],
  trackio: ["trackio==0.43.0"],
  // pillow: its pictures.
  swanlab: ["swanlab==0.10.3", "pillow==13.0.0"],
  aim: ["aim==3.29.1", "setuptools<81"],
  openwandb: ["openwandb==0.5.25"],
  chdb: ["chdb==4.4.0", "pyarrow==26.0.1", "numpy<3"],
  duckdb: ["duckdb==2.0.1", "pyarrow==26.0.1"],
};

const STEELYARD = { node: process.execPath, main: join(ROOT, "packages/server/src/main.ts") };

const POSTGRES = postgresBinaries();
const STEELYARD_DURABLE = "answered 200; SQLite WAL, synchronous=FULL";
const OPENWANDB_DURABLE = "answered 200; SQLite WAL, synchronous=FULL (the default)";
const OPENWANDB = { python: join(peersFolder(), "openwandb", "bin", "python") };

export const SYSTEMS: readonly PeerSystem[] = [
  {
    name: "Steelyard, TypeScript SDK",
    worker: "steelyard-sdk.ts",
    options: {},
    durable: `finish() returned; ${STEELYARD_DURABLE}`,
  },
  {
    name: "Steelyard, official client",
    worker: "wandb_client.py",
    args: ["steelyard"],
    environment: NEWEST_CLIENT,
    options: STEELYARD,
    durable: `finish() returned; ${STEELYARD_DURABLE}`,
  },
  {
    name: "OpenWandb, official client",
    worker: "wandb_client.py",
    args: ["openwandb"],
    environment: NEWEST_CLIENT,
    needs: "openwandb",
    options: OPENWANDB,
    durable: `finish() returned; ${OPENWANDB_DURABLE}`,
  },
  {
    name: "Steelyard, wire",
    worker: "steelyard.py",
    environment: NEWEST_CLIENT,
    options: STEELYARD,
    durable: STEELYARD_DURABLE,
    asked: true,
    wire: true,
  },
  {
    name: "OpenWandb, wire",
    worker: "openwandb_wire.py",
    environment: NEWEST_CLIENT,
    needs: "openwandb",
    options: OPENWANDB,
    durable: OPENWANDB_DURABLE,
    asked: true,
    wire: true,
  },
  {
    name: "MLflow, SQLite",
    worker: "mlflow_server.py",
    environment: "mlflow",
    options: { backend: "sqlite" },
    durable: "log_batch returned; SQLite rollback journal, synchronous=FULL (the defaults)",
    asked: true,
  },
  {
    name: "MLflow, PostgreSQL",
    worker: "mlflow_server.py",
    environment: "mlflow",
    options: { backend: "postgresql", postgres: POSTGRES },
    slow: true,
    durable: "log_batch returned; fsync on, synchronous_commit on (Debian's defaults)",
    asked: true,
    cannot: POSTGRES ? undefined : "no PostgreSQL here; install Debian's postgresql package",
  },
  {
    name: "Aim",
    worker: "aim_repository.py",
    environment: "aim",
    options: {},
    serverless: true,
    durable:
      "close() returned and the index has it; RocksDB's write-ahead log without fsync: a power cut loses the last seconds",
    asked: true,
  },
  {
    name: "Trackio",
    worker: "trackio_local.py",
    environment: "trackio",
    options: {},
    serverless: true,
    durable: "finish() returned; SQLite WAL, synchronous=NORMAL: a power cut loses the last commits",
    asked: true,
  },
  {
    name: "TensorBoard",
    worker: "tensorboard_files.py",
    environment: "tensorboard",
    options: {},
    serverless: true,
    durable: "files closed, then fsync by the bench",
    asked: true,
  },
  {
    name: "SwanLab, offline",
    worker: "swanlab_offline.py",
    environment: "swanlab",
    options: {},
    serverless: true,
    durable: "finish() returned; a log of its own without fsync",
  },
  {
    name: "ClickHouse (chdb)",
    worker: "columns.py",
    args: ["chdb"],
    environment: "chdb",
    options: {},
    durable: "INSERT returned; MergeTree with fsync_after_insert = 1",
    asked: true,
    yardstick: true,
  },
  {
    name: "DuckDB",
    worker: "columns.py",
    args: ["duckdb"],
    environment: "duckdb",
    options: {},
    durable: "INSERT committed; write-ahead log with fsync",
    asked: true,
    yardstick: true,
  },
  {
    name: "Parquet + zstd",
    worker: "columns.py",
    args: ["parquet"],
    environment: "duckdb",
    options: {},
    durable: "files closed, then fsync by the bench; nothing can be read before",
    asked: true,
    yardstick: true,
  },
];

/** Nobody's server: what the calls of a client cost by themselves, and the least that keeps rows. */
export const LOCAL_SYSTEMS: readonly PeerSystem[] = [
  {
    name: "Steelyard, TypeScript SDK, offline",
    worker: "steelyard-sdk.ts",
    args: ["offline"],
    options: {},
    durable: "finish() returned: its `.wandb` log, without fsync",
    serverless: true,
    logs: true,
  },
  {
    name: "official client, offline",
    worker: "wandb_client.py",
    args: ["offline"],
    environment: NEWEST_CLIENT,
    options: {},
    durable: "finish() returned: its `.wandb` log, without fsync",
    serverless: true,
    logs: true,
  },
  {
    name: "floor: JSON rows to a file",
    worker: "floor.py",
    environment: NEWEST_CLIENT,
    options: {},
    serverless: true,
    durable: "file closed, with fsync",
    yardstick: true,
  },
];

/** System → why it cannot be measured here; environments are made on the way. */
export function prepareSystems(systems: readonly PeerSystem[]): Map<string, string> {
  const wanted = [
    ...new Set(systems.flatMap(({ environment, needs }) => [environment ?? [], needs ?? []].flat())),
  ];
  const reasons = new Map<string | undefined, string>();
  const prepare = (folder: string, names: string[]) => {
    const environments = names.map((name) => ({ name, packages: ENVIRONMENTS[name] ?? [] }));
    for (const { name, reason } of prepareEnvironments(folder, environments)) reasons.set(name, reason);
  };
  prepare(
    clientsFolder(),
    wanted.filter((name) => name === NEWEST_CLIENT),
  );
  prepare(
    peersFolder(),
    wanted.filter((name) => name !== NEWEST_CLIENT),
  );
  const missing = new Map<string, string>();
  for (const { name, environment, needs, cannot } of systems) {
    const reason = [environment, needs, undefined].map((one) => reasons.get(one)).find(Boolean);
    if (cannot) missing.set(name, cannot);
    else if (reason && environment) missing.set(name, `could not be installed: ${reason}`);
  }
  return missing;
}

/** Those of BENCH_SYSTEMS (beginnings of names, with commas); when it is not set, all, of a quick run the quick ones. */
export function wantedSystems(systems: readonly PeerSystem[], quick = false): readonly PeerSystem[] {
  const wanted = process.env.BENCH_SYSTEMS?.split(",");
  if (wanted) return systems.filter(({ name }) => wanted.some((one) => name.startsWith(one)));
  return quick ? systems.filter(({ slow }) => !slow) : systems;
}

/** The same system, able to log pictures. */
export function withPictures(system: PeerSystem): PeerSystem {
  return system.environment === NEWEST_CLIENT ? { ...system, environment: "pictures" } : system;
}

/** For a table's cell: a system's reason why there is no answer. */
export function failureOf({ message }: Error): string {
  const [, kind, words] = /^(NotThere|TooLong): (.*)/.exec(message) ?? [];
  if (kind) return kind === "NotThere" ? `none: ${words}` : `${words}`;
  return message.split("\n")[0]?.slice(0, 160) ?? "";
}

/** Start its worker and itself, empty. Throws, with its own words, when it does not start. */
export async function startSystem(system: PeerSystem): Promise<Worker> {
  const worker = launch(system);
  return ready(worker, worker.call("start", { folder: worker.folder, ...system.options }, 400));
}

/** Another process of a system that was started: `connection` is what that worker answers to the question of this name. */
export async function attachSystem(system: PeerSystem, connection: object): Promise<Worker> {
  const worker = launch(system);
  return ready(worker, worker.call("attach", connection, 120));
}

async function ready(worker: Worker, begun: Promise<unknown>): Promise<Worker> {
  try {
    await begun;
    return worker;
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

function launch({ worker: file, args = [], environment }: PeerSystem): Worker {
  const path = join(WORKERS, file);
  const python = environment ? join(folderOf(environment), environment, "bin", "python") : "";
  return environment
    ? new Worker(python, [path, ...args], {
        PATH: `${join(python, "..")}:${process.env.PATH}`,
        PYTHONPATH: WORKERS,
      })
    : new Worker(process.execPath, [path, ...args]);
}

/** Of the packages a system is made of, as installed. */
export function versionOf({ environment, needs, args, worker }: PeerSystem): string {
  const distributions = [
    ...(worker === "wandb_client.py" ? ["wandb"] : []),
    ...(needs ? [needs] : []),
    ...(args?.[0] === "parquet" ? ["pyarrow"] : []),
    ...(environment && ![NEWEST_CLIENT, "pictures"].includes(environment) && !needs && args?.[0] !== "parquet"
      ? [environment]
      : []),
  ];
  const versions = distributions.map(
    (name) =>
      `${name} ${installedVersion(name, name === "wandb" ? NEWEST_CLIENT : name === "pyarrow" ? "duckdb" : name)}`,
  );
  return [
    ...(worker.startsWith("steelyard") || args?.[0] === "steelyard" ? ["this tree"] : []),
    ...versions,
  ].join(", ");
}

function installedVersion(distribution: string, environment: string): string {
  const [found] = globSync(`lib/*/site-packages/${distribution}-*.dist-info`, {
    cwd: join(folderOf(environment), environment),
  });
  return found?.split(`${distribution}-`).at(-1)?.replace(".dist-info", "") ?? "?";
}

function folderOf(environment: string): string {
  return environment === NEWEST_CLIENT ? clientsFolder() : peersFolder();
}

function clientsFolder(): string {
  return process.env.STEELYARD_TEST_VENVS ?? join(ROOT, ".venvs");
}

/** Virtual environments of the peers: STEELYARD_BENCH_VENVS, else a folder that git ignores. */
function peersFolder(): string {
  return process.env.STEELYARD_BENCH_VENVS ?? join(ROOT, ".cache", "peers");
}

/** The newest PostgreSQL of Debian's package; undefined when there is none. */
export function postgresBinaries(): string | undefined {
  return globSync("/usr/lib/postgresql/*/bin")
    .filter((path) => existsSync(join(path, "initdb")))
    .sort()
    .at(-1);
}
