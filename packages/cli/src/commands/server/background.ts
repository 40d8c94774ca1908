import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { CommandError, info, print } from "../../terminal.ts";
import { configOf, type PlaceOptions, withPlaces } from "./data.ts";
import { ofServer } from "./package.ts";

/** It opens its folder, and perhaps brings it to this version. */
const START_MS = 120_000;
/** It finishes the requests that are under way. */
const STOP_MS = 60_000;
const POLL_MS = 100;
/** What the server prints when it can be used. */
const READY = "Steelyard serves";

/** `server start --daemon`: this command ends when the server can be used, which goes on without a terminal. */
export async function startInBackground(flags: readonly string[]): Promise<void> {
  const { ConfigError, readConfig } = await ofServer(() => import("@steelyard/server/config"));
  let dataDir: string;
  try {
    ({ dataDir } = readConfig(flags, process.env));
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, 2);
    throw error;
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "server.out");
  const output = openSync(path, "w", 0o600);
  const child = spawn(process.execPath, [process.argv[1] ?? "", "server", "start", ...flags], {
    detached: true,
    stdio: ["ignore", output, output],
  });
  let ended = false;
  once(child, "exit").then(
    () => {
      ended = true;
    },
    () => {},
  );
  for (const endMs = Date.now() + START_MS; ; ) {
    const said = readFileSync(path, "utf8");
    if (said.includes(READY)) {
      print(
        said
          .slice(said.indexOf(READY))
          .replace(/ · stop with Ctrl\+C/, "")
          .trimEnd(),
      );
      break;
    }
    if (ended || Date.now() > endMs)
      throw new CommandError(`the server did not start: ${said.trim() || "it said nothing"}`);
    await pause();
  }
  info(`It writes to ${path}; stop it with \`server stop --data-dir ${dataDir}\``);
  child.unref();
}

export function stopCommand(): Command {
  return withPlaces(new Command("stop").description("stop the server of a data folder")).action(stop);
}

async function stop(places: PlaceOptions): Promise<void> {
  const { dataDir } = await configOf(places);
  const { serverOf } = await ofServer(() => import("@steelyard/server/data-folder"));
  const pid = serverOf(dataDir);
  if (pid === undefined)
    throw new CommandError(
      `no server uses ${dataDir}; --data-dir or STEELYARD_DATA_DIR names another folder`,
    );
  process.kill(pid, "SIGTERM");
  for (const endMs = Date.now() + STOP_MS; serverOf(dataDir) === pid; ) {
    if (Date.now() > endMs)
      throw new CommandError(`the server (process ${pid}) does not end; look at what it writes`);
    await pause();
  }
  info(`Stopped the server of ${dataDir}`);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));
