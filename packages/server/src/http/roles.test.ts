import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { SCHEMA_SDL } from "@steelyard/protocol/graphql";
import { buildSchema } from "graphql";
import { type Doors, openDoors } from "./doors.test-part.ts";
import { createApp } from "./server.ts";

/**
 * Who may do what: every route and every mutation, asked by everyone. A route or mutation that is not in the tables fails
 * the test: whoever adds one says here whom it is for.
 */

/** From the least to the most; each may do what those before it may. */
const ROLES = ["nobody", "stranger", "viewer", "member", "lead", "admin"] as const;
type Role = (typeof ROLES)[number];
/** What those who may not are told. A stranger hears what they would hear of a thing that is not there. */
const REFUSED: Record<Role, number> = {
  nobody: 401,
  stranger: 404,
  viewer: 403,
  member: 403,
  lead: 403,
  admin: 403,
};

let doors: Doors;
const keys: Partial<Record<Role, string>> = {};
const ids: Record<string, string> = {};

const ask = (key: string | undefined, method: string, path: string, body?: unknown) =>
  doors.ask(key, method, path, body);
const must = <T>(key: string | undefined, query: string, variables: object = {}) =>
  doors.graphql<T>(key, query, variables);

/** With its errors, which are what is asked for here. */
async function graphql<T>(key: string | undefined, query: string, variables: object = {}) {
  const reply = await ask(key, "POST", "/graphql", { query, variables });
  return { status: reply.status, ...reply.json<{ data?: T; errors?: { message: string }[] }>() };
}

const mutation = (name: string, selection = "__typename") => {
  const input = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return `mutation M($i: ${INPUTS[name] ?? input}!) { ${name}(input: $i) { ${selection} } }`;
};
/** Mutations whose input is not named after them. */
const INPUTS: Record<string, string> = {
  deleteModel: "DeleteProjectInput",
  markRunFilesUploaded: "CreateRunFilesInput",
};

before(async () => {
  doors = await openDoors();
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
});
after(async () => {
  await doors.close();
});

/** A tree whose page was never built says so. */
const PAGE_STATUS = existsSync(new URL("../../../web/assets/index.html", import.meta.url)) ? 200 : 503;
const RUN = "entity=lab&project=p&run=r";

interface Door {
  /** Of a request of this kind. */
  path: () => string;
  method?: string;
  body?: () => unknown;
  /** The least of those it is for. */
  from: Role;
  /** Where those who may not are told something else: "is it there" may not be asked at all. */
  refused?: Partial<Record<Role, number>>;
  /** What those who may hear, when it is not 200. */
  status?: number;
}
const all = (status: number) =>
  Object.fromEntries(ROLES.map((role) => [role, status])) as Record<Role, number>;
const adminOnly = { stranger: 403, viewer: 403, member: 403, lead: 403 };

const DOORS: Record<string, Door> = {
  "GET /healthz": { path: () => "/healthz", from: "nobody" },
  "GET /readyz": { path: () => "/readyz", from: "nobody" },
  "GET /ready": { path: () => "/ready", from: "nobody" },
  "GET /metrics": { path: () => "/metrics", from: "nobody" },
  "ALL /sdk/otel/*": { path: () => "/sdk/otel/x", from: "nobody", status: 404 },
  "POST /oidc/token": {
    path: () => "/oidc/token",
    method: "POST",
    body: () => ({}),
    from: "nobody",
    status: 400,
  },
  "POST /graphql": {
    path: () => "/graphql",
    method: "POST",
    body: () => ({ query: "{ viewer { id } }" }),
    from: "nobody",
  },
  "ALL /api/*": { path: () => "/api/none", from: "nobody", status: 404 },
  // The page is the same for all; what it shows it asks for.
  "GET /*": { path: () => "/home", from: "nobody", status: PAGE_STATUS },
  "GET /api/v1/server": { path: () => "/api/v1/server", from: "nobody" },
  "GET /api/v1/session": { path: () => "/api/v1/session", from: "stranger" },
  "POST /api/v1/session": {
    path: () => "/api/v1/session",
    method: "POST",
    body: () => ({ apiKey: "x".repeat(40) }),
    from: "nobody",
    status: 401,
  },
  "DELETE /api/v1/session": { path: () => "/api/v1/session", method: "DELETE", from: "nobody" },
  // Whose key it is decides; of no anonymous account, and where none are taken, it opens nothing.
  "POST /api/v1/anonymous/visit": {
    path: () => "/api/v1/anonymous/visit",
    method: "POST",
    body: () => ({ apiKey: "x".repeat(40) }),
    from: "nobody",
    status: 404,
  },
  // For who has opened such a link; what it does then is in anonymous.test.ts.
  "POST /api/v1/anonymous/claim": {
    path: () => "/api/v1/anonymous/claim",
    method: "POST",
    body: () => ({}),
    from: "stranger",
    status: 404,
  },
  "GET /sign-in": { path: () => "/sign-in?token=x", from: "nobody", status: 303 },
  "GET /api/v1/admin/users": { path: () => "/api/v1/admin/users", from: "admin", refused: adminOnly },
  "POST /api/v1/admin/users": {
    path: () => "/api/v1/admin/users",
    method: "POST",
    body: () => ({ username: "made" }),
    from: "admin",
    refused: adminOnly,
    status: 201,
  },
  "PATCH /api/v1/admin/users/:username": {
    path: () => "/api/v1/admin/users/made",
    method: "PATCH",
    body: () => ({ email: "m@example.org" }),
    from: "admin",
    refused: adminOnly,
  },
  "DELETE /api/v1/admin/users/:username": {
    path: () => "/api/v1/admin/users/made",
    method: "DELETE",
    from: "admin",
    refused: adminOnly,
  },
  "GET /api/v1/admin/organizations": {
    path: () => "/api/v1/admin/organizations",
    from: "admin",
    refused: adminOnly,
  },
  "POST /api/v1/admin/organizations": {
    path: () => "/api/v1/admin/organizations",
    method: "POST",
    body: () => ({ name: "org" }),
    from: "admin",
    refused: adminOnly,
    status: 201,
  },
  "PATCH /api/v1/admin/organizations/:name": {
    path: () => "/api/v1/admin/organizations/org",
    method: "PATCH",
    body: () => ({}),
    from: "admin",
    refused: adminOnly,
  },
  "DELETE /api/v1/admin/organizations/:name": {
    path: () => "/api/v1/admin/organizations/org",
    method: "DELETE",
    from: "admin",
    refused: adminOnly,
  },
  "GET /api/v1/admin/teams": { path: () => "/api/v1/admin/teams", from: "admin", refused: adminOnly },
  "POST /api/v1/admin/teams": {
    path: () => "/api/v1/admin/teams",
    method: "POST",
    body: () => ({ name: "other" }),
    from: "admin",
    refused: adminOnly,
    status: 201,
  },
  "PATCH /api/v1/admin/teams/:name": {
    path: () => "/api/v1/admin/teams/other",
    method: "PATCH",
    body: () => ({}),
    from: "admin",
    refused: adminOnly,
  },
  "DELETE /api/v1/admin/teams/:name": {
    path: () => "/api/v1/admin/teams/other",
    method: "DELETE",
    from: "admin",
    refused: adminOnly,
  },
  "POST /files/:entity/:project/:run/file_stream": {
    path: () => "/files/lab/p/r/file_stream",
    method: "POST",
    body: () => ({}),
    from: "member",
  },
  "POST /api/v1/series": {
    path: () => "/api/v1/series",
    method: "POST",
    body: () => ({
      entity: "lab",
      project: "p",
      runs: ["r"],
      keys: ["loss"],
      stream: "history",
      x: { kind: "step" },
      buckets: 10,
    }),
    from: "viewer",
  },
  "GET /api/v1/keys": { path: () => `/api/v1/keys?${RUN}`, from: "viewer" },
  "GET /api/v1/run-keys": { path: () => `/api/v1/run-keys?${RUN}`, from: "viewer" },
  "GET /api/v1/export": {
    path: () => `/api/v1/export?${RUN}&format=csv`,
    from: "viewer",
  },
  "GET /api/v1/console": { path: () => `/api/v1/console?${RUN}`, from: "viewer" },
  "GET /api/v1/console/search": {
    path: () => `/api/v1/console/search?${RUN}&q=x`,
    from: "viewer",
  },
  "GET /api/v1/console/download": {
    path: () => `/api/v1/console/download?${RUN}`,
    from: "viewer",
  },
  "GET /api/v1/live": {
    path: () => "/api/v1/live?entity=lab&project=p",
    from: "viewer",
  },
  // What signs itself: who has the address may use it, nobody can make one.
  "PUT /storage/upload/:token/*": {
    path: () => "/storage/upload/x.y/a.txt",
    method: "PUT",
    body: () => "x",
    from: "nobody",
    status: 403,
  },
  "OPTIONS /storage/file/*": {
    path: () => ids.download ?? "",
    method: "OPTIONS",
    from: "nobody",
    status: 204,
  },
  "GET /storage/file/:token/*": { path: () => ids.download ?? "", from: "nobody" },
  "PUT /storage/artifact/:token/*": {
    path: () => "/storage/artifact/x.y/a",
    method: "PUT",
    body: () => "x",
    from: "nobody",
    status: 403,
  },
  "PUT /storage/manifest/:token/*": {
    path: () => "/storage/manifest/x.y/a",
    method: "PUT",
    body: () => "x",
    from: "nobody",
    status: 403,
  },
  "GET /storage/artifact-file/:token/*": {
    path: () => "/storage/artifact-file/x.y/a",
    from: "nobody",
    status: 403,
  },
  "GET /storage/manifest-file/:token/*": {
    path: () => "/storage/manifest-file/x.y/a",
    from: "nobody",
    status: 403,
  },
  "GET /artifactsV2/*": {
    path: () => "/artifactsV2/default/lab/p/data/x/x/00/a",
    from: "stranger",
    refused: { nobody: 404 },
    status: 404,
  },
  "GET /artifacts/:entity/:hex": {
    path: () => `/artifacts/lab/${"0".repeat(32)}`,
    from: "stranger",
    status: 404,
  },
};

interface Change {
  input: () => Record<string, unknown>;
  from: Role;
  refused?: Partial<Record<Role, number>>;
  /** What those who may hear, when it is not 200: the input is wrong on purpose. */
  status?: number;
  /** Everyone who may does it; else only the least of them, because it can be done once. */
  again?: true;
}
const inRun = () => ({ entityName: "lab", projectName: "p", runName: "r" });
const aliases = () => [{ artifactCollectionName: "data", alias: "a" }];

const CHANGES: Record<string, Change> = {
  upsertBucket: { input: () => ({ id: ids.run, notes: "n" }), from: "member", again: true },
  rewindRun: {
    // A run that cannot be seen is answered like one that is not there: null, which the client understands.
    input: () => ({ ...inRun(), metricName: "_step", metricValue: 0 }),
    from: "member",
    refused: { stranger: 200 },
    again: true,
  },
  stopRun: { input: () => ({ id: ids.run }), from: "member", again: true },
  updateRunState: { input: () => ({ id: ids.run, state: "failed" }), from: "member" },
  createRunFiles: { input: () => ({ ...inRun(), files: ["b.txt"] }), from: "member", again: true },
  markRunFilesUploaded: { input: () => ({ ...inRun(), files: ["a.txt"] }), from: "member", again: true },
  notifyScriptableRunAlert: {
    input: () => ({ ...inRun(), title: "t", text: "x" }),
    from: "member",
    again: true,
  },
  upsertModel: { input: () => ({ id: ids.project, description: "d" }), from: "member", again: true },
  upsertView: { input: () => ({ id: ids.view, spec: "{}" }), from: "member", again: true },
  createCustomChart: {
    input: () => ({
      entity: "lab",
      name: "c",
      displayName: "c",
      type: "vega2",
      access: "private",
      spec: "{}",
    }),
    from: "member",
    again: true,
  },
  createArtifactType: {
    input: () => ({ entityName: "lab", projectName: "p", name: "t" }),
    from: "member",
    again: true,
  },
  createArtifact: {
    input: () => ({
      ...inRun(),
      artifactTypeName: "dataset",
      artifactCollectionName: "other",
      digest: "e",
      digestAlgorithm: "MANIFEST_MD5",
    }),
    from: "member",
    again: true,
  },
  createArtifactManifest: {
    input: () => ({ ...inRun(), artifactID: ids.artifact, name: "m", digest: "d" }),
    from: "member",
    again: true,
  },
  updateArtifactManifest: {
    input: () => ({ artifactManifestID: ids.manifest, digest: "d" }),
    from: "member",
    again: true,
  },
  createArtifactFiles: {
    input: () => ({
      artifactFiles: [{ artifactID: ids.artifact, name: "f", md5: "XrY7u+Ae7tCTyyK7j1rNww==" }],
    }),
    from: "member",
    again: true,
  },
  completeMultipartUploadArtifact: {
    // Never right, for nobody: no upload in parts is handed out.
    input: () => ({
      completeMultipartAction: "Complete",
      completedParts: [],
      artifactID: ids.artifact,
      storagePath: "x",
      uploadID: "x",
    }),
    from: "member",
    refused: all(400),
    status: 400,
    again: true,
  },
  commitArtifact: { input: () => ({ artifactID: ids.artifact }), from: "member", status: 400, again: true },
  // Looking at an artifact is enough to use it, writing to the run is needed too.
  useArtifact: { input: () => ({ ...inRun(), artifactID: ids.artifact }), from: "member", again: true },
  updateArtifact: {
    input: () => ({ artifactID: ids.artifact, description: "d" }),
    from: "member",
    again: true,
  },
  addAliases: {
    input: () => ({ artifactID: ids.artifact, aliases: aliases() }),
    from: "member",
    status: 409,
    again: true,
  },
  deleteAliases: {
    input: () => ({ artifactID: ids.artifact, aliases: aliases() }),
    from: "member",
    again: true,
  },
  updateArtifactSequence: {
    input: () => ({ artifactSequenceID: ids.sequence, description: "d" }),
    from: "member",
    again: true,
  },
  deleteArtifact: { input: () => ({ artifactID: ids.artifact, deleteAliases: true }), from: "member" },
  deleteArtifactSequence: { input: () => ({ artifactSequenceID: ids.sequence }), from: "member" },
  deleteFiles: { input: () => ({ files: [ids.file] }), from: "member" },
  deleteView: { input: () => ({ id: ids.view }), from: "member" },
  deleteRun: { input: () => ({ id: ids.run }), from: "member", again: true },
  restoreRun: { input: () => ({ id: ids.run }), from: "member", again: true },
  createUser: { input: () => ({ email: "newcomer@example.org" }), from: "admin", refused: adminOnly },
  createServiceAccount: { input: () => ({ entityName: "lab", description: "robot" }), from: "lead" },
  createInvite: { input: () => ({ entityName: "lab", email: "newcomer@example.org" }), from: "lead" },
  deleteInvite: { input: () => ({ id: "none", entityName: "lab" }), from: "lead", status: 400, again: true },
  renameProject: {
    input: () => ({ entityName: "lab", oldProjectName: "p", newProjectName: "p" }),
    from: "lead",
    again: true,
  },
  moveProject: {
    input: () => ({ entityName: "lab", projectName: "p", newEntityName: "lab" }),
    from: "lead",
    again: true,
  },
  // Not offered unless the server is told to: then to everyone.
  createAnonymousEntity: { input: () => ({}), from: "nobody", status: 403, again: true },
  createTeam: { input: () => ({ teamName: "mine" }), from: "admin", refused: adminOnly },
  generateApiKey: { input: () => ({ description: "d" }), from: "stranger", again: true },
  // Each has keys of their own; another's is not there for them.
  deleteApiKey: { input: () => ({ id: ids.key }), from: "lead", refused: { ...all(404), nobody: 401 } },
  deleteProject: {
    input: () => ({ id: ids.project }),
    from: "lead",
    // Deleting what is not there succeeds, and does nothing.
    refused: { stranger: 200 },
  },
  deleteModel: {
    input: () => ({ id: ids.project }),
    from: "lead",
    refused: { ...all(200), nobody: 401 },
    again: true,
  },
};

/** Every question of GraphQL: what it asks for the team's things, and who is shown them. Others hear null. */
const QUESTIONS: Record<string, { ask: () => string; from: Role }> = {
  viewer: { ask: () => "viewer { username }", from: "stranger" },
  serverInfo: { ask: () => "serverInfo { __typename }", from: "nobody" },
  entity: { ask: () => `entity(name: "lab") { name }`, from: "viewer" },
  organization: { ask: () => `organization(name: "house") { name }`, from: "viewer" },
  users: { ask: () => `users(query: "member") { edges { node { username } } }`, from: "admin" },
  project: { ask: () => `project(name: "p", entityName: "lab") { name }`, from: "viewer" },
  model: { ask: () => `model(name: "p", entityName: "lab") { name }`, from: "viewer" },
  models: { ask: () => `models(entityName: "lab") { edges { node { name } } }`, from: "nobody" },
  view: { ask: () => `view(id: "${ids.view}") { id }`, from: "viewer" },
  clientIDMapping: { ask: () => `clientIDMapping(clientID: "none") { __typename }`, from: "admin" },
  artifact: { ask: () => `artifact(id: "${ids.artifact}") { id }`, from: "viewer" },
  artifactCollection: { ask: () => `artifactCollection(id: "${ids.sequence}") { name }`, from: "viewer" },
};

suite("who may do what", () => {
  test("every question is in the table", () => {
    const names = Object.keys(buildSchema(SCHEMA_SDL).getQueryType()?.getFields() ?? {});
    assert.deepEqual(names.sort(), Object.keys(QUESTIONS).sort());
  });

  for (const [name, { ask: text, from }] of Object.entries(QUESTIONS)) {
    test(`${name}: shown to ${from} and up`, async () => {
      for (const role of ROLES) {
        const { status, data, errors } = await graphql<Record<string, unknown>>(keys[role], `{ ${text()} }`);
        const shown = JSON.stringify(data?.[name] ?? null);
        const told = `${role}: ${status} ${shown} ${JSON.stringify(errors)}`;
        if (name === "models") assert.equal(shown.includes('"p"'), ROLES.indexOf(role) >= 2, told);
        else if (name === "users") assert.equal(shown.includes("member"), role === "admin", told);
        else if (name === "clientIDMapping") assert.equal(shown, "null", told);
        else if (ROLES.indexOf(role) >= ROLES.indexOf(from)) assert.notEqual(shown, "null", told);
        else assert.ok(shown === "null" && [200, 401, 404].includes(status), told);
      }
    });
  }

  test("every route is in the table", async () => {
    const app = await createApp(doors.server.services);
    const found = new Set(
      app.routes
        .filter(({ method, path, handler }) => !(method === "ALL" && path === "/*") && handler.length < 2)
        .map(({ method, path }) => `${method} ${path}`),
    );
    assert.deepEqual([...found].sort(), Object.keys(DOORS).sort());
  });

  test("every mutation is in the table", () => {
    const names = Object.keys(buildSchema(SCHEMA_SDL).getMutationType()?.getFields() ?? {});
    assert.deepEqual(names.sort(), Object.keys(CHANGES).sort());
  });

  for (const [name, { path, method = "GET", body, from, refused = {}, status = 200 }] of Object.entries(
    DOORS,
  )) {
    test(`${name}: for ${from === "nobody" ? "everyone" : `${from} and up`}`, async () => {
      for (const role of ROLES) {
        const may = ROLES.indexOf(role) >= ROLES.indexOf(from);
        // What can be done once is done by the first who may.
        if (may && method === "DELETE" && from === "admin" && role !== from) continue;
        const answer = await ask(keys[role], method, path(), body?.());
        const expected = may ? status : (refused[role] ?? REFUSED[role]);
        assert.equal(answer.status, expected, `${role}: ${answer.text.slice(0, 300)}`);
        if (!may) assert.ok(!answer.text.includes("loss"), `${role} is shown data`);
      }
      if (path().startsWith("/storage/")) return;
      const wrong = await ask("x".repeat(40), method, path(), body?.());
      const open =
        from === "nobody" &&
        ["/healthz", "/readyz", "/ready", "/metrics", "/sdk/otel/x", "/oidc/token"].includes(path());
      assert.equal(wrong.status, open ? status : 401, `a wrong key: ${wrong.text.slice(0, 300)}`);
    });
  }

  for (const [name, { input, from, refused = {}, status, again }] of Object.entries(CHANGES)) {
    test(`${name}: for ${from} and up`, async () => {
      for (const role of ROLES) {
        const may = ROLES.indexOf(role) >= ROLES.indexOf(from);
        if (may && !again && role !== from) continue;
        const answer = await graphql(keys[role], mutation(name), { i: input() });
        const told = `${role}: ${answer.status} ${JSON.stringify(answer.errors)}`;
        if (may && (refused[role] === undefined || role === from))
          assert.equal(answer.status, status ?? 200, told);
        else assert.equal(answer.status, refused[role] ?? REFUSED[role], told);
      }
    });
  }
});
