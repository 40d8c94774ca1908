import { findCredentials, type LoadedSettings } from "steelyard/command-line";
import { CommandError, warn } from "../terminal.ts";

/** What a container is to know. Docker gets the names on its command line, which anybody can read, and the values in its environment. */
export interface ContainerEnvironment {
  /** `-e NAME` for each. */
  args: string[];
  /** Of the docker process. */
  environment: NodeJS.ProcessEnv;
  hasKey: boolean;
}

/** Folders, files and a socket of this machine: nothing is there in a container. */
const OF_THIS_MACHINE = new Set([
  "WANDB_ARTIFACT_DIR",
  "WANDB_CACHE_DIR",
  "WANDB_CONFIG_DIR",
  "WANDB_CONFIG_PATHS",
  "WANDB_DATA_DIR",
  "WANDB_DIR",
  "WANDB_EXECUTABLE",
  "WANDB_IDENTITY_TOKEN_FILE",
  "WANDB_ROOT_DIR",
  "WANDB_SERVICE",
  "WANDB__EXECUTABLE",
]);

/** WANDB_ variables, the key and server of the settings, and `more`. */
export function containerEnvironment(
  loaded: LoadedSettings,
  more: Readonly<Record<string, string>>,
): ContainerEnvironment {
  let apiKey: string | undefined;
  try {
    apiKey = findCredentials(loaded, warn)?.apiKey;
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    WANDB_BASE_URL: loaded.settings.baseUrl,
    ...(apiKey === undefined ? {} : { WANDB_API_KEY: apiKey }),
    ...more,
  };
  const names = Object.keys(environment).filter(
    (name) => name in more || (name.startsWith("WANDB_") && !OF_THIS_MACHINE.has(name)),
  );
  return {
    args: names.sort().flatMap((name) => ["-e", name]),
    environment,
    hasKey: apiKey !== undefined,
  };
}

/** A container's own loopback is not this machine's. */
export function warnOfLoopback({ settings }: LoadedSettings, args: readonly string[]): void {
  const { hostname } = new URL(settings.baseUrl);
  const isOwn = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  if (!isOwn || /(^| )--net(work)?[= ]host( |$)/.test(args.join(" "))) return;
  warn(
    `${settings.baseUrl} is another machine inside a container; add --network host, or set WANDB_BASE_URL to an address that the container reaches`,
  );
}
