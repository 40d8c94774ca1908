import { text } from "node:stream/consumers";
import type { Services } from "../services.ts";
import type { RunModel } from "./run.ts";
import { object, ownPart, parseJsonObject } from "./run-store.ts";

export interface RunInfo {
  program: string | null;
  args: string[];
  os: string | null;
  python: string | null;
  colab: string | null;
  executable: string | null;
  codeSaved: boolean | null;
  cpuCount: number | null;
  gpuCount: number | null;
  gpu: string | null;
  git: { remote: string | null; commit: string | null } | null;
}

/** Bigger metadata is not the client's. */
const MAX_METADATA_BYTES = 1_000_000;

/** What a run's client wrote of its machine: from its config (newer clients), else from its metadata file. */
export async function runInfo(services: Services, run: RunModel): Promise<RunInfo | null> {
  const environments = Object.values(object(ownPart(parseJsonObject(run.row.config, "config")).e));
  const known = environments.length > 0 ? object(environments.at(-1)) : await metadataFile(services, run);
  if (!known) return null;
  const git = object(known.git);
  return {
    program: string(known.program),
    args: Array.isArray(known.args) ? known.args.map(String) : [],
    os: string(known.os),
    python: string(known.python),
    colab: string(known.colab),
    executable: string(known.executable),
    codeSaved: known.codePath === undefined ? null : known.codePath !== "",
    cpuCount: count(known.cpu_count ?? known.cpuCount),
    gpuCount: count(known.gpu_count ?? known.gpuCount),
    gpu: string(known.gpu),
    git: known.git ? { remote: string(git.remote), commit: string(git.commit) } : null,
  };
}

async function metadataFile(services: Services, run: RunModel): Promise<Record<string, unknown> | undefined> {
  const file = await services.catalog.db
    .selectFrom("run_files")
    .select(["blob_key", "size_bytes"])
    .where("run_id", "=", run.id)
    .where("name", "=", "wandb-metadata.json")
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (!file?.blob_key || file.size_bytes > MAX_METADATA_BYTES) return undefined;
  const content = await services.blobs.get(file.blob_key);
  if (!content) return undefined;
  try {
    return parseJsonObject(await text(content), "wandb-metadata.json");
  } catch {
    // A file the user replaced by something else is no reason to fail the page.
    return undefined;
  }
}

function string(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) ? value : null;
}
