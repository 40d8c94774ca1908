import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serve } from "@hono/node-server";
import type { Logger } from "pino";
import { startExpiry } from "./anonymous/expiry.ts";
import { startRetention } from "./artifacts/retention.ts";
import { type Config, ConfigError, helpText, readConfig } from "./config.ts";
import { checkCatalog, checkRows, lockData } from "./data-folder.ts";
import { openFolder } from "./engines/folder/blob-store.ts";
import { InProcessBus } from "./engines/in-process/bus.ts";
import { openSegments } from "./engines/segments/store.ts";
import { SqliteCatalog } from "./engines/sqlite/catalog.ts";
import { countBlobs } from "./files/counted-blobs.ts";
import { createApp } from "./http/server.ts";
import { createLog } from "./log.ts";
import { startCrashDetector } from "./runs/crash-detector.ts";
import type { Services } from "./services.ts";
import { createApiKey, createSignInLink, createUser, viewerByKey } from "./users/user-store.ts";

/** Requests in flight when asked to stop get this long; a client sends again what was cut. */
const STOP_DEADLINE_MS = 5000;
const ADMIN = "admin";

export interface RunningServer {
  /** Where it listens, no trailing slash. */
  url: string;
  services: Services;
  /** The administrator's key, when this data folder's key file or the configuration has it. */
  adminApiKey: string | undefined;
  /** Relative address that signs the administrator in, once. */
  signInPath: string;
  close(): Promise<void>;
}

export interface StartOptions {
  now?: () => number;
  /** Upper bound of the metric store's file; beyond it appends fail as on a full disk. */
  maxMetricsBytes?: number;
  /** Where the log goes instead of standard error. */
  log?: Logger;
}

/** What to close, in the order it was opened. */
type Opened = (() => void | Promise<void>)[];

/**
 * Open the engines, make the first administrator, listen. Throws ConfigError with what to do when it cannot; whatever was
 * open by then is closed again and the data folder is free.
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const log = options.log ?? createLog(config.logLevel);
  const opened: Opened = [];
  try {
    return await openServer(config, options, log, opened);
  } catch (cause) {
    await closeAll(opened, log);
    throw cause;
  }
}

/** What an engine says of its file is for who starts the server: a line, not a stack. */
async function opening<T>(open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    throw new ConfigError((cause as Error).message, { cause });
  }
}

/** Last opened first. One that fails must not keep the others open, nor the folder locked. */
async function closeAll(opened: Opened, log: Logger): Promise<void> {
  for (let close = opened.pop(); close; close = opened.pop()) {
    try {
      await close();
    } catch (cause) {
      log.error({ err: cause }, "closing failed");
    }
  }
}

async function openServer(
  config: Config,
  options: StartOptions,
  log: Logger,
  opened: Opened,
): Promise<RunningServer> {
  opened.push(lockData(config));
  checkCatalog(config);
  const catalog = await opening(() => new SqliteCatalog(config.databasePath));
  opened.push(() => catalog.close());
  await checkRows(config, catalog);
  const metrics = await opening(() =>
    openSegments(config.metricsPath, {
      onDamage: (damage) => log.error({ damage }, "a damaged chunk is left out"),
      ...(options.maxMetricsBytes === undefined ? {} : { maxBytes: options.maxMetricsBytes }),
    }),
  );
  opened.push(() => metrics.close());
  const blobs = countBlobs(await openFolder(config.blobsPath));
  opened.push(() => blobs.close());
  const bus = new InProcessBus();
  opened.push(() => bus.close());
  const stopping = new AbortController();
  const services: Services = {
    stopping: stopping.signal,
    config,
    log,
    catalog,
    metrics,
    blobs,
    bus,
    now: options.now ?? Date.now,
  };
  const { adminApiKey, adminId } = await firstAdmin(services);
  const signInToken = await catalog.write((tx) => createSignInLink(tx, adminId, services.now()));

  const app = await createApp(services);
  opened.push(startCrashDetector(services));
  opened.push(startExpiry(services));
  opened.push(startRetention(services));
  const { server, address } = await listen(app.fetch, config);
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  log.info({ host, port: address.port, version: config.version, dataDir: config.dataDir }, "listening");

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    stopping.abort();
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => server.closeAllConnections(), STOP_DEADLINE_MS);
      // A connection becomes idle when its last answer ends, which may be after this.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      server.close(() => {
        clearInterval(sweep);
        clearTimeout(deadline);
        resolve();
      });
      server.closeIdleConnections();
    });
    await closeAll(opened, log);
    log.info("stopped");
  }
  return {
    url: `http://${address.address === "0.0.0.0" || address.address === "::" ? "127.0.0.1" : host}:${address.port}`,
    services,
    adminApiKey,
    signInPath: `/sign-in?token=${signInToken}`,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

type NodeServer = import("node:http").Server;

function listen(
  fetch: Parameters<typeof serve>[0]["fetch"],
  config: Config,
): Promise<{ server: NodeServer; address: AddressInfo }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: config.host, port: config.port }, (address) =>
      resolve({ server, address }),
    ) as NodeServer;
    // A file stream may be 64 MiB over a slow line; the default of five minutes would cut it.
    server.requestTimeout = 0;
    server.keepAliveTimeout = 65_000;
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        reject(
          new ConfigError(`port ${config.port} is taken; choose another with --port, or stop what uses it`),
        );
      else if (error.code === "EACCES")
        reject(new ConfigError(`port ${config.port} is not allowed for this user; choose one above 1023`));
      else reject(new ConfigError(`cannot listen on ${config.host}:${config.port}: ${error.message}`));
    });
  });
}

/** The first start's administrator; the key's file is the way back in when everything else is lost. */
async function firstAdmin(services: Services): Promise<{ adminApiKey: string | undefined; adminId: number }> {
  const { config, catalog } = services;
  const keyFile = join(config.dataDir, "admin-api-key");
  const existing = await catalog.db
    .selectFrom("users")
    .select("id")
    .where("admin", "=", 1)
    .where("deleted_at", "is", null)
    .orderBy("id")
    .executeTakeFirst();
  if (existing) {
    if (config.adminApiKey) {
      const key = config.adminApiKey;
      await catalog.write((tx) =>
        createApiKey(tx, existing.id, { key, description: "STEELYARD_ADMIN_API_KEY" }, services.now()),
      );
      return { adminApiKey: key, adminId: existing.id };
    }
    return { adminApiKey: await goodKey(services, readIfThere(keyFile)), adminId: existing.id };
  }
  const { id, key } = await catalog.write(async (tx) => {
    const user = await createUser(tx, { username: ADMIN, admin: true }, services.now());
    const made = await createApiKey(
      tx,
      user.id,
      { key: config.adminApiKey, description: "first administrator" },
      services.now(),
    );
    // Inside the transaction: an administrator whose key nobody has would lock everyone out.
    if (!config.adminApiKey) writeFileSync(keyFile, `${made.key}\n`, { mode: 0o600 });
    return { id: user.id, key: made.key };
  });
  return { adminApiKey: key, adminId: id };
}

/** Undefined for one that was revoked meanwhile: a key that is printed must work. */
async function goodKey(services: Services, key: string | undefined): Promise<string | undefined> {
  if (!key) return undefined;
  const viewer = await viewerByKey(services.catalog, key, services.now());
  if (viewer) return key;
  services.log.warn(
    { file: join(services.config.dataDir, "admin-api-key") },
    "the first administrator's key was revoked; it is not printed, and its file may go",
  );
  return undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/** The command: parse, start, print, serve until a signal. Exits 2 on a wrong flag or variable, 1 when it cannot start. */
export async function main(flags: readonly string[]): Promise<void> {
  if (flags.includes("--help")) {
    process.stdout.write(helpText());
    return;
  }
  let failed = 2;
  try {
    const config = readConfig(flags, process.env);
    failed = 1;
    const server = await startServer(config);
    const url = server.services.config.publicUrl ?? server.url;
    process.stdout.write(`
Steelyard serves ${url}

  Open this link once to sign in (it works one time):
    ${url}${server.signInPath}

  Paste these lines before a script that uses wandb or steelyard:
    export WANDB_BASE_URL=${url}
    export WANDB_API_KEY=${server.adminApiKey ?? "<a key from your settings page>"}

  Data: ${server.services.config.dataDir} · stop with Ctrl+C
`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        void server.close().then(() => process.exit(0));
      });
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`steelyard: ${error.message}\n`);
    process.exit(failed);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(process.argv.slice(2));
