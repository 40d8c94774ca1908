import { closeSync, fsyncSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** A whole copy as of one moment, made while others read and write; `to` must not be there. Durable when it returns. */
export function copyDatabase(from: string, to: string): void {
  reading(from, (source) => source.prepare("VACUUM INTO ?").run(to));
  const file = openSync(to, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** What SQLite finds wrong with a file; empty when it is sound. */
export function databaseProblems(path: string): string[] {
  try {
    const found = reading(path, (database) => database.prepare("PRAGMA integrity_check(10)").all());
    return (found as { integrity_check: string }[])
      .map(({ integrity_check }) => integrity_check)
      .filter((text) => text !== "ok");
  } catch (error) {
    return [(error as Error).message];
  }
}

/** `PRAGMA user_version`: how many migrations have run, or the format's number. */
export function databaseVersion(path: string): number {
  return Number(
    reading(path, (database) => database.prepare("PRAGMA user_version").get()?.user_version ?? 0),
  );
}

function reading<T>(path: string, ask: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec("PRAGMA busy_timeout = 10000");
    return ask(database);
  } finally {
    database.close();
  }
}
