import { posix } from "node:path";
import { SteelyardError } from "../errors.ts";
import { globalId, parseGlobalId, runGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolvers } from "../http/resolvers.ts";
import { findRun, findRunById, type RunRef, requireViewer } from "../projects/access.ts";
import { dateTime } from "../runs/run.ts";
import { countFiles, type FileRow, listFiles, reserveFile } from "./file-store.ts";
import { DOWNLOAD_DOOR, UPLOAD_DOOR } from "./routes.ts";
import { signUrl } from "./signed-url.ts";

/** Most files reserved in one request; clients ask in batches of tens. */
const MAX_FILES = 10_000;
const MAX_PAGE = 10_000;

interface FilesInput {
  entityName: string;
  projectName: string;
  runName: string;
  files: string[];
}

async function runOf(input: FilesInput, { services, viewer }: GraphqlContext): Promise<RunRef> {
  const run = await findRun(
    services,
    requireViewer(viewer),
    input.entityName,
    input.projectName,
    input.runName,
    "write",
  );
  if (run) return run;
  throw new SteelyardError(
    "not-found",
    `there is no run ${input.entityName}/${input.projectName}/${input.runName}`,
  );
}

/** A `File` that is no run's: its room answers every field, under the field's own name. */
export interface AnsweredFile {
  answered: true;
  [field: string]: unknown;
}
const isAnswered = (file: FileRow | AnsweredFile): file is AnsweredFile => "answered" in file;

/** Run files by `resolve`, others by what they came with. */
function field(
  name: string,
  resolve: (file: FileRow, args: { upload?: boolean }, context: GraphqlContext) => unknown,
) {
  return (file: FileRow | AnsweredFile, args: { upload?: boolean }, context: GraphqlContext) => {
    if (!isAnswered(file)) return resolve(file, args, context);
    const value = file[name];
    return typeof value === "function" ? value() : value;
  };
}

const downloadUrl = (file: FileRow, _args: unknown, { services, baseUrl }: GraphqlContext) =>
  file.blob_key ? signUrl(services, baseUrl, DOWNLOAD_DOOR, file.id, file.name) : null;
const uploadUrl = (file: FileRow, _args: unknown, { services, baseUrl }: GraphqlContext) =>
  signUrl(services, baseUrl, UPLOAD_DOOR, file.id, file.name);

export const filesResolvers: Resolvers = {
  Run: {
    fileCount: (run: RunRef, _args, { services }) => countFiles(services.catalog.db, run.id),
    files: async (
      run: RunRef,
      {
        names,
        pattern,
        after,
        first,
      }: { names?: (string | null)[]; pattern?: string; after?: string; first?: number },
      { services },
    ) => {
      const limit = Math.min(Math.max(first ?? 50, 1), MAX_PAGE);
      const rows = await listFiles(services.catalog.db, run.id, {
        // `./a` is the file `a`: clients ask with the path they saved.
        names: names?.filter((name) => name !== null).map((name) => posix.normalize(name)) ?? [],
        pattern,
        afterId: after ? parseGlobalId("File", after) : undefined,
        limit,
      });
      const page = rows.slice(0, limit);
      const edges = page.map((node) => ({ node, cursor: globalId("File", node.id) }));
      return {
        edges,
        pageInfo: { hasNextPage: rows.length > limit, endCursor: edges.at(-1)?.cursor ?? null },
        uploadHeaders: [],
        totalCount: () => countFiles(services.catalog.db, run.id),
      };
    },
  },
  File: {
    id: field("id", (file) => globalId("File", file.id)),
    url: field("url", (file, { upload }, context) =>
      (upload ? uploadUrl : downloadUrl)(file, undefined, context),
    ),
    directUrl: field("directUrl", downloadUrl),
    uploadUrl: field("uploadUrl", uploadUrl),
    sizeBytes: field("sizeBytes", (file) => file.size_bytes),
    updatedAt: field("updatedAt", (file) => dateTime(file.uploaded_at)),
    displayName: field("displayName", (file) => file.name),
    uploadHeaders: field("uploadHeaders", () => []),
    digest: field("digest", (file) => file.md5),
  },
  Mutation: {
    createRunFiles: async (_source, { input }: { input: FilesInput }, context) => {
      if (input.files.length > MAX_FILES)
        throw new SteelyardError("bad-request", `at most ${MAX_FILES} files at once`);
      const run = await runOf(input, context);
      const { services } = context;
      const rows = await services.catalog.write(async (tx) => {
        const reserved: FileRow[] = [];
        for (const name of input.files) reserved.push(await reserveFile(tx, run.id, name, services.now()));
        return reserved;
      });
      return { runID: runGlobalId(run), uploadHeaders: [], files: rows };
    },
    // A PUT that ended has already made its file complete; there is nothing left to do, but the run must be the caller's.
    markRunFilesUploaded: async (_source, { input }: { input: FilesInput }, context) => {
      await runOf(input, context);
      return { success: true };
    },
    deleteFiles: async (_source, { input }: { input: { files: string[] } }, { services, viewer }) => {
      requireViewer(viewer);
      const rows: FileRow[] = [];
      for (const id of input.files.slice(0, MAX_FILES)) {
        const row = await services.catalog.db
          .selectFrom("run_files")
          .selectAll()
          .where("id", "=", parseGlobalId("File", id))
          .executeTakeFirst();
        const run = row && (await findRunById(services, viewer, row.run_id, "write"));
        if (!row || !run) throw new SteelyardError("not-found", "there is no such file of yours");
        rows.push(row);
      }
      await services.catalog.write(async (tx) => {
        for (const { id } of rows) {
          await tx
            .updateTable("run_files")
            .set({ deleted_at: services.now(), uploaded_at: null, blob_key: null, size_bytes: 0, md5: null })
            .where("id", "=", id)
            .execute();
        }
      });
      for (const { blob_key } of rows) if (blob_key) await services.blobs.delete(blob_key);
      return { success: true };
    },
  },
};
