import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../make-folder.ts";
import { RouteError } from "./proxy.ts";

/** In place of a key: a token of who we are, which the server exchanges for access. */
export interface Identity {
  /** With a JSON web token; read at each exchange, for whoever puts it there renews it. */
  tokenFile: string;
  /** Where access is kept for the next process; the official client's format. */
  credentialsFile: string;
}

interface Access {
  token: string;
  expiresMs: number;
}

/** Access that ends sooner is renewed: a request must not find it over. */
const RENEW_MS = 5 * 60_000;
/** By server and token file, in this thread. */
const known = new Map<string, Access>();

/** What the server answers to a form with the token. */
export type Exchange = (form: string) => Promise<{ status: number; text: string }>;

/** A token for `Authorization: Bearer`. Throws RouteError when none can be had, Error when another try may have one. */
export async function accessTo(baseUrl: string, identity: Identity, exchange: Exchange): Promise<string> {
  const key = `${baseUrl} ${identity.tokenFile}`;
  const isFresh = ({ expiresMs }: Access) => expiresMs - Date.now() > RENEW_MS;
  const here = known.get(key);
  if (here && isFresh(here)) return here.token;
  const kept = here ? undefined : readAccess(identity.credentialsFile, baseUrl);
  const access = kept && isFresh(kept) ? kept : await newAccess(identity.tokenFile, exchange);
  known.set(key, access);
  if (access !== kept) keepAccess(identity.credentialsFile, baseUrl, access);
  return access.token;
}

async function newAccess(tokenFile: string, exchange: Exchange): Promise<Access> {
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: tokenIn(tokenFile),
  });
  const { status, text } = await exchange(form.toString());
  if (status >= 400 && status < 500 && status !== 429)
    throw new RouteError(
      `the server gives no access for the identity token of ${tokenFile} (${status} ${saidIn(text)}); unset WANDB_IDENTITY_TOKEN_FILE to use a key`,
    );
  if (status < 200 || status >= 300) throw new Error(`${status} ${saidIn(text)}`.trim());
  const answer = parsed(text) as { access_token?: unknown; expires_in?: unknown };
  if (typeof answer.access_token !== "string")
    throw new RouteError(
      "the server's answer to the identity token has no access_token; check WANDB_BASE_URL",
    );
  return { token: answer.access_token, expiresMs: Date.now() + Number(answer.expires_in ?? 0) * 1000 };
}

function tokenIn(tokenFile: string): string {
  try {
    return readFileSync(tokenFile, "utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new RouteError(
      `the identity token ${tokenFile} cannot be read (${code}); check WANDB_IDENTITY_TOKEN_FILE`,
    );
  }
}

function saidIn(text: string): string {
  const { error } = parsed(text) as { error?: unknown };
  return typeof error === "string" ? error : "";
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

type Kept = Record<string, { expires_at?: unknown; access_token?: unknown }>;

function allKept(file: string): Kept {
  try {
    return (parsed(readFileSync(file, "utf8")) as { credentials?: Kept }).credentials ?? {};
  } catch {
    return {};
  }
}

function readAccess(file: string, baseUrl: string): Access | undefined {
  const { access_token: token, expires_at: expires } = allKept(file)[baseUrl] ?? {};
  if (typeof token !== "string" || typeof expires !== "string") return undefined;
  const expiresMs = Date.parse(`${expires.replace(" ", "T")}Z`);
  return Number.isNaN(expiresMs) ? undefined : { token, expiresMs };
}

function keepAccess(file: string, baseUrl: string, { token, expiresMs }: Access): void {
  const expires = new Date(expiresMs).toISOString().slice(0, 19).replace("T", " ");
  const credentials = { ...allKept(file), [baseUrl]: { expires_at: expires, access_token: token } };
  const temporary = `${file}.${process.pid}`;
  try {
    makeFolder(dirname(file));
    writeFileSync(temporary, JSON.stringify({ credentials }), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // A convenience: without it the next process asks again.
  }
}
