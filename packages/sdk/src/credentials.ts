import { readFileSync } from "node:fs";
import type { LoadedSettings } from "./machine.ts";
import { NetrcError, netrcPassword, netrcPath } from "./netrc.ts";

export interface Credentials {
  /** "" where an identity token stands in its place. */
  apiKey: string;
  /** Where the key was found: a variable's name, a file's path. */
  source: string;
}

/**
 * The key for the server of the settings: given or of a variable, else an identity token, else of the user's netrc, else of
 * a settings file.
 * Undefined when nobody has one. Throws when one is there that cannot be a key: it is not passed over for another.
 */
export function findCredentials(
  { settings, origins, machine }: Pick<LoadedSettings, "settings" | "origins" | "machine">,
  warn: (text: string) => void,
): Credentials | undefined {
  const { apiKey } = settings;
  const fromFile = origins.apiKey.kind === "file";
  if (apiKey !== undefined && !fromFile) return checked(apiKey, origins.apiKey.name);
  if (settings.identityTokenFile !== undefined) return { apiKey: "", source: settings.identityTokenFile };
  const path = netrcPath(machine);
  const inNetrc = keyOfNetrc(path, new URL(settings.baseUrl).host, warn);
  if (inNetrc !== undefined) return checked(inNetrc, path);
  return apiKey === undefined ? undefined : checked(apiKey, origins.apiKey.name);
}

function keyOfNetrc(path: string, host: string, warn: (text: string) => void): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  try {
    return netrcPassword(text, host);
  } catch (error) {
    if (!(error instanceof NetrcError)) throw error;
    warn(`${path}, ${error.message}; the file does not count`);
    return undefined;
  }
}

function checked(apiKey: string, source: string): Credentials {
  const problem = apiKeyProblem(apiKey);
  if (problem) throw new Error(`${source} invalid: ${problem}`);
  return { apiKey, source };
}

/** Why this cannot be a key, in the official client's words; undefined when it can. */
export function apiKeyProblem(key: string): string | undefined {
  if (key === "") return "API key is empty.";
  // A JSON web token: three parts.
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(key)) return undefined;
  const secret = key.slice(key.indexOf("-") + 1);
  const prefix = key.slice(0, key.indexOf("-") + 1);
  if (!/^[\w-]*$/.test(secret) || !/^[\w-]*$/.test(prefix))
    return "API key may only contain the letters A-Z, digits and underscores.";
  return secret.length < 40 ? `API key must have 40+ characters, has ${secret.length}.` : undefined;
}
