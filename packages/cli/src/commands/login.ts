import { appUrl } from "@steelyard/protocol/settings";
import { Command } from "commander";
import {
  apiKeyProblem,
  type Credentials,
  findCredentials,
  type LoadedSettings,
  netrcPath,
  writeNetrc,
} from "steelyard/command-line";
import { apiOf, settingsOf, viewerOf } from "../api.ts";
import { deviceLogin } from "../device-login.ts";
import { changeGlobally } from "../settings-files.ts";
import { ask, CommandError, info, isInteractive, PROGRAM, readStandardInput, warn } from "../terminal.ts";

interface Options {
  host?: string;
  baseUrl?: string;
  cloud?: boolean;
  relogin?: boolean;
  verify: boolean;
  keyStdin?: boolean;
  device?: boolean;
  anonymously?: boolean;
}

/** Only ever meant by name: with nothing set, the server is this machine's. */
const CLOUD = "https://api.wandb.ai";

export function loginCommand(): Command {
  return new Command("login")
    .description("sign this machine in: keep a key for a server in netrc")
    .argument(
      "[key...]",
      "the key; it stays in your shell's history, so rather paste it at the prompt or use --key-stdin",
    )
    .option("--host <url>", "address of the server; remembered for you")
    .option("--base-url <url>", "the same")
    .option("--cloud", `the hosted service, ${CLOUD}`)
    .option("--relogin", "ask for a key even when there is one")
    .option("--verify", "ask the server whether it knows the key", true)
    .option("--no-verify", "keep the key without asking the server")
    .option("--key-stdin", "read the key from standard input")
    .option("--device", "sign in in a browser, here or on another machine, and paste nothing")
    .option("--anonymously", "no longer does anything")
    .action(login);
}

async function login(keys: string[], options: Options): Promise<void> {
  const asked = options.host ?? options.baseUrl;
  if (asked && options.cloud) throw new CommandError("Cannot use --host and --cloud together.");
  if (options.anonymously) warn("--anonymously no longer does anything");
  const loaded = settingsOf({ baseUrl: options.cloud ? CLOUD : asked });
  const { baseUrl } = loaded.settings;
  const { host } = new URL(baseUrl);

  const given = options.keyStdin ? await readStandardInput() : keys[0];
  let credentials: Credentials | undefined;
  if (given !== undefined) credentials = { apiKey: given, source: "the command line" };
  else if (options.device) credentials = await deviceLogin(loaded);
  else if (!options.relogin && !loaded.settings.relogin) credentials = known(loaded);
  const isNew = given !== undefined || options.device === true || credentials === undefined;
  if (!isNew && credentials)
    info(`[${PROGRAM} login] Loaded credentials for ${host} from ${credentials.source}.`);
  credentials ??= await prompted(loaded, options.verify);

  const problem = apiKeyProblem(credentials.apiKey);
  if (problem) throw new CommandError(problem);
  const viewer = options.verify ? await verified(loaded, credentials) : undefined;
  if (isNew) keep(loaded, host, credentials.apiKey);
  if (asked ?? options.cloud) changeGlobally(loaded, { base_url: baseUrl });
  changeGlobally(loaded, { anonymous: undefined });
  info(
    viewer
      ? `Currently logged in as: ${viewer.username} (${viewer.entity}) to ${baseUrl}. Use \`${PROGRAM} login --relogin\` to force relogin`
      : `API key is configured. Use \`${PROGRAM} login --relogin\` to force relogin`,
  );
}

function known(loaded: LoadedSettings): Credentials | undefined {
  try {
    return findCredentials(loaded, warn);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}

/** Asks until the key can be one and the server, when asked, knows it. */
async function prompted(loaded: LoadedSettings, verify: boolean): Promise<Credentials> {
  if (!isInteractive() || loaded.settings.silent)
    throw new CommandError(
      `No API key configured, and no terminal to ask at: \`${PROGRAM} login --key-stdin < FILE\` reads it, or set WANDB_API_KEY; keys are made at ${appUrl(loaded.settings)}/authorize`,
    );
  info(`Logging into ${loaded.settings.baseUrl}.`);
  info(`Create a new API key at: ${appUrl(loaded.settings)}/authorize?ref=models`);
  info("Store your API key securely and do not share it.");
  for (;;) {
    const apiKey = (await ask("Paste your API key and hit enter: ", { hidden: true })).trim();
    const credentials = { apiKey, source: "the prompt" };
    const problem = apiKeyProblem(apiKey) ?? (verify ? await whyRefused(loaded, credentials) : undefined);
    if (!problem) return credentials;
    warn(`Invalid API key: ${problem}`);
  }
}

async function whyRefused(loaded: LoadedSettings, credentials: Credentials): Promise<string | undefined> {
  try {
    await verified(loaded, credentials);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function verified(loaded: LoadedSettings, credentials: Credentials) {
  try {
    return await viewerOf(apiOf(loaded, credentials));
  } catch (error) {
    throw new CommandError(
      `Failed to verify credentials with ${loaded.settings.baseUrl}: ${(error as Error).message}`,
    );
  }
}

/** A home that cannot be written is no reason to fail: the variable does as well. */
function keep({ machine }: LoadedSettings, host: string, apiKey: string): void {
  const path = netrcPath(machine);
  try {
    info(
      machine.exists(path)
        ? `Appending key for ${host} to your netrc file: ${path}`
        : "No netrc file found, creating one.",
    );
    writeNetrc(path, host, apiKey);
  } catch (error) {
    throw new CommandError(
      `the key could not be kept in ${path} (${(error as NodeJS.ErrnoException).code}); set WANDB_API_KEY instead`,
    );
  }
}

export function logoutCommand(): Command {
  return new Command("logout")
    .description("forget the key of a server")
    .option("--host <url>", "address of the server")
    .action(({ host: asked }: { host?: string }) => {
      const loaded = settingsOf({ baseUrl: asked });
      const { host } = new URL(loaded.settings.baseUrl);
      const path = netrcPath(loaded.machine);
      try {
        info(
          writeNetrc(path, host, undefined)
            ? `Removed the key for ${host} from ${path}`
            : `There is no key for ${host} in ${path}`,
        );
      } catch (error) {
        throw new CommandError(`${path} cannot be changed: ${(error as Error).message}`);
      }
      const left = known(loaded);
      if (left) warn(`there is still a key for ${host} from ${left.source}`);
    });
}
