import { appUrl } from "@steelyard/protocol/settings";
import { apiKeyProblem, findCredentials } from "./credentials.ts";
import type { LoadedSettings } from "./machine.ts";
import { netrcPath, writeNetrc } from "./netrc.ts";
import { askUser, canAsk } from "./question.ts";

const KEY = "1";
const OFFLINE = "2";

/**
 * Where a run needs a key and none is known, whoever sits at the terminal is asked for one, or may go on offline (not with
 * WANDB_FORCE). The key is kept in netrc. The settings are changed to what was said; with no answer within
 * WANDB_LOGIN_TIMEOUT the run is offline. Without a terminal, and when the question is broken off, they stay as they are.
 */
export async function askForKey(loaded: LoadedSettings): Promise<void> {
  const { settings, origins } = loaded;
  if (settings.silent || !canAsk() || !needsKey(loaded)) return;
  const signal =
    settings.loginTimeout === undefined ? undefined : AbortSignal.timeout(settings.loginTimeout * 1000);
  const tell = (text: string) => process.stderr.write(`steelyard: ${text}\n`);
  const offline = (why: string) => {
    settings.mode = "offline";
    origins.mode = { kind: "init", name: why };
    tell(`${why}: the run is offline; \`steelyard sync\` sends it later`);
  };
  if (!settings.force) {
    tell(`There is no API key for ${settings.baseUrl}.`);
    tell(`(${KEY}) Use an API key`);
    tell(`(${OFFLINE}) Go on offline`);
    const choice = await choiceOf(signal);
    if (choice === OFFLINE) return offline("as chosen");
    if (choice === undefined) {
      if (signal?.aborted) offline("no answer in time");
      return;
    }
  }
  tell(`Make a key at: ${appUrl(settings)}/authorize`);
  for (;;) {
    const typed = (
      await askUser("steelyard: Paste your API key and hit enter: ", { hidden: true, signal })
    )?.trim();
    if (typed === undefined) {
      if (signal?.aborted && !settings.force) offline("no answer in time");
      return;
    }
    const problem = apiKeyProblem(typed);
    if (problem) {
      tell(`Invalid API key: ${problem}`);
      continue;
    }
    settings.apiKey = typed;
    origins.apiKey = { kind: "init", name: "the prompt" };
    keep(loaded, typed, tell);
    return;
  }
}

/** A key that is there and cannot be one is told by whoever uses it. */
function needsKey(loaded: LoadedSettings): boolean {
  const { mode, anonymous, identityTokenFile } = loaded.settings;
  if (mode !== "online" && mode !== "run" && mode !== "shared") return false;
  if (anonymous !== "never" || identityTokenFile !== undefined) return false;
  try {
    return findCredentials(loaded, () => {}) === undefined;
  } catch {
    return false;
  }
}

async function choiceOf(signal: AbortSignal | undefined): Promise<string | undefined> {
  for (;;) {
    const choice = (await askUser("steelyard: Enter your choice: ", { signal }))?.trim();
    if (choice === undefined || choice === KEY || choice === OFFLINE) return choice;
  }
}

/** A home that cannot be written is no reason to fail: the key holds for this process. */
function keep({ settings, machine }: LoadedSettings, apiKey: string, tell: (text: string) => void): void {
  const { host } = new URL(settings.baseUrl);
  const path = netrcPath(machine);
  try {
    writeNetrc(path, host, apiKey);
    tell(`The key for ${host} is kept in ${path}`);
  } catch (error) {
    tell(
      `The key could not be kept in ${path} (${(error as NodeJS.ErrnoException).code}); it holds for this process`,
    );
  }
}
