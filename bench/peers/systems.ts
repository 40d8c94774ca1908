import { join } from "node:path";
import { ROOT } from "../../scripts/toolchain.mjs";
import { NEWEST_CLIENT, peersFolder, postgresBinaries } from "./environments.ts";

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
  /** What is on as it comes out of the box, and off where systems are compared; undefined = nothing. */
  asItComes?: string;
  /** It is asked the questions of charts and tables: one way of writing a system suffices for that. */
  asked?: true;
  /** A quick run, which BENCH_SYSTEMS can have it in, leaves it out: it takes long to start or to try. */
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

const STEELYARD = { node: process.execPath, main: join(ROOT, "packages/server/src/main.ts") };

const POSTGRES = postgresBinaries();
const STEELYARD_DURABLE = "answered 200; SQLite WAL, synchronous=FULL";
const OPENWANDB_DURABLE = "answered 200; SQLite WAL, synchronous=FULL (the default)";
/** Of the clients. */
const AS_IT_COMES = "system metrics, console, git, machine";
const OPENWANDB = { python: join(peersFolder(), "openwandb", "bin", "python") };

export const SYSTEMS: readonly PeerSystem[] = [
  {
    name: "Steelyard, TypeScript SDK",
    worker: "steelyard-sdk.ts",
    options: {},
    durable: `finish() returned; ${STEELYARD_DURABLE}`,
    asItComes: AS_IT_COMES,
  },
  {
    name: "Steelyard, official client",
    worker: "wandb_client.py",
    args: ["steelyard"],
    environment: NEWEST_CLIENT,
    options: STEELYARD,
    durable: `finish() returned; ${STEELYARD_DURABLE}`,
    asItComes: AS_IT_COMES,
  },
  {
    name: "OpenWandb, official client",
    worker: "wandb_client.py",
    args: ["openwandb"],
    environment: NEWEST_CLIENT,
    needs: "openwandb",
    options: OPENWANDB,
    durable: `finish() returned; ${OPENWANDB_DURABLE}`,
    asItComes: AS_IT_COMES,
    slow: true,
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
    slow: true,
  },
  {
    name: "MLflow, SQLite",
    worker: "mlflow_server.py",
    environment: "mlflow",
    options: { backend: "sqlite" },
    durable: "log_batch returned; SQLite rollback journal, synchronous=FULL (the defaults)",
    asked: true,
    asItComes: "its fluent calls; four workers, queues of jobs; SQLite",
    slow: true,
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
    asItComes: "system metrics, console, packages",
    slow: true,
  },
  {
    name: "Trackio",
    worker: "trackio_local.py",
    environment: "trackio",
    options: {},
    serverless: true,
    durable: "finish() returned; SQLite WAL, synchronous=NORMAL: a power cut loses the last commits",
    asked: true,
    asItComes: "system metrics",
  },
  {
    name: "TensorBoard",
    worker: "tensorboard_files.py",
    environment: "tensorboard",
    options: {},
    serverless: true,
    durable: "files closed, then fsync by the bench",
    asked: true,
    asItComes: "no fsync at the end",
  },
  {
    name: "SwanLab, offline",
    worker: "swanlab_offline.py",
    environment: "swanlab",
    options: {},
    serverless: true,
    durable: "finish() returned; a log of its own without fsync",
    asItComes: "machine, console, git, packages",
    slow: true,
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
    slow: true,
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
    slow: true,
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
    asItComes: AS_IT_COMES,
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
    asItComes: AS_IT_COMES,
    slow: true,
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

/** The same system, able to log pictures. */
export function withPictures(system: PeerSystem): PeerSystem {
  return system.environment === NEWEST_CLIENT ? { ...system, environment: "pictures" } : system;
}
