import type { AccountKind } from "../ports/catalog.ts";

/** Who asks. Made once per request from the API key (Basic or Bearer) or the page's session cookie. */
export interface Viewer {
  userId: number;
  username: string;
  /** The user's own entity. */
  entityId: number;
  admin: boolean;
  kind: AccountKind;
  /** How they came: a key may not do what needs a person at the page, and a cookie needs the origin check. */
  via: "key" | "session";
  /** The anonymous account whose link is open in this browser: they may look at its runs, and claim them. */
  guestOf?: { userId: number; username: string; entityId: number };
}
