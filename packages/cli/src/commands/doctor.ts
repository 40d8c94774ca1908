import { accessSync, constants, statfsSync } from "node:fs";
import { foldersOf, settingsFilePaths } from "@steelyard/protocol/settings";
import { Command } from "commander";
import {
  connectionOf,
  findCredentials,
  type LoadedSettings,
  makeFolder,
  proxyFor,
  shownProxy,
} from "steelyard/command-line";
import { apiOf, settingsOf, viewerOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { PROGRAM, print, printJson, styled, table, warn } from "../terminal.ts";

interface Check {
  name: string;
  /** warn: it works, but not as well as it could. */
  result: "ok" | "warn" | "fail";
  says: string;
}

/** Clocks that differ by more are worth a word: charts over time of several machines do not fit together. */
const MAX_SKEW_MS = 5_000;
const LITTLE_SPACE_BYTES = 2 ** 30;

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check settings, folders, proxies, server, key and clock; say what to do about each")
    .option("--json", "as JSON")
    .action(async (options: { json?: boolean }) => {
      const loaded = settingsOf();
      const checks = [...settingsChecks(loaded), ...folderChecks(loaded), ...(await serverChecks(loaded))];
      if (options.json) printJson(checks);
      else print(table(checks.map(({ name, result, says }) => [marked(result), name, says])));
      if (checks.some(({ result }) => result === "fail")) process.exitCode = EXIT.failed;
    });
}

function marked(result: Check["result"]): string {
  if (result === "ok") return styled("green", "ok  ", process.stdout);
  return result === "warn" ? styled("yellow", "warn", process.stdout) : styled("red", "fail", process.stdout);
}

function settingsChecks(loaded: LoadedSettings): Check[] {
  const { settings, files, warnings, machine } = loaded;
  return [
    {
      name: "settings",
      result: warnings.length === 0 ? "ok" : "warn",
      says:
        files.length > 0 ? `read ${files.join(", ")}` : `no file at ${settingsFilePaths(machine).join(", ")}`,
    },
    { name: "mode", result: settings.mode === "online" ? "ok" : "warn", says: `runs are ${settings.mode}` },
    proxyCheck(loaded),
  ];
}

function proxyCheck(loaded: LoadedSettings): Check {
  try {
    const { baseUrl, proxies } = connectionOf(loaded, "", () => {});
    const proxy = proxyFor(new URL(baseUrl), proxies);
    const says = proxy
      ? `${baseUrl} is reached through ${shownProxy(proxy)}`
      : `none on the way to ${baseUrl}`;
    return { name: "proxy", result: "ok", says };
  } catch (error) {
    return { name: "proxy", result: "fail", says: (error as Error).message };
  }
}

function folderChecks({ settings, machine }: LoadedSettings): Check[] {
  const folders = foldersOf(settings, machine);
  return (["wandb", "cache", "data"] as const).map((name) => {
    const path = folders[name];
    try {
      makeFolder(path);
      accessSync(path, constants.W_OK);
      const { bavail, bsize } = statfsSync(path);
      const free = bavail * bsize;
      return {
        name: `folder ${name}`,
        result: free < LITTLE_SPACE_BYTES ? ("warn" as const) : ("ok" as const),
        says: `${path}, ${(free / 2 ** 30).toFixed(1)} GiB free`,
      };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return {
        name: `folder ${name}`,
        result: "fail" as const,
        says: `${path} cannot be written (${code}); set ${{ wandb: "WANDB_DIR", cache: "WANDB_CACHE_DIR", data: "WANDB_DATA_DIR" }[name]}`,
      };
    }
  });
}

async function serverChecks(loaded: LoadedSettings): Promise<Check[]> {
  const { baseUrl } = loaded.settings;
  const credentials = attempt(() => findCredentials(loaded, warn));
  const checks: Check[] = [];
  const api = apiOf(
    loaded,
    credentials instanceof Error || !credentials ? { apiKey: "", source: "" } : credentials,
  );
  const began = Date.now();
  const answer = await api
    .fetch("/healthz", { signal: AbortSignal.timeout(10_000) })
    .catch((error: Error) => error);
  if (answer instanceof Error) return [{ name: "server", result: "fail", says: answer.message }];
  const tookMs = Date.now() - began;
  checks.push({ name: "server", result: "ok", says: `${baseUrl} answered in ${tookMs} ms` });
  const theirs = Date.parse(answer.headers.get("date") ?? "");
  if (Number.isFinite(theirs)) {
    // The header has whole seconds, rounded down.
    const skewMs = theirs + 500 - (began + tookMs / 2);
    const far = Math.abs(skewMs) > MAX_SKEW_MS;
    checks.push({
      name: "clock",
      result: far ? "warn" : "ok",
      says: far
        ? `this clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? "behind" : "ahead of"} the server's; set it by NTP`
        : "the same as the server's",
    });
  }
  if (credentials instanceof Error || !credentials) {
    const says = credentials?.message ?? `none; run \`${PROGRAM} login\`, or set WANDB_API_KEY`;
    return [...checks, { name: "key", result: "fail", says }];
  }
  const viewer = await viewerOf(api).catch((error: Error) => error);
  checks.push(
    viewer instanceof Error
      ? { name: "key", result: "fail", says: `from ${credentials.source}: ${viewer.message}` }
      : {
          name: "key",
          result: "ok",
          says: `from ${credentials.source}: ${viewer.username}, logs to ${viewer.entity}`,
        },
  );
  return checks;
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}
