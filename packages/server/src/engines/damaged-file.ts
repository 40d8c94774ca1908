/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26]);

/** What SQLite says of a file as it is opened; of one that is cut or none, with what to do. */
export function openingError(path: string, cause: unknown): unknown {
  const { errcode = 0, message } = cause as Error & { errcode?: number };
  if (!DAMAGED.has(errcode & 0xff)) return cause;
  return new Error(
    `${path} is damaged (${message}): restore a backup with "steelyard server restore"; what is there was not touched`,
    { cause },
  );
}
