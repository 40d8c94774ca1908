import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, prepareEnvironments } from "../../scripts/python-clients.mjs";
import { ROOT } from "../../scripts/toolchain.mjs";
import type { PeerSystem } from "./systems.ts";

export const NEWEST_CLIENT = CLIENTS.at(-1)?.version ?? "";

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

/** Of virtual environments. */
export function folderOf(environment: string): string {
  return environment === NEWEST_CLIENT ? clientsFolder() : peersFolder();
}

function clientsFolder(): string {
  return process.env.STEELYARD_TEST_VENVS ?? join(ROOT, ".venvs");
}

/** Virtual environments of the peers: STEELYARD_BENCH_VENVS, else a folder that git ignores. */
export function peersFolder(): string {
  return process.env.STEELYARD_BENCH_VENVS ?? join(ROOT, ".cache", "peers");
}

/** The newest PostgreSQL of Debian's package; undefined when there is none. */
export function postgresBinaries(): string | undefined {
  return globSync("/usr/lib/postgresql/*/bin")
    .filter((path) => existsSync(join(path, "initdb")))
    .sort()
    .at(-1);
}
