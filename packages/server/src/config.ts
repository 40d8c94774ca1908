import { resolve } from "node:path";
import description from "../package.json" with { type: "json" };

/** What the server was told. `OPTIONS` makes the flags, the variables and `docs/server.md`. */
export interface Config {
  /** Of this server, as its package says. */
  version: string;
  host: string;
  port: number;
  dataDir: string;
  /** Address that clients and browsers reach us by, no trailing slash; undefined = taken from each request. */
  publicUrl: string | undefined;
  /** The path of that address, for links within the page; "" at a host's root. */
  basePath: string;
  /** Path of the catalog's SQLite file. */
  databasePath: string;
  /** Path of the metric store's SQLite file. */
  metricsPath: string;
  /** Folder of file contents. */
  blobsPath: string;
  adminApiKey: string | undefined;
  /** Whether who has no account may make private runs that only their link opens. */
  anonymous: boolean;
  /** Whether people make their accounts themselves. */
  signUp: boolean;
  /** A run that was not heard of for so long is taken for crashed. */
  crashAfterMs: number;
  /** Of a query in SQL, in DuckDB's words. */
  sqlMemory: string;
  logLevel: "trace" | "debug" | "info" | "warn" | "error" | "silent";
}

export interface ServerOption {
  variable: string;
  /** Secrets have no flag: a command line is visible to every user of the machine. */
  flag?: string;
  default: string;
  text: string;
}

export const OPTIONS = {
  host: {
    variable: "STEELYARD_HOST",
    flag: "--host",
    default: "127.0.0.1",
    text: "Address to listen on. The default is reachable from this machine only; `0.0.0.0` opens it to the network: put a proxy with TLS before it.",
  },
  port: {
    variable: "STEELYARD_PORT",
    flag: "--port",
    default: "8080",
    text: "Port, 0 to 65535; 0 takes a free one.",
  },
  dataDir: {
    variable: "STEELYARD_DATA_DIR",
    flag: "--data-dir",
    default: "./data",
    text: "Folder of everything the server keeps; made when missing, mode 0700.",
  },
  publicUrl: {
    variable: "STEELYARD_PUBLIC_URL",
    flag: "--public-url",
    default: "",
    text: "Address clients and browsers use, e.g. `https://track.example.org`, when it differs from what the request says (behind a proxy). With a path when it is under one: `https://example.org/steelyard`.",
  },
  databaseUrl: {
    variable: "STEELYARD_DATABASE_URL",
    flag: "--database-url",
    default: "sqlite:DATA_DIR/catalog.sqlite",
    text: "Catalog: `sqlite:PATH`.",
  },
  metricsUrl: {
    variable: "STEELYARD_METRICS_URL",
    flag: "--metrics-url",
    default: "segments:DATA_DIR/metrics.sqlite",
    text: "Metrics and console lines: `segments:PATH`.",
  },
  blobsUrl: {
    variable: "STEELYARD_BLOBS_URL",
    flag: "--blobs-url",
    default: "file:DATA_DIR/files",
    text: "File contents: `file:PATH`.",
  },
  adminApiKey: {
    variable: "STEELYARD_ADMIN_API_KEY",
    default: "",
    text: "Key of the administrator made at the first start, 40 to 512 letters, digits, `_` or `-`. Without it a random one is made and kept in `DATA_DIR/admin-api-key` (mode 0600).",
  },
  anonymous: {
    variable: "STEELYARD_ANONYMOUS",
    flag: "--anonymous",
    default: "off",
    text: "`on`: who has no key may make private runs (`WANDB_ANONYMOUS`) that only their link opens, until somebody claims them. `off`: everyone needs a key.",
  },
  signUp: {
    variable: "STEELYARD_SIGN_UP",
    flag: "--sign-up",
    default: "off",
    text: "`on`: whoever reaches the page may make an account. `off`: administrators make them.",
  },
  crashAfter: {
    variable: "STEELYARD_CRASH_AFTER",
    flag: "--crash-after",
    default: "300",
    text: "Seconds without a sign of life after which a run is shown as crashed, 1 to 86400. Clients speak every 30 s at least: below 60, runs that live are taken for crashed until they speak again.",
  },
  sqlMemory: {
    variable: "STEELYARD_SQL_MEMORY",
    flag: "--sql-memory",
    default: "1GB",
    text: "Memory that a query in SQL may have, e.g. `512MB` or `4GB`. Two run at once.",
  },
  logLevel: {
    variable: "STEELYARD_LOG_LEVEL",
    flag: "--log-level",
    default: "info",
    text: "`trace`, `debug`, `info`, `warn`, `error` or `silent`; JSON lines on standard error.",
  },
} satisfies Record<string, ServerOption>;

type OptionName = keyof typeof OPTIONS;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/** A flag or variable that cannot be used; the message names it, its value and what is allowed. */
export class ConfigError extends Error {}

/** Flags win over variables, variables over defaults. Throws ConfigError. */
export function readConfig(
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const given = parseFlags(flags);
  const value = (name: OptionName): { text: string; from: string } => {
    const option: ServerOption = OPTIONS[name];
    const flag = given.get(name);
    if (flag !== undefined) return { text: flag, from: option.flag ?? "" };
    const variable = environment[option.variable];
    if (variable !== undefined && variable !== "") return { text: variable, from: option.variable };
    return { text: option.default, from: `the default of ${option.variable}` };
  };
  const wrong = (name: OptionName, allowed: string): ConfigError =>
    new ConfigError(`${value(name).from} is "${withoutSecrets(value(name).text)}"; allowed: ${allowed}`);

  const port = Number(value("port").text);
  if (!/^\d{1,5}$/.test(value("port").text) || port > 65_535) throw wrong("port", "a number from 0 to 65535");
  const logLevel = LOG_LEVELS.find((level) => level === value("logLevel").text);
  if (!logLevel) throw wrong("logLevel", LOG_LEVELS.join(", "));
  const isOn = (name: "anonymous" | "signUp"): boolean => {
    const { text } = value(name);
    if (text !== "on" && text !== "off") throw wrong(name, "on, off");
    return text === "on";
  };

  const crashAfterS = Number(value("crashAfter").text);
  if (!/^\d{1,5}$/.test(value("crashAfter").text) || crashAfterS < 1 || crashAfterS > 86_400)
    throw wrong("crashAfter", "a number of seconds from 1 to 86400");

  if (!/^[1-9]\d{0,5}[MG]B$/.test(value("sqlMemory").text))
    throw wrong("sqlMemory", "a number with MB or GB, such as 4GB");

  const publicUrl = value("publicUrl").text;
  if (publicUrl !== "" && !/^https?:$/.test(URL.parse(publicUrl)?.protocol ?? "")) {
    throw wrong("publicUrl", "an http:// or https:// address");
  }
  const adminApiKey = value("adminApiKey").text;
  if (adminApiKey !== "" && !/^[A-Za-z0-9_-]{40,512}$/.test(adminApiKey)) {
    // The value itself is a secret: it is not repeated.
    throw new ConfigError("STEELYARD_ADMIN_API_KEY must be 40 to 512 letters, digits, _ or -");
  }

  const dataDir = resolve(value("dataDir").text);
  const place = (name: "databaseUrl" | "metricsUrl" | "blobsUrl", scheme: string): string => {
    const { text } = value(name);
    if (!text.startsWith(`${scheme}:`)) throw wrong(name, `${scheme}:PATH (the only engine of this version)`);
    return resolve(text.slice(scheme.length + 1).replace(/^DATA_DIR(?=\/)/, () => dataDir));
  };
  return {
    version: description.version,
    host: value("host").text,
    port,
    dataDir,
    publicUrl: publicUrl.replace(/\/+$/, "") || undefined,
    basePath: publicUrl === "" ? "" : new URL(publicUrl).pathname.replace(/\/+$/, ""),
    databasePath: place("databaseUrl", "sqlite"),
    metricsPath: place("metricsUrl", "segments"),
    blobsPath: place("blobsUrl", "file"),
    adminApiKey: adminApiKey || undefined,
    anonymous: isOn("anonymous"),
    signUp: isOn("signUp"),
    crashAfterMs: crashAfterS * 1000,
    sqlMemory: value("sqlMemory").text,
    logLevel,
  };
}

/** An address may hold a password: `postgres://user:PASSWORD@host` is told as `postgres://…@host`. */
function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//…@").replace(/\?.*/s, "?…");
}

function parseFlags(flags: readonly string[]): Map<OptionName, string> {
  const names = new Map<string, OptionName>();
  for (const [name, option] of Object.entries(OPTIONS) as [OptionName, ServerOption][]) {
    if (option.flag) names.set(option.flag, name);
  }
  const given = new Map<OptionName, string>();
  for (let at = 0; at < flags.length; at++) {
    const [flag = "", inline] = (flags[at] ?? "").split(/=(.*)/s, 2);
    const name = names.get(flag);
    if (!name)
      throw new ConfigError(`unknown flag "${flag}"; known: ${[...names.keys()].join(", ")}, --help`);
    const text = inline ?? flags[++at];
    if (text === undefined) throw new ConfigError(`${flag} needs a value`);
    given.set(name, text);
  }
  return given;
}

/** What `--help` prints. */
export function helpText(): string {
  const lines = Object.values(OPTIONS).map((option: ServerOption) => {
    const name = option.flag ? `${option.flag} (${option.variable})` : option.variable;
    return `  ${name}\n      ${option.text}${option.default ? ` Default: ${option.default}` : ""}`;
  });
  return `Serves Steelyard.\n\n${lines.join("\n")}\n`;
}
