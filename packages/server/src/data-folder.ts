import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as v from "valibot";
import { type Config, ConfigError } from "./config.ts";
import { FORMAT_VERSION } from "./engines/segments/database.ts";
import { SqliteCatalog } from "./engines/sqlite/catalog.ts";
import { copyDatabase, databaseProblems, databaseVersion } from "./engines/sqlite/database-file.ts";
import { MIGRATIONS, type Migration, migrationsAfter } from "./engines/sqlite/migrations.ts";

/**
 * The data folder as a whole: who has it, copies of it, and what an upgrade will do to it. A backup is a folder:
 * `catalog.sqlite`, `metrics.sqlite`, `files/`, the administrator's key where there is one, and `backup.json`, which is
 * written last and has a checksum of everything: without it a backup is none.
 */

type Places = Pick<Config, "dataDir" | "databasePath" | "metricsPath" | "blobsPath">;

/** Something about a data folder or a backup that stands in the way; the message says what to do. */
export class DataFolderError extends Error {}

const CATALOG = "catalog.sqlite";
const METRICS = "metrics.sqlite";
const FILES = "files";
const KEY = "admin-api-key";
const MANIFEST = "backup.json";
/** What is being written when a server stops was never acknowledged. */
const INCOMING = "incoming";

const Manifest = v.object({
  format: v.literal(1),
  version: v.string(),
  createdAt: v.string(),
  catalogSchema: v.number(),
  metricsFormat: v.number(),
  files: v.array(v.object({ path: v.string(), sizeBytes: v.number(), sha256: v.string() })),
});
export type BackupManifest = v.InferOutput<typeof Manifest>;

/**
 * One server per data folder, and per database kept outside of it: two would each believe to be the only writer. A lock is
 * one that the system takes away from a dead process, so that a crash leaves nothing to clean up. Throws ConfigError when
 * another has one.
 */
export function lockData({ dataDir, databasePath, metricsPath }: Places): () => void {
  const unlock = [lockDataFolder(dataDir)];
  try {
    for (const path of [databasePath, metricsPath].filter((path) => !isInside(path, dataDir))) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      unlock.push(lock(`${path}.lock`, path, "name another file"));
    }
  } catch (cause) {
    for (const free of unlock) free();
    throw cause;
  }
  return () => {
    for (const free of unlock) free();
  };
}

export function lockDataFolder(dataDir: string): () => void {
  const unlock = lock(join(dataDir, "server.lock"), dataDir, "give this one its own --data-dir");
  writeFileSync(pidFile(dataDir), String(process.pid));
  return () => {
    rmSync(pidFile(dataDir), { force: true });
    unlock();
  };
}

function lock(file: string, what: string, otherwise: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    const { errcode = 0, message } = cause as Error & { errcode?: number };
    const SQLITE_BUSY = 5;
    const why =
      (errcode & 0xff) === SQLITE_BUSY
        ? `another Steelyard server uses ${what}; stop it, or ${otherwise}`
        : `${what} cannot be written (${message}); give the server a folder of its own with --data-dir`;
    throw new ConfigError(why, { cause });
  }
  return () => database.close();
}

/**
 * Runs and rows belong together by number: with one of the two databases gone, a new one would give the other's numbers to
 * other runs. Throws ConfigError. Before the catalog is opened, and `checkRows` after it.
 */
export function checkCatalog({ databasePath, metricsPath }: Places): void {
  if (existsSync(databasePath) || sizeOf(metricsPath) === 0) return;
  throw new ConfigError(
    `${databasePath} is missing, and ${metricsPath} is there: whose rows those are is not known. Restore both from a backup; to begin anew, move ${metricsPath} away`,
  );
}

export async function checkRows(
  { databasePath, metricsPath }: Places,
  catalog: SqliteCatalog,
): Promise<void> {
  // An empty file is somebody's word that the rows are given up; a log without its file is the engine's to tell of.
  if (existsSync(metricsPath) || existsSync(`${metricsPath}-wal`)) return;
  const run = await catalog.db.selectFrom("runs").select("id").limit(1).executeTakeFirst();
  if (!run) return;
  throw new ConfigError(
    `${metricsPath} is missing: the rows of all runs in ${databasePath} were in it. Restore it from a backup; to go on without them, make an empty file of that name`,
  );
}

/** Counts while the folder is locked only. */
const pidFile = (dataDir: string) => join(dataDir, "server.pid");

/** The process whose folder it is; undefined when nobody uses it. */
export function serverOf(dataDir: string): number | undefined {
  if (!existsSync(join(dataDir, "server.lock"))) return undefined;
  try {
    lockDataFolder(dataDir)();
    return undefined;
  } catch {
    const pid = Number(readFileSync(pidFile(dataDir), { encoding: "utf8" }));
    return pid > 0 ? pid : undefined;
  }
}

/** A copy of everything as of now; the server may run. Throws DataFolderError; then nothing is left at `target`. */
export async function backUp(
  config: Places & Pick<Config, "version">,
  target: string,
): Promise<BackupManifest> {
  requireData(config);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new DataFolderError(`${target} is not empty; name a folder that is new or empty`);
  if (isInside(target, config.blobsPath))
    throw new DataFolderError(`${target} is among what is backed up; name another folder`);
  const made = !existsSync(target);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  try {
    // Rows before runs: rows of a run that the catalog does not know would be another run's one day.
    copyDatabase(config.metricsPath, join(target, METRICS));
    copyDatabase(config.databasePath, join(target, CATALOG));
    const key = join(config.dataDir, KEY);
    if (existsSync(key)) copyFileSync(key, join(target, KEY));
    const files: BackupManifest["files"] = [];
    for (const path of [METRICS, CATALOG, KEY])
      if (existsSync(join(target, path))) files.push({ path, ...(await fingerprint(join(target, path))) });
    for (const path of filesIn(config.blobsPath)) {
      const copied = await copyFile(join(config.blobsPath, path), join(target, FILES, path));
      // Deleted since it was listed.
      if (copied) files.push({ path: `${FILES}/${path.split(sep).join("/")}`, ...copied });
    }
    const manifest: BackupManifest = {
      format: 1,
      version: config.version,
      createdAt: new Date().toISOString(),
      catalogSchema: databaseVersion(join(target, CATALOG)),
      metricsFormat: databaseVersion(join(target, METRICS)),
      files,
    };
    writeFileSync(join(target, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, {
      mode: 0o600,
      flush: true,
    });
    return manifest;
  } catch (cause) {
    // Not the folder itself where it was there: it may be a disk of its own.
    for (const name of readdirSync(target)) rmSync(join(target, name), { recursive: true, force: true });
    if (made) rmSync(target, { recursive: true });
    throw new DataFolderError(`the backup failed and nothing of it is left: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export interface Restored {
  manifest: BackupManifest;
  /** Where what was there before lies now. */
  replaced: string[];
}

/**
 * Put a backup where the configuration says. Everything is copied and checked first, then moved into place; what was there
 * is moved aside, never deleted. Throws DataFolderError, or ConfigError when a server runs.
 */
export async function restore(config: Places, backup: string, { force = false } = {}): Promise<Restored> {
  const manifest = readManifest(backup);
  const places = [
    { part: METRICS, place: config.metricsPath, beside: ["-wal", "-shm"] },
    { part: FILES, place: config.blobsPath, beside: [] },
    // Last: without a catalog there is nothing yet.
    { part: CATALOG, place: config.databasePath, beside: ["-wal", "-shm"] },
  ];
  const taken = places.filter(({ place }) => existsSync(place)).map(({ place }) => place);
  if (existsSync(config.dataDir))
    taken.push(
      ...readdirSync(config.dataDir)
        .filter(
          (name) => !/^server\.(lock|pid|out)$/.test(name) && !/\.(restoring|replaced-[\w-]+)$/.test(name),
        )
        .map((name) => join(config.dataDir, name)),
    );
  if (taken.length > 0 && !force)
    throw new DataFolderError(
      `${config.dataDir} is not empty (${taken[0]}); name another folder with --data-dir, or say --force: what is there is moved aside`,
    );
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const unlock = lockDataFolder(config.dataDir);
  const staged = (place: string) => `${place}.restoring`;
  try {
    for (const { place } of places) {
      rmSync(staged(place), { recursive: true, force: true });
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    }
    mkdirSync(staged(config.blobsPath), { mode: 0o700 });
    for (const { path, sizeBytes, sha256 } of manifest.files) {
      if (path === KEY) continue;
      const to =
        path === METRICS
          ? staged(config.metricsPath)
          : path === CATALOG
            ? staged(config.databasePath)
            : inside(staged(config.blobsPath), path.slice(FILES.length + 1));
      const copied = await copyFile(inside(backup, path), to);
      if (!copied) throw new DataFolderError(`the backup lacks ${path}`);
      if (copied.sha256 !== sha256 || copied.sizeBytes !== sizeBytes)
        throw new DataFolderError(`${path} of the backup is not what was backed up: it is damaged`);
    }
    for (const path of [config.metricsPath, config.databasePath]) {
      const problems = databaseProblems(staged(path));
      if (problems.length > 0) throw new DataFolderError(`${path} would be damaged: ${problems.join("; ")}`);
    }
    const key = manifest.files.some(({ path }) => path === KEY) ? readFileSync(join(backup, KEY)) : undefined;
    const stamp = new Date().toISOString().replace(/[:.]/g, "-");
    const replaced: string[] = [];
    for (const { place, beside } of places) {
      for (const path of [place, ...beside.map((suffix) => place + suffix)]) {
        if (!existsSync(path)) continue;
        renameSync(path, `${path}.replaced-${stamp}`);
        replaced.push(`${path}.replaced-${stamp}`);
      }
      renameSync(staged(place), place);
    }
    if (key) writeFileSync(join(config.dataDir, KEY), key, { mode: 0o600 });
    return { manifest, replaced };
  } catch (cause) {
    for (const { place } of places) rmSync(staged(place), { recursive: true, force: true });
    if (cause instanceof DataFolderError) throw cause;
    throw new DataFolderError(`the backup could not be restored: ${(cause as Error).message}`, { cause });
  } finally {
    unlock();
  }
}

export interface UpgradeCheck {
  /** Migrations that have run, and that this version knows. */
  catalog: { schema: number; known: number; pending: Migration[] };
  metrics: { format: number; known: number };
  /** False: the data is of a newer version, which must be started instead. */
  usable: boolean;
  /** With `tries`: what became of the migrations on a copy; undefined when they ran. */
  failure?: string | undefined;
}

/** What starting this version would do to the data; `tries` runs it on a copy beside it. Changes nothing. */
export async function checkUpgrade(config: Places, { tries = false } = {}): Promise<UpgradeCheck> {
  requireData(config);
  const schema = databaseVersion(config.databasePath);
  const format = databaseVersion(config.metricsPath);
  const check: UpgradeCheck = {
    catalog: { schema, known: MIGRATIONS.length, pending: migrationsAfter(schema) },
    metrics: { format, known: FORMAT_VERSION },
    usable: schema <= MIGRATIONS.length && format <= FORMAT_VERSION,
  };
  if (!tries || !check.usable) return check;
  const copy = `${config.databasePath}.trying`;
  const removed = () => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
  };
  removed();
  try {
    copyDatabase(config.databasePath, copy);
    await new SqliteCatalog(copy).close();
    const problems = databaseProblems(copy);
    return problems.length > 0 ? { ...check, failure: problems.join("; ") } : check;
  } catch (error) {
    const { message, cause } = error as Error;
    return { ...check, failure: cause instanceof Error ? `${message}: ${cause.message}` : message };
  } finally {
    removed();
  }
}

export interface DataFolderState {
  dataDir: string;
  /** A server has it. */
  inUse: boolean;
  catalogSchema: number;
  metricsFormat: number;
  catalogBytes: number;
  metricsBytes: number;
}

/** Undefined when there is no data yet. */
export function stateOf(config: Places): DataFolderState | undefined {
  if (!existsSync(config.databasePath) || !existsSync(config.metricsPath)) return undefined;
  let inUse = false;
  try {
    lockDataFolder(config.dataDir)();
  } catch {
    inUse = true;
  }
  return {
    dataDir: config.dataDir,
    inUse,
    catalogSchema: databaseVersion(config.databasePath),
    metricsFormat: databaseVersion(config.metricsPath),
    catalogBytes: sizeOf(config.databasePath),
    metricsBytes: sizeOf(config.metricsPath),
  };
}

const sizeOf = (path: string): number =>
  ["", "-wal"].reduce(
    (sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

function requireData({ dataDir, databasePath, metricsPath }: Places): void {
  for (const path of [databasePath, metricsPath])
    if (!existsSync(path))
      throw new DataFolderError(
        `${dataDir} is no data folder: there is no ${path}; name the server's with --data-dir`,
      );
}

function readManifest(backup: string): BackupManifest {
  let text: string;
  try {
    text = readFileSync(join(backup, MANIFEST), "utf8");
  } catch {
    throw new DataFolderError(`${backup} is no whole backup: it has no ${MANIFEST}, which is written last`);
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = undefined;
  }
  const manifest = v.safeParse(Manifest, given);
  if (!manifest.success)
    throw new DataFolderError(`${join(backup, MANIFEST)} is not of a backup that this version reads`);
  const { catalogSchema, metricsFormat, version } = manifest.output;
  if (catalogSchema > MIGRATIONS.length || metricsFormat > FORMAT_VERSION)
    throw new DataFolderError(
      `the backup is of Steelyard ${version}, which is newer; restore it with that version`,
    );
  const paths = new Set(manifest.output.files.map(({ path }) => path));
  for (const path of [CATALOG, METRICS])
    if (!paths.has(path)) throw new DataFolderError(`${join(backup, MANIFEST)} has no ${path}`);
  return manifest.output;
}

/** A path of a backup, which somebody else may have written. */
function inside(folder: string, path: string): string {
  const whole = resolve(folder, path);
  if (path !== "" && isInside(whole, folder)) return whole;
  throw new DataFolderError(`the backup names a file outside itself: ${path.slice(0, 200)}`);
}

function isInside(path: string, folder: string): boolean {
  return resolve(path).startsWith(resolve(folder) + sep);
}

/** Relative paths of the blobs. */
function* filesIn(root: string, folder = root): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !(folder === root && entry.name === INCOMING)) yield* filesIn(root, path);
    else if (entry.isFile()) yield relative(root, path);
  }
}

async function fingerprint(path: string): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(part);
    sizeBytes += part.length;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** Durable when it resolves; undefined when there is no such file. */
async function copyFile(
  from: string,
  to: string,
): Promise<{ sizeBytes: number; sha256: string } | undefined> {
  const source = await open(from, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!source) return undefined;
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  const target = await open(to, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const part of source.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      hash.update(part);
      for (let at = 0; at < part.length; ) at += (await target.write(part, at)).bytesWritten;
      sizeBytes += part.length;
    }
    await target.sync();
    return { sizeBytes, sha256: hash.digest("hex") };
  } finally {
    await target.close();
    await source.close();
  }
}
