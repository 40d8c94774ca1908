/** The path that the server is under, without a slash at its end: `/steelyard` behind a proxy, "" at a host's root. */
export const BASE = document.documentElement.dataset.base ?? "";

/** A path of ours as the browser must ask for it; the router adds it by itself. */
export function underBase(path: string): string {
  return BASE + path;
}
