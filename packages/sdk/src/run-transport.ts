import { join } from "node:path";
import { CREATE_RUN_FILES, RUN_RESUME_STATUS, UPSERT_RUN } from "@steelyard/protocol/documents";
import { type Body, graphql, type Http, RefusedError, saidBy, send, UnansweredError } from "./http.ts";
import type { WorkerStart } from "./messages.ts";

/** A run at the server. */
export interface RunAddress {
  /** Opaque id. */
  id: string;
  name: string;
  entity: string;
  project: string;
}

export interface Bucket {
  id: string;
  name: string;
  displayName: string;
  summaryMetrics: string;
  logLineCount: number;
  historyLineCount: number;
  eventsLineCount: number;
  historyTail: string;
  eventsTail: string;
  config: string;
}

/** What the server has of the run of just this id; undefined when it has none. */
export async function existing(
  http: Http,
  start: Pick<WorkerStart, "runId" | "project" | "entity">,
): Promise<Bucket | undefined> {
  const { model } = await graphql<{ model: { bucket: Bucket | null } | null }>(http, RUN_RESUME_STATUS, {
    project: start.project,
    entity: start.entity || null,
    name: start.runId,
  });
  // A server may answer with the run whose id has dashes instead: that is another one.
  return model?.bucket?.name === start.runId ? model.bucket : undefined;
}

export async function sendConfig(http: Http, run: RunAddress, config: string): Promise<void> {
  await graphql(http, UPSERT_RUN, { name: run.name, project: run.project, entity: run.entity, config });
}

/** What became of files that were to be uploaded; one that is not there is in neither. */
export interface FileUploads {
  sent: string[];
  refused: { name: string; reason: string }[];
}

/** Files of the run's own folder, by name. Throws RefusedError when the server takes none at all. */
export async function uploadFiles(
  http: Http,
  run: RunAddress,
  folder: string,
  names: string[],
): Promise<FileUploads> {
  const { createRunFiles } = await graphql<{
    createRunFiles: { uploadHeaders: string[]; files: { name: string; uploadUrl: string | null }[] };
  }>(http, CREATE_RUN_FILES, { entity: run.entity, project: run.project, run: run.name, files: names });
  const uploads: FileUploads = { sent: [], refused: [] };
  await Promise.all(
    createRunFiles.files.map(async ({ name, uploadUrl }) => {
      if (!uploadUrl) return;
      try {
        await putContent(http, uploadUrl, createRunFiles.uploadHeaders, { path: join(folder, name) });
        uploads.sent.push(name);
      } catch (error) {
        if (error instanceof RefusedError || error instanceof UnansweredError)
          uploads.refused.push({ name, reason: saidBy(error) });
        else if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }),
  );
  return uploads;
}

/** To an address that the server gave, with the `Key:Value` headers it wants. */
export async function putContent(
  http: Http,
  uploadUrl: string,
  uploadHeaders: readonly string[],
  content: Body,
): Promise<void> {
  const headers = Object.fromEntries(
    uploadHeaders.map((header) => {
      const colon = header.indexOf(":");
      return [header.slice(0, colon), header.slice(colon + 1).trim()];
    }),
  );
  const url = uploadUrl.startsWith("/") ? http.baseUrl + uploadUrl : uploadUrl;
  await send(http, "PUT", url, content, { headers, patience: http.fileTransfer });
}
