import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { manifestDigest, writeManifest } from "./manifest.ts";
import { ABANDONED_MS, deleteOutlived } from "./retention.ts";

const DAY_MS = 24 * 3_600_000;
const md5 = (text: string) => createHash("md5").update(text).digest("base64");

suite("artifact versions that outlive their time", () => {
  let doors: Doors;
  let now = Date.now();
  let ann = "";
  before(async () => {
    doors = await openDoors({ now: () => now });
    ann = await doors.user("ann");
    await makeRun(doors, ann, { project: "p", name: "r" });
  });
  after(() => doors.close());

  const mutate = async (name: string, input: object, selection: string) => {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const answer = await doors.graphql<Record<string, never>>(
      ann,
      `mutation M($i: ${type}!) { ${name}(input: $i) { ${selection} } }`,
      { i: input },
    );
    return answer[name] as unknown;
  };
  const put = async (url: string, body: string) =>
    assert.equal((await doors.ask(undefined, "PUT", new URL(url).pathname, body)).status, 200);

  /** A version with one file, its content sent; its id. */
  async function pending(name: string, content: string, more: object = {}): Promise<string> {
    const { artifact } = (await mutate(
      "createArtifact",
      {
        entityName: "ann",
        projectName: "p",
        artifactTypeName: "dataset",
        artifactCollectionName: name,
        digest: manifestDigest([{ name: "a", digest: md5(content) }]),
        digestAlgorithm: "MANIFEST_MD5",
        aliases: [{ artifactCollectionName: name, alias: "latest" }],
        ...more,
      },
      "artifact { id }",
    )) as { artifact: { id: string } };
    await send(artifact.id, "a", content);
    return artifact.id;
  }
  async function send(artifactID: string, name: string, content: string): Promise<void> {
    const { files } = (await mutate(
      "createArtifactFiles",
      { artifactFiles: [{ artifactID, name, md5: md5(content) }] },
      "files { edges { node { uploadUrl } } }",
    )) as { files: { edges: { node: { uploadUrl: string | null } }[] } };
    const url = files.edges[0]?.node.uploadUrl;
    if (url) await put(url, content);
  }
  async function commit(artifactID: string, content: string): Promise<void> {
    const text = writeManifest([
      { name: "a", digest: md5(content), sizeBytes: content.length, ref: null, birthArtifactId: null },
    ]);
    const { artifactManifest } = (await mutate(
      "createArtifactManifest",
      { artifactID, name: "m", digest: md5(text), entityName: "ann", projectName: "p", runName: "" },
      "artifactManifest { file { uploadUrl } }",
    )) as { artifactManifest: { file: { uploadUrl: string } } };
    await put(artifactManifest.file.uploadUrl, text);
    await mutate("commitArtifact", { artifactID }, "artifact { id }");
  }
  const stateOf = async (id: string) =>
    (await doors.graphql<{ artifact: { state: string } }>(ann, `{ artifact(id: "${id}") { state } }`))
      .artifact.state;
  const storageBytes = async () =>
    (
      await doors.graphql<{ entity: { storageBytes: number } }>(
        ann,
        `{ entity(name: "ann") { storageBytes } }`,
      )
    ).entity.storageBytes;
  const stored = async () => (await doors.server.services.blobs.stats()).bytes;

  test("a version whose client died goes with its content; one that is still written, or shared, keeps its own", async () => {
    const abandoned = await pending("dead", "x".repeat(1000));
    const shared = await pending("dead", "kept".repeat(100));
    const whole = await pending("whole", "kept".repeat(100));
    await commit(whole, "kept".repeat(100));
    const distributed = await pending("slow", "y".repeat(500), { runName: "r", distributedID: "d" });
    // What the account has counts all of it, shared content once.
    assert.equal(await storageBytes(), 1000 + 400 + 500);
    now += ABANDONED_MS - DAY_MS;
    await doors.ask(ann, "POST", "/files/ann/p/r/file_stream", {});
    assert.deepEqual(await deleteOutlived(doors.server.services), { abandoned: 0, expired: 0 });
    now += 2 * DAY_MS;
    const before = await stored();
    assert.deepEqual(await deleteOutlived(doors.server.services), { abandoned: 2, expired: 0 });
    assert.equal(before - (await stored()), 1000);
    assert.deepEqual(
      [await stateOf(abandoned), await stateOf(shared), await stateOf(whole), await stateOf(distributed)],
      ["DELETED", "DELETED", "COMMITTED", "PENDING"],
    );
    assert.equal(await storageBytes(), 400 + 500);
    // The run that writes it is dead, but a file came the other day.
    now += ABANDONED_MS - DAY_MS;
    await send(distributed, "b", "z".repeat(10));
    now += 2 * DAY_MS;
    assert.deepEqual(await deleteOutlived(doors.server.services), { abandoned: 0, expired: 0 });
    now += ABANDONED_MS;
    assert.deepEqual(await deleteOutlived(doors.server.services), { abandoned: 1, expired: 0 });
    assert.equal(await storageBytes(), 400);
    const late = await doors.ask(ann, "POST", "/graphql", {
      query: `mutation { commitArtifact(input: {artifactID: "${distributed}"}) { artifact { id } } }`,
    });
    assert.equal(late.status, 409);
    assert.match(late.text, /was deleted; log it again/);
  });

  test("a time to live counts from when the version was made, and may be taken back", async () => {
    const short = await pending("short", "short", { ttlDurationSeconds: 3600 });
    const freed = await pending("freed", "freed", { ttlDurationSeconds: 3600 });
    const inherits = await pending("inherits", "inherits", { ttlDurationSeconds: -1 });
    for (const [id, content] of [
      [short, "short"],
      [freed, "freed"],
      [inherits, "inherits"],
    ] as const)
      await commit(id, content);
    await mutate("updateArtifact", { artifactID: freed, ttlDurationSeconds: -2 }, "artifact { id }");
    now += 3_599_000;
    assert.deepEqual(await deleteOutlived(doors.server.services), { abandoned: 0, expired: 0 });
    now += 1000;
    assert.deepEqual(await deleteOutlived(doors.server.services), { abandoned: 0, expired: 1 });
    assert.deepEqual(
      [await stateOf(short), await stateOf(freed), await stateOf(inherits)],
      ["DELETED", "COMMITTED", "COMMITTED"],
    );
    const { project } = await doors.graphql<{ project: { artifact: object | null } }>(
      ann,
      `{ project(name: "p", entityName: "ann") { artifact(name: "short:latest") { id } } }`,
    );
    assert.equal(project.artifact, null);
  });
});
