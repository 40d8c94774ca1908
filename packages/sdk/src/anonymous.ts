import { CREATE_ANONYMOUS_KEY } from "@steelyard/protocol/documents";
import type { Settings } from "@steelyard/protocol/settings";
import { graphql, type Http, RefusedError } from "./http.ts";

/**
 * Keys by address of the server: the runs of one process belong to one account, so that one link claims them all. In memory
 * only: whoever has the key can read and claim the runs.
 */
const keys = new Map<string, string>();

/**
 * The key of an anonymous account, where WANDB_ANONYMOUS asks for one: `must` always, `allow` when there is no other key.
 * Undefined when it does not, or when the server has none to give (`warn` says so): then everything is as with `never`.
 */
export async function anonymousKey(
  { anonymous }: Pick<Settings, "anonymous">,
  hasKey: boolean,
  http: Http,
  warn: (text: string) => void,
): Promise<string | undefined> {
  if (anonymous === "never" || (anonymous === "allow" && hasKey)) return undefined;
  const known = keys.get(http.baseUrl);
  if (known !== undefined) return known;
  try {
    const { createAnonymousEntity } = await graphql<{ createAnonymousEntity: { apiKey: { name: string } } }>(
      http,
      CREATE_ANONYMOUS_KEY,
      {},
    );
    const key = createAnonymousEntity.apiKey.name;
    keys.set(http.baseUrl, key);
    return key;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    warn(
      `WANDB_ANONYMOUS=${anonymous} has no effect: ${http.baseUrl} makes no anonymous runs (${error.message})`,
    );
    return undefined;
  }
}

const PARAMETER = "?apiKey=";

/** The link that opens an anonymous run, as the official client prints it. */
export function linkWithKey(url: string, apiKey: string): string {
  return `${url}${PARAMETER}${encodeURIComponent(apiKey)}`;
}

/** As it may stand in a file. */
export function linkWithoutKey(url: string): string {
  return url.split(PARAMETER, 1)[0] ?? "";
}
