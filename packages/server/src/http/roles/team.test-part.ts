import { type Doors, openDoors } from "../doors.test-part.ts";

/** From the least to the most; each may do what those before it may. */
export const ROLES = ["nobody", "stranger", "viewer", "member", "lead", "admin"] as const;
export type Role = (typeof ROLES)[number];
/** What those who may not are told. A stranger hears what they would hear of a thing that is not there. */
export const REFUSED: Record<Role, number> = {
  nobody: 401,
  stranger: 404,
  viewer: 403,
  member: 403,
  lead: 403,
  admin: 403,
};

export interface Team {
  doors: Doors;
  /** Of each role's person; nobody has none. */
  keys: Partial<Record<Role, string>>;
  /** Of the team's things. */
  ids: Record<string, string>;
  ask: Doors["ask"];
  /** With its errors, which are what is asked for here. */
  graphql<T>(
    key: string | undefined,
    query: string,
    variables?: object,
  ): Promise<{ status: number; data?: T; errors?: { message: string }[] }>;
}

export const all = (status: number) =>
  Object.fromEntries(ROLES.map((role) => [role, status])) as Record<Role, number>;
export const adminOnly = { stranger: 403, viewer: 403, member: 403, lead: 403 };

export const mutation = (name: string, selection = "__typename") => {
  const input = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return `mutation M($i: ${INPUTS[name] ?? input}!) { ${name}(input: $i) { ${selection} } }`;
};
/** Mutations whose input is not named after them. */
const INPUTS: Record<string, string> = {
  deleteModel: "DeleteProjectInput",
  markRunFilesUploaded: "CreateRunFilesInput",
};

/** A team with somebody in each role, and one of everything there is. */
export async function openTeam(): Promise<Team> {
  const doors = await openDoors();
  const keys: Team["keys"] = {};
  const ids: Team["ids"] = {};
  const { ask, graphql: must } = doors;
  const { admin } = doors;
  keys.admin = admin;
  for (const role of ["stranger", "viewer", "member", "lead"] as const) {
    keys[role] = await doors.user(role, { email: `${role}@example.org` });
  }
  await ask(admin, "POST", "/api/v1/admin/teams", {
    name: "lab",
    members: [
      { username: "viewer", role: "viewer" },
      { username: "member", role: "member" },
      { username: "lead", role: "admin" },
    ],
  });
  await ask(admin, "POST", "/api/v1/admin/organizations", {
    name: "house",
    members: ["viewer", "member", "lead"].map((username) => ({ username, role: "member" })),
  });
  const { member } = keys;
  const made = await must<{ upsertBucket: { bucket: { id: string; project: { id: string } } } }>(
    member,
    mutation("upsertBucket", "bucket { id project { id } }"),
    { i: { entityName: "lab", modelName: "p", name: "r" } },
  );
  ids.run = made.upsertBucket.bucket.id;
  ids.project = made.upsertBucket.bucket.project.id;
  await ask(member, "POST", "/files/lab/p/r/file_stream", {
    files: { "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"loss":1}'] } },
  });
  const files = await must<{ createRunFiles: { files: { name: string; uploadUrl: string }[] } }>(
    member,
    mutation("createRunFiles", "files { name uploadUrl }"),
    { i: { entityName: "lab", projectName: "p", runName: "r", files: ["a.txt"] } },
  );
  const upload = new URL(files.createRunFiles.files[0]?.uploadUrl ?? "");
  await ask(undefined, "PUT", upload.pathname, "content");
  const read = await must<{
    project: { run: { files: { edges: { node: { id: string; directUrl: string } }[] } } };
  }>(
    member,
    `{ project(name: "p", entityName: "lab") { run(name: "r") { files(names: ["a.txt"]) { edges { node { id directUrl } } } } } }`,
  );
  const file = read.project.run.files.edges[0]?.node;
  ids.file = file?.id ?? "";
  ids.download = new URL(file?.directUrl ?? "").pathname;
  const artifact = await must<{
    createArtifact: { artifact: { id: string; artifactSequence: { id: string } } };
  }>(member, mutation("createArtifact", "artifact { id artifactSequence { id } }"), {
    i: {
      entityName: "lab",
      projectName: "p",
      runName: "r",
      artifactTypeName: "dataset",
      artifactCollectionName: "data",
      digest: "d",
      digestAlgorithm: "MANIFEST_MD5",
    },
  });
  ids.artifact = artifact.createArtifact.artifact.id;
  ids.sequence = artifact.createArtifact.artifact.artifactSequence.id;
  const manifest = await must<{ createArtifactManifest: { artifactManifest: { id: string } } }>(
    member,
    mutation("createArtifactManifest", "artifactManifest { id }"),
    {
      i: {
        artifactID: ids.artifact,
        name: "m",
        digest: "d",
        entityName: "lab",
        projectName: "p",
        runName: "r",
      },
    },
  );
  ids.manifest = manifest.createArtifactManifest.artifactManifest.id;
  const view = await must<{ upsertView: { view: { id: string } } }>(
    member,
    mutation("upsertView", "view { id }"),
    { i: { entityName: "lab", projectName: "p", type: "runs", name: "v", displayName: "v", spec: "{}" } },
  );
  ids.view = view.upsertView.view.id;
  const second = await must<{ generateApiKey: { apiKey: { id: string } } }>(
    keys.lead,
    mutation("generateApiKey", "apiKey { id }"),
    { i: {} },
  );
  ids.key = second.generateApiKey.apiKey.id;
  return {
    doors,
    keys,
    ids,
    ask,
    async graphql<T>(key: string | undefined, query: string, variables: object = {}) {
      const reply = await ask(key, "POST", "/graphql", { query, variables });
      return { status: reply.status, ...reply.json<{ data?: T; errors?: { message: string }[] }>() };
    },
  };
}
