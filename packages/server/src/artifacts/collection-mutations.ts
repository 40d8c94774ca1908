import { SteelyardError } from "../errors.ts";
import { parseGlobalId } from "../http/global-id.ts";
import type { GraphqlContext, Resolver } from "../http/resolvers.ts";
import { requireViewer } from "../projects/access.ts";
import { type Collection, checkArtifactName, findCollection, findCollectionById } from "./artifact.ts";
import { dropBlobs } from "./artifact-files.ts";
import { dropVersion } from "./deletion.ts";

async function requireCollection(id: string, { services, viewer }: GraphqlContext): Promise<Collection> {
  requireViewer(viewer);
  const number = parseGlobalId("ArtifactCollection", id);
  const collection = await findCollectionById(services, viewer, number, "write");
  if (collection) return collection;
  throw new SteelyardError("not-found", "there is no such artifact collection, or you may not see it");
}

const answer = (collection: Collection) => ({
  artifactCollection: { ...collection, __typename: "ArtifactSequence" },
});

/** Null and absent leave a field alone. */
const updateSequence: Resolver = async (
  _source,
  { input }: { input: { artifactSequenceID: string; name?: string | null; description?: string | null } },
  context,
) => {
  const { services } = context;
  const { row, project } = await requireCollection(input.artifactSequenceID, context);
  const name = input.name == null ? row.name : checkArtifactName("name", input.name);
  const changed = await services.catalog.write(async (tx) => {
    if (name !== row.name && (await findCollection(tx, project, name)))
      throw new SteelyardError(
        "conflict",
        `there is an artifact collection ${name} already; choose another name`,
      );
    return tx
      .updateTable("artifact_collections")
      .set({ name, description: input.description ?? row.description, updated_at: services.now() })
      .where("id", "=", row.id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  return answer({ row: changed, project });
};

/** With every version in it, aliases and content; the name is free again. */
const deleteSequence: Resolver = async (
  _source,
  { input }: { input: { artifactSequenceID: string } },
  context,
) => {
  const { services } = context;
  const collection = await requireCollection(input.artifactSequenceID, context);
  const dropped = await services.catalog.write(async (tx) => {
    const keys: string[] = [];
    const versions = await tx
      .selectFrom("artifacts")
      .select("id")
      .where("collection_id", "=", collection.row.id)
      .execute();
    for (const { id } of versions) keys.push(...(await dropVersion(tx, id)));
    await tx.deleteFrom("artifact_aliases").where("collection_id", "=", collection.row.id).execute();
    await tx.deleteFrom("artifacts").where("collection_id", "=", collection.row.id).execute();
    await tx.deleteFrom("artifact_collections").where("id", "=", collection.row.id).execute();
    return keys;
  });
  await dropBlobs(services, dropped);
  return answer(collection);
};

export const collectionMutations: Record<string, Resolver> = {
  updateArtifactSequence: updateSequence,
  deleteArtifactSequence: deleteSequence,
};
