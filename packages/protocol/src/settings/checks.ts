import { GlobError, globMatcher } from "../globs/index.ts";
import type { Check } from "./setting.ts";

/** Rules of single values. Each returns what is wrong and what would be right. */

export const trim = (text: string) => ({ value: text.trim() });

const FORBIDDEN_IN_PROJECT = /[/\\#?%:]/;
const MAX_PROJECT = 128;

export const projectName: Check = (name) => {
  if (FORBIDDEN_IN_PROJECT.test(name)) return "a project name without / \\ # ? % :";
  return name.length > MAX_PROJECT ? `at most ${MAX_PROJECT} characters; this has ${name.length}` : undefined;
};

export const entityName: Check = (name) =>
  name.includes("/") ? "the name of a user or team, without /" : undefined;

/** The page of variables promises both numbers; the official client has no limit. */
const MAX_RUN_ID = 64;

/** From code an id is taken as it is or refused; from outside `dashed` has changed it before. */
export const runId: Check = (id, source) => {
  if (source === "code" && id.trim() !== id) return "an id without blanks at its ends";
  if (/[:;,#?/']/.test(id)) return "an id without : ; , # ? / '";
  return id.length > MAX_RUN_ID
    ? `an id of at most ${MAX_RUN_ID} characters; this has ${id.length}`
    : undefined;
};

/** Whether an id can be had as it is. */
export const isRunId = (id: string): boolean => runId(id, "code") === undefined;

/** Every character that is no letter, digit, `_` or `-` becomes `-`, as the page of variables says. */
export function dashed(text: string): { value: string; warning?: string } {
  const id = text.trim();
  const value = id.replace(/[^\p{L}\p{N}_-]/gu, "-");
  return value === id
    ? { value }
    : { value, warning: `the run id ${JSON.stringify(id)} becomes ${JSON.stringify(value)}` };
}

/** `entity/project/sweep` names the sweep. */
export function lastPart(text: string): { value: string } {
  return { value: text.trim().split("/").at(-1) ?? "" };
}

/** A key from a mounted file ends with a newline; any other blank is a mistake that must be seen. */
export function withoutNewline(text: string): { value: string } {
  return { value: text.replace(/\r?\n$/, "") };
}

export const apiKeyText: Check = (key) =>
  key.trim() === key ? undefined : "a key that does not begin or end with a blank";

/** What the official client lets an artifact be called. */
export const artifactName: Check = (name) =>
  /^[\w.-]{1,128}$/.test(name)
    ? undefined
    : "the name of an artifact: at most 128 letters, digits, _, - and .";

export const tag: Check = (text) =>
  text.length > 64 ? `tags of 1 to 64 characters; one has ${text.length}` : undefined;

/** A pattern that can match; `globs/` has the syntax. */
export const globPattern: Check = (pattern) => {
  try {
    globMatcher(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof GlobError) return error.message;
    throw error;
  }
};

const HOSTED = "wandb.ai";

export const serverUrl: Check = (text) => {
  const wrong = webAddress(text, "environment");
  if (wrong) return wrong;
  const { hostname, protocol } = new URL(text);
  if (hostname !== HOSTED && !hostname.endsWith(`.${HOSTED}`)) return undefined;
  return hostname.startsWith("api.") && protocol === "https:"
    ? undefined
    : `the address of the hosted service's API, https://api.${HOSTED}`;
};

/** An http(s) address with a host; no trailing slash is left by then. */
export const webAddress: Check = (text) => {
  const example = /^[\w.-]+:\d+/.test(text) ? `http://${text}` : "http://127.0.0.1:8080";
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    return `an address that begins with http:// or https://; did you mean ${example}?`;
  return /\s/.test(text) ? "an address without blanks" : undefined;
};

/** Trimmed, no slash at the end: paths are put behind it. */
export function address(text: string): { value: string } {
  return { value: text.trim().replace(/\/+$/, "") };
}
