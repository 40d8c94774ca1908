import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Hono } from "hono";
import { pino } from "pino";
import { openFolder } from "../engines/folder/blob-store.ts";
import { InProcessBus } from "../engines/in-process/bus.ts";
import { SqliteCatalog } from "../engines/sqlite/catalog.ts";
import { filesResolvers } from "../files/graphql.ts";
import type { AppEnv } from "../http/app.ts";
import { graphqlEndpoint, mergeResolvers } from "../http/graphql.ts";
import type { Viewer } from "../http/viewer.ts";
import { projectsResolvers } from "../projects/graphql.ts";
import { createProject } from "../projects/project.ts";
import { runsResolvers } from "../runs/graphql.ts";
import type { Services } from "../services.ts";
import { usersResolvers } from "../users/graphql.ts";
import { createUser } from "../users/user-store.ts";
import { artifactsResolvers } from "./graphql.ts";
import { manifestDigest, writeManifest } from "./manifest.ts";
import { artifactsRoutes } from "./routes.ts";

const BASE = "http://server";
const md5 = (text: string) => createHash("md5").update(text).digest("base64");

let folder: string;
let services: Services;
let app: Hono<AppEnv>;
let endpoint: ReturnType<typeof graphqlEndpoint>;
let owner: Viewer;
let stranger: Viewer;
let asking: Viewer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "steelyard-artifacts-"));
  services = {
    config: {},
    log: pino({ level: "silent" }),
    catalog: new SqliteCatalog(":memory:"),
    blobs: await openFolder(folder),
    bus: new InProcessBus(),
    now: () => 1_785_600_000_000,
  } as unknown as Services;
  endpoint = graphqlEndpoint(
    mergeResolvers([usersResolvers, projectsResolvers, runsResolvers, filesResolvers, artifactsResolvers]),
  );
  app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("viewer", asking);
    await next();
  });
  app.onError((error, c) => c.text(error.message, "status" in error ? (error.status as 400) : 500));
  app.route("/", artifactsRoutes(services));
  owner = await viewer("owner");
  stranger = await viewer("stranger");
  await createProject(services, owner, "owner", "p");
  asking = undefined;
});
afterEach(async () => {
  await services.bus.close();
  await services.catalog.close();
  await services.blobs.close();
  await rm(folder, { recursive: true });
});

async function viewer(username: string): Promise<Viewer> {
  const { id, entityId } = await services.catalog.write((tx) => createUser(tx, { username }, 0));
  return { userId: id, username, entityId, admin: false, kind: "user", via: "key" };
}

async function ask<T>(who: Viewer, query: string, variables: object): Promise<T> {
  const context = { services, viewer: who, baseUrl: BASE, headers: new Headers(), address: "" };
  const { status, body } = await endpoint({ query, variables }, context);
  if (body.errors) throw new Error(`${status}: ${body.errors[0]?.message}`);
  return body.data as T;
}

const put = (url: string, body: string) => app.request(url.slice(BASE.length), { method: "PUT", body });
const get = (url: string, headers: Record<string, string> = {}) =>
  app.request(url.startsWith(BASE) ? url.slice(BASE.length) : url, { headers });

interface Created {
  id: string;
  state: string;
}

async function create(
  files: Record<string, string>,
  more: { name?: string; clientID?: string; aliases?: string[]; type?: string } = {},
): Promise<Created> {
  const name = more.name ?? "data";
  const { createArtifact } = await ask<{ createArtifact: { artifact: Created } }>(
    owner,
    "mutation($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state } } }",
    {
      input: {
        entityName: "owner",
        projectName: "p",
        artifactTypeName: more.type ?? "dataset",
        artifactCollectionName: name,
        digest: manifestDigest(
          Object.entries(files).map(([file, text]) => ({ name: file, digest: md5(text) })),
        ),
        digestAlgorithm: "MANIFEST_MD5",
        aliases: (more.aliases ?? ["latest"]).map((alias) => ({ artifactCollectionName: name, alias })),
        enableDigestDeduplication: true,
        clientID: more.clientID,
      },
    },
  );
  return { ...createArtifact.artifact };
}

async function reserve(artifactID: string, name: string, content: string): Promise<string | null> {
  const { createArtifactFiles } = await ask<{
    createArtifactFiles: { files: { edges: { node: { uploadUrl: string | null } }[] } };
  }>(
    owner,
    `mutation($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) {
       files { edges { node { name displayName uploadUrl uploadHeaders storagePath artifact { id } } } } } }`,
    { input: { artifactFiles: [{ artifactID, name, md5: md5(content) }], storageLayout: "V2" } },
  );
  return createArtifactFiles.files.edges[0]?.node.uploadUrl ?? null;
}

async function sendManifest(artifactID: string, files: Record<string, string>): Promise<void> {
  const text = writeManifest(
    Object.entries(files).map(([name, content]) => ({
      name,
      digest: md5(content),
      sizeBytes: content.length,
      ref: null,
      birthArtifactId: null,
    })),
  );
  const { createArtifactManifest } = await ask<{
    createArtifactManifest: { artifactManifest: { file: { uploadUrl: string } } };
  }>(
    owner,
    `mutation($input: CreateArtifactManifestInput!) { createArtifactManifest(input: $input) {
       artifactManifest { id file { id uploadUrl uploadHeaders } } } }`,
    {
      input: {
        artifactID,
        name: "wandb_manifest.json",
        digest: md5(text),
        entityName: "owner",
        projectName: "p",
        runName: "",
        type: "FULL",
      },
    },
  );
  assert.equal((await put(createArtifactManifest.artifactManifest.file.uploadUrl, text)).status, 200);
}

interface Version {
  id: string;
  versionIndex: number | null;
  state: string;
  size: number;
  fileCount: number;
  aliases: { alias: string }[];
}
const VERSION = "id versionIndex state size fileCount aliases { alias }";

async function commit(artifactID: string): Promise<Version> {
  const { commitArtifact } = await ask<{ commitArtifact: { artifact: Version } }>(
    owner,
    `mutation($input: CommitArtifactInput!) { commitArtifact(input: $input) { artifact { ${VERSION} } } }`,
    { input: { artifactID } },
  );
  return commitArtifact.artifact;
}

async function log(files: Record<string, string>, more: Parameters<typeof create>[1] = {}): Promise<Version> {
  const { id, state } = await create(files, more);
  if (state !== "COMMITTED") {
    for (const [name, content] of Object.entries(files)) {
      const url = await reserve(id, name, content);
      if (url) assert.equal((await put(url, content)).status, 200);
    }
    await sendManifest(id, files);
  }
  return commit(id);
}

async function find(who: Viewer, name: string): Promise<Version | null> {
  const { project } = await ask<{ project: { artifact: Version | null } | null }>(
    who,
    `query($name: String!) { project(name: "p", entityName: "owner") { artifact(name: $name) { ${VERSION} } } }`,
    { name },
  );
  return project?.artifact ?? null;
}

test("files that come together share commits: none has one by itself, for which everybody waits", async (t) => {
  const files = Object.fromEntries(Array.from({ length: 5 }, (_, at) => [`f${at}`, `content ${at}`]));
  const { id } = await create(files);
  const urls = await Promise.all(Object.entries(files).map(([name, text]) => reserve(id, name, text)));
  const writes = t.mock.method(services.catalog, "write");
  const answers = await Promise.all(urls.map((url, at) => put(url ?? "", `content ${at}`)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    urls.map(() => 200),
  );
  assert.equal(writes.mock.callCount(), urls.length);
});

test("versions are numbered at commit and aliases move to the newest", async () => {
  const first = await log({ a: "one" }, { aliases: ["latest", "best"] });
  const second = await log({ a: "two", b: "three" });
  assert.deepEqual([first.versionIndex, second.versionIndex], [0, 1]);
  assert.deepEqual([second.size, second.fileCount], [8, 2]);
  assert.equal((await find(owner, "data:best"))?.id, first.id);
  assert.equal((await find(owner, "data:latest"))?.id, second.id);
  assert.equal((await find(owner, "data"))?.id, second.id);
  assert.equal((await find(owner, "data:v0"))?.id, first.id);
  assert.equal(await find(owner, "data:v9"), null);
});

test("equal content is the version that is there, and takes the aliases", async () => {
  const first = await log({ a: "one" });
  await log({ a: "two" });
  const again = await create({ a: "one" }, { aliases: ["latest", "again"] });
  assert.deepEqual(again, { id: first.id, state: "COMMITTED" });
  assert.equal((await find(owner, "data:latest"))?.id, first.id);
  assert.equal((await find(owner, "data:again"))?.id, first.id);
});

test("equal content logged twice at the same time ends as one version", async () => {
  const one = await create({ a: "same" }, { clientID: "one" });
  const two = await create({ a: "same" }, { clientID: "two" });
  assert.notEqual(one.id, two.id);
  for (const { id } of [one, two]) {
    const url = await reserve(id, "a", "same");
    if (url) await put(url, "same");
    await sendManifest(id, { a: "same" });
  }
  const first = await commit(one.id);
  const second = await commit(two.id);
  assert.equal(second.id, first.id);
  const { artifact, clientIDMapping } = await ask<{
    artifact: Version;
    clientIDMapping: { serverID: string };
  }>(
    owner,
    `query($id: ID!) { artifact(id: $id) { ${VERSION} } clientIDMapping(clientID: "two") { serverID } }`,
    { id: two.id },
  );
  assert.equal(artifact.state, "COMMITTED");
  assert.equal(clientIDMapping.serverID, first.id);
});

test("every step asked again gives the same", async () => {
  const files = { a: "one" };
  const made = await create(files, { clientID: "c1" });
  assert.deepEqual(await create(files, { clientID: "c1" }), made);
  const url = await reserve(made.id, "a", "one");
  assert.ok(url);
  await put(url, "one");
  await put(url, "one");
  assert.equal(await reserve(made.id, "a", "one"), null);
  await sendManifest(made.id, files);
  await sendManifest(made.id, files);
  const first = await commit(made.id);
  assert.deepEqual(await commit(made.id), first);
  assert.equal((await services.blobs.stats()).blobs, 2);
});

test("what is missing or not as announced is refused, and the version stays pending", async () => {
  const { id } = await create({ a: "one" });
  await assert.rejects(commit(id), /400: .*manifest was not uploaded/);
  const url = await reserve(id, "a", "one");
  assert.ok(url);
  assert.equal((await put(url, "other")).status, 400);
  await sendManifest(id, { a: "one" });
  await assert.rejects(commit(id), /400: the content of a was not uploaded/);
  assert.equal((await put(url, "one")).status, 200);
  await sendManifest(id, { a: "one", b: "two" });
  await assert.rejects(commit(id), /400: .*digest/);
  await sendManifest(id, { a: "one" });
  assert.equal((await commit(id)).versionIndex, 0);
  await assert.rejects(create({ z: "z" }, { type: "model" }), /409: .*another type/);
});

test("content is read by its signed address and by the client's own, whole or in part", async () => {
  const { id } = await log({ "sub/a.txt": "hello world" });
  const { artifact } = await ask<{
    artifact: {
      currentManifest: { file: { directUrl: string } };
      files: { totalCount: number; edges: { node: { name: string; directUrl: string } }[] };
    };
  }>(
    owner,
    `query($id: ID!) { artifact(id: $id) { currentManifest { file { directUrl } }
       files { totalCount edges { node { name: displayName directUrl } } } } }`,
    { id },
  );
  const file = artifact.files.edges[0]?.node;
  assert.equal(file?.name, "sub/a.txt");
  assert.equal(await (await get(file?.directUrl ?? "")).text(), "hello world");
  const part = await get(file?.directUrl ?? "", { range: "bytes=6-" });
  assert.deepEqual([part.status, await part.text()], [206, "world"]);
  const manifest = (await (await get(artifact.currentManifest.file.directUrl)).json()) as {
    contents: object;
  };
  assert.deepEqual(Object.keys(manifest.contents), ["sub/a.txt"]);

  const hex = createHash("md5").update("hello world").digest("hex");
  const encoded = encodeURIComponent(id);
  const addresses = [
    `/artifactsV2/default/owner/p/data/${encoded}/${encoded}/${hex}/a.txt`,
    `/artifactsV2/default/owner/p/data/${encoded}/${hex}/a.txt`,
    `/artifactsV2/default/owner/${encoded}/${hex}`,
    `/artifacts/owner/${hex}`,
  ];
  for (const address of addresses) {
    asking = owner;
    assert.equal(await (await get(address)).text(), "hello world", address);
    asking = stranger;
    assert.equal((await get(address)).status, 404, address);
    asking = undefined;
    assert.equal((await get(address)).status, 401, address);
  }
});

test("strangers neither see nor change, and their projects lend no content", async () => {
  const { id } = await log({ a: "secret" });
  assert.equal(await find(stranger, "data"), null);
  const { artifact } = await ask<{ artifact: Version | null }>(
    stranger,
    `query($id: ID!) { artifact(id: $id) { ${VERSION} } }`,
    { id },
  );
  assert.equal(artifact, null);
  for (const mutation of ["commitArtifact", "deleteArtifact", "updateArtifact"]) {
    const input = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
    await assert.rejects(
      ask(stranger, `mutation($input: ${input}!) { ${mutation}(input: $input) { artifact { id } } }`, {
        input: { artifactID: id },
      }),
      /404/,
    );
  }
});

test("a version with aliases is deleted only with them, and its content when nobody else has it", async () => {
  const first = await log({ a: "shared", b: "own" });
  await log({ a: "shared" });
  const remove = (artifactID: string, deleteAliases: boolean) =>
    ask(
      owner,
      "mutation($input: DeleteArtifactInput!) { deleteArtifact(input: $input) { artifact { id } } }",
      { input: { artifactID, deleteAliases } },
    );
  const before = (await services.blobs.stats()).blobs;
  await ask(owner, "mutation($input: AddAliasesInput!) { addAliases(input: $input) { success } }", {
    input: {
      artifactID: first.id,
      aliases: [{ entityName: "owner", projectName: "p", artifactCollectionName: "data", alias: "kept" }],
    },
  });
  await assert.rejects(remove(first.id, false), /409: .*"kept"/);
  await remove(first.id, true);
  assert.equal(await find(owner, "data:v0"), null);
  assert.equal(await find(owner, "data:kept"), null);
  assert.equal((await find(owner, "data:v1"))?.fileCount, 1);
  assert.equal((await services.blobs.stats()).blobs, before - 2, "its own file and its manifest");
  assert.equal((await log({ a: "shared", b: "own" })).versionIndex, 2);
});

test("a run is deleted without its artifacts, or with them", async () => {
  await ask(owner, "mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted } }", {
    i: { entityName: "owner", modelName: "p", name: "r" },
  });
  const made = await log({ a: "made" }, { aliases: ["kept"] });
  await services.catalog.db
    .updateTable("artifacts")
    .set({ created_by_run_id: 1 })
    .where("id", "=", Number(atob(made.id).split(":")[1]))
    .execute();
  await log({ b: "of another" }, { name: "other" });
  const id = btoa("Run:v1:r:p:owner");
  const remove = (who: Viewer, deleteArtifacts?: boolean) =>
    ask(who, "mutation($i: DeleteRunInput!) { deleteRun(input: $i) { success } }", {
      i: { id, deleteArtifacts },
    });
  await remove(owner);
  assert.equal((await find(owner, "data:kept"))?.versionIndex, 0);
  await assert.rejects(remove(stranger, true), /404/);
  const before = (await services.blobs.stats()).blobs;
  await remove(owner, true);
  await remove(owner, true);
  assert.equal(await find(owner, "data:kept"), null);
  assert.equal(await find(owner, "data:v0"), null);
  assert.equal((await find(owner, "other:v0"))?.versionIndex, 0);
  assert.equal((await services.blobs.stats()).blobs, before - 2, "its file and its manifest");
});

test("a collection is renamed and deleted with all its versions", async () => {
  const { id } = await log({ a: "one" });
  await log({ a: "two" });
  const { artifact } = await ask<{ artifact: { artifactSequence: { id: string } } }>(
    owner,
    "query($id: ID!) { artifact(id: $id) { artifactSequence { id } } }",
    { id },
  );
  const artifactSequenceID = artifact.artifactSequence.id;
  const change = (who: Viewer, mutation: string, input: string, more: object = {}) =>
    ask(
      who,
      `mutation($input: ${input}!) { ${mutation}(input: $input) { artifactCollection { name __typename state } } }`,
      { input: { artifactSequenceID, ...more } },
    );
  await assert.rejects(change(stranger, "deleteArtifactSequence", "DeleteArtifactSequenceInput"), /404/);
  await change(owner, "updateArtifactSequence", "UpdateArtifactSequenceInput", { name: "renamed" });
  assert.equal((await find(owner, "renamed:v1"))?.versionIndex, 1);
  await change(owner, "deleteArtifactSequence", "DeleteArtifactSequenceInput");
  assert.equal(await find(owner, "renamed:v1"), null);
  assert.equal((await log({ a: "one" }, { name: "renamed" })).versionIndex, 0);
});
