import { ApiError, sendJson } from "../api/client.ts";

/**
 * The link that an anonymous run's client prints has a key in it. It is taken out of the address at once, so that it stays
 * in no history and no copied link, and exchanged for a cookie.
 */
export type Visit = "opened" | "claimed" | "nothing";

const PARAMETER = "apiKey";

let visit: Promise<Visit> = Promise.resolve("nothing");

/** Before anything is shown: who came by such a link may see what they came for. */
export function openLinkOfAddress(): void {
  const address = new URL(window.location.href);
  const apiKey = address.searchParams.get(PARAMETER);
  if (apiKey === null) return;
  address.searchParams.delete(PARAMETER);
  window.history.replaceState(window.history.state, "", address);
  visit = open(apiKey);
}

/** What came of it; at once when the address had no key. */
export function visited(): Promise<Visit> {
  return visit;
}

async function open(apiKey: string): Promise<Visit> {
  try {
    await sendJson("POST", "/api/v1/anonymous/visit", { apiKey });
    return "opened";
  } catch (error) {
    // Any other key, or a server that has no such runs: the page is as without it.
    return error instanceof ApiError && error.status === 409 ? "claimed" : "nothing";
  }
}
