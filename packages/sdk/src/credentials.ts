import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The password of `host` in the user's netrc file (NETRC, else ~/.netrc), where `wandb login` keeps keys. */
export function keyFromNetrc(baseUrl: string, environment: NodeJS.ProcessEnv): string | undefined {
  const { hostname } = new URL(baseUrl);
  let text: string;
  try {
    text = readFileSync(
      environment.NETRC ??
        join(environment.HOME ?? homedir(), process.platform === "win32" ? "_netrc" : ".netrc"),
      "utf8",
    );
  } catch {
    return undefined;
  }
  const words = text.split(/\s+/);
  for (let at = 0; at < words.length; at++) {
    if (words[at] !== "machine" || words[at + 1] !== hostname) continue;
    for (let next = at + 2; next < words.length && words[next] !== "machine"; next++) {
      if (words[next] === "password") return words[next + 1];
    }
  }
  return undefined;
}

/** Throws with what to do when the key cannot be one. */
export function checkApiKey(key: string): void {
  const secret = key.slice(key.indexOf("-") + 1);
  if (!/^[\w-]+$/.test(key) || secret.length < 40) {
    throw new Error(
      `the API key has ${key.length} characters; a key is 40 or more letters, digits, _ or -. Check WANDB_API_KEY for a cut or quoted value`,
    );
  }
}
