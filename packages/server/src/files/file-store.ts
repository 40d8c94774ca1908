import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Selectable } from "kysely";
import type { CatalogReader, CatalogTransaction, RunFilesTable } from "../ports/catalog.ts";
import type { RunRef } from "../projects/access.ts";
import type { Services } from "../services.ts";
import { checkFileName, mimeTypeOf } from "./file-name.ts";

export type FileRow = Selectable<RunFilesTable>;

/** The row of that name, made when missing; a deleted one comes back empty. */
export async function reserveFile(
  tx: CatalogTransaction,
  runId: number,
  name: string,
  nowMs: number,
): Promise<FileRow> {
  checkFileName(name);
  return tx
    .insertInto("run_files")
    .values({
      run_id: runId,
      name,
      blob_key: null,
      size_bytes: 0,
      md5: null,
      mimetype: mimeTypeOf(name),
      created_at: nowMs,
      uploaded_at: null,
      deleted_at: null,
    })
    .onConflict((conflict) => conflict.columns(["run_id", "name"]).doUpdateSet({ deleted_at: null }))
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Store content under a file's row; listed from the moment this resolves. The blob it replaces is removed. */
export async function putContent(
  services: Services,
  file: { id: number },
  content: Readable,
  maxBytes: number,
): Promise<void> {
  // A key of its own for each content: a reader of the old one is not cut.
  const key = `runs/${file.id.toString(36)}/${randomBytes(9).toString("hex")}`;
  const { sizeBytes, md5 } = await services.blobs.put(key, content, { maxBytes });
  const replaced = await services.catalog.write(async (tx) => {
    const before = await tx
      .selectFrom("run_files")
      .select("blob_key")
      .where("id", "=", file.id)
      .executeTakeFirst();
    await tx
      .updateTable("run_files")
      .set({ blob_key: key, size_bytes: sizeBytes, md5, uploaded_at: services.now(), deleted_at: null })
      .where("id", "=", file.id)
      .execute();
    return before?.blob_key;
  });
  if (replaced)
    await services.blobs
      .delete(replaced)
      .catch((error) =>
        services.log.warn({ err: error, key: replaced }, "a replaced blob could not be removed"),
      );
}

/** Names the client says it has uploaded. Content makes a file complete by itself; this only keeps the report harmless. */
export async function markUploaded(
  tx: CatalogTransaction,
  runId: number,
  names: readonly string[],
  nowMs: number,
): Promise<void> {
  for (const name of names) {
    await tx
      .updateTable("run_files")
      .set({ uploaded_at: nowMs })
      .where("run_id", "=", runId)
      .where("name", "=", name)
      .where("blob_key", "is not", null)
      .where("uploaded_at", "is", null)
      .execute();
  }
}

/** Text files that come by lines (old clients, split console logs): the whole file is made anew with those lines in place. */
export async function writeTextLines(
  services: Services,
  run: RunRef,
  name: string,
  offset: number,
  lines: readonly string[],
): Promise<void> {
  const file = await services.catalog.write((tx) => reserveFile(tx, run.id, name, services.now()));
  const stored = file.blob_key ? await services.blobs.get(file.blob_key) : undefined;
  const all = stored ? (await text(stored)).split("\n") : [];
  if (all.at(-1) === "") all.pop();
  while (all.length < offset) all.push("");
  for (const [index, line] of lines.entries()) all[offset + index] = line;
  await putContent(services, file, Readable.from([`${all.join("\n")}\n`]), Number.POSITIVE_INFINITY);
}

export interface FileQuestion {
  names?: readonly string[];
  /** SQL LIKE: % and _. */
  pattern?: string | null;
  afterId?: number;
  limit: number;
}

/** Files that have content, by name; `limit + 1` rows are asked so that the caller knows whether there are more. */
export async function listFiles(
  db: CatalogReader,
  runId: number,
  question: FileQuestion,
): Promise<FileRow[]> {
  let ask = db
    .selectFrom("run_files")
    .selectAll()
    .where("run_id", "=", runId)
    .where("deleted_at", "is", null)
    .where("uploaded_at", "is not", null);
  if (question.names && question.names.length > 0) ask = ask.where("name", "in", question.names);
  else if (question.pattern) ask = ask.where("name", "like", question.pattern);
  if (question.afterId !== undefined) ask = ask.where("id", ">", question.afterId);
  return ask
    .orderBy("id")
    .limit(question.limit + 1)
    .execute();
}

export async function countFiles(db: CatalogReader, runId: number): Promise<number> {
  const { count } = await db
    .selectFrom("run_files")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("run_id", "=", runId)
    .where("deleted_at", "is", null)
    .where("uploaded_at", "is not", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Of all runs of an entity. */
export async function runFileBytes(db: CatalogReader, entityId: number): Promise<number> {
  const { bytes } = await db
    .selectFrom("run_files")
    .innerJoin("runs", "runs.id", "run_files.run_id")
    .innerJoin("projects", "projects.id", "runs.project_id")
    .select((select) => select.fn.sum<number | null>("run_files.size_bytes").as("bytes"))
    .where("projects.entity_id", "=", entityId)
    .executeTakeFirstOrThrow();
  return bytes ?? 0;
}
