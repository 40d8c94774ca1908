import { hash, randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Exactly 40 letters and digits: clients before 0.22 take nothing else. */
export function newApiKey(): string {
  let key = "";
  for (let at = 0; at < 40; at++) key += LETTERS[randomInt(LETTERS.length)];
  return key;
}

export function isApiKey(text: string): boolean {
  return /^[A-Za-z0-9_-]{40,512}$/.test(text);
}

/** 256 random bits for cookies and links. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** For keys and tokens only: they are random and long, so one round is enough and every request can afford it. */
export function hashToken(token: string): string {
  return hash("sha256", token);
}

/** scrypt cost: 2^15 × 8 × 1 ≈ 32 MiB and some 50 ms, OWASP's smallest advice. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };
const HASH_BYTES = 32;

/** `scrypt$N$r$p$salt$hash`, base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, COST);
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

export async function passwordMatches(password: string, stored: string): Promise<boolean> {
  const [kind, N, r, p, salt = "", hash = ""] = stored.split("$");
  if (kind !== "scrypt") return false;
  const wanted = Buffer.from(hash, "base64url");
  const found = await derive(password, Buffer.from(salt, "base64url"), {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    maxmem: COST.maxmem,
  });
  return found.length === wanted.length && timingSafeEqual(found, wanted);
}

function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, HASH_BYTES, cost, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}
