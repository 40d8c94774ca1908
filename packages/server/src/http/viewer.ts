/** Who asks. Made once per request from the API key (Basic or Bearer) or the page's session cookie. */
export interface Viewer {
  userId: number;
  username: string;
  /** The user's own entity. */
  entityId: number;
  admin: boolean;
  kind: "user" | "service";
  /** How they came: a key may not do what needs a person at the page, and a cookie needs the origin check. */
  via: "key" | "session";
}
