import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "./doors.test-part.ts";

/** What each mutation is told of a thing by its id or name; a stranger must not learn whether it is there. */
const BY_ID: Record<string, { input: string; there: (ids: Ids) => object; missing: (ids: Ids) => object }> = {
  upsertBucket: {
    input: "UpsertBucketInput",
    there: ({ run }) => ({ id: run, notes: "n" }),
    missing: ({ noRun }) => ({ id: noRun, notes: "n" }),
  },
  stopRun: {
    input: "StopRunInput",
    there: ({ run }) => ({ id: run }),
    missing: ({ noRun }) => ({ id: noRun }),
  },
  deleteRun: {
    input: "DeleteRunInput",
    there: ({ run }) => ({ id: run }),
    missing: ({ noRun }) => ({ id: noRun }),
  },
  restoreRun: {
    input: "RestoreRunInput",
    there: ({ run }) => ({ id: run }),
    missing: ({ noRun }) => ({ id: noRun }),
  },
  upsertModel: {
    input: "UpsertModelInput",
    there: ({ project }) => ({ id: project, description: "d" }),
    missing: () => ({ id: numbered("Project"), description: "d" }),
  },
  deleteProject: {
    input: "DeleteProjectInput",
    there: ({ project }) => ({ id: project }),
    missing: () => ({ id: numbered("Project") }),
  },
  renameProject: {
    input: "RenameProjectInput",
    there: () => ({ entityName: "ann", oldProjectName: "here", newProjectName: "x" }),
    missing: () => ({ entityName: "ann", oldProjectName: "none", newProjectName: "x" }),
  },
  moveProject: {
    input: "MoveProjectInput",
    there: () => ({ entityName: "ann", projectName: "here", newEntityName: "eve" }),
    missing: () => ({ entityName: "ann", projectName: "none", newEntityName: "eve" }),
  },
  deleteView: {
    input: "DeleteViewInput",
    there: ({ view }) => ({ id: view }),
    missing: () => ({ id: numbered("View") }),
  },
  upsertView: {
    input: "UpsertViewInput",
    there: ({ view }) => ({ id: view, spec: "{}" }),
    missing: () => ({ id: numbered("View"), spec: "{}" }),
  },
  deleteFiles: {
    input: "DeleteFilesInput",
    there: ({ file }) => ({ files: [file] }),
    missing: () => ({ files: [numbered("File")] }),
  },
  deleteApiKey: {
    input: "DeleteApiKeyInput",
    there: ({ key }) => ({ id: key }),
    missing: () => ({ id: numbered("ApiKey") }),
  },
  updateArtifact: {
    input: "UpdateArtifactInput",
    there: ({ artifact }) => ({ artifactID: artifact, description: "d" }),
    missing: () => ({ artifactID: numbered("Artifact"), description: "d" }),
  },
  deleteArtifact: {
    input: "DeleteArtifactInput",
    there: ({ artifact }) => ({ artifactID: artifact }),
    missing: () => ({ artifactID: numbered("Artifact") }),
  },
  commitArtifact: {
    input: "CommitArtifactInput",
    there: ({ artifact }) => ({ artifactID: artifact }),
    missing: () => ({ artifactID: numbered("Artifact") }),
  },
  createArtifactFiles: {
    input: "CreateArtifactFilesInput",
    there: ({ artifact }) => ({ artifactFiles: [{ artifactID: artifact, name: "f", md5: MD5 }] }),
    missing: () => ({ artifactFiles: [{ artifactID: numbered("Artifact"), name: "f", md5: MD5 }] }),
  },
  deleteArtifactSequence: {
    input: "DeleteArtifactSequenceInput",
    there: ({ sequence }) => ({ artifactSequenceID: sequence }),
    missing: () => ({ artifactSequenceID: numbered("ArtifactCollection") }),
  },
  createInvite: {
    input: "CreateInviteInput",
    there: () => ({ entityName: "here", username: "eve" }),
    missing: () => ({ entityName: "none", username: "eve" }),
  },
  createServiceAccount: {
    input: "CreateServiceAccountInput",
    there: () => ({ entityName: "here", description: "x" }),
    missing: () => ({ entityName: "none", description: "x" }),
  },
  createCustomChart: {
    input: "CreateCustomChartInput",
    there: () => ({ entity: "here", name: "c", displayName: "c", type: "t", access: "private", spec: "{}" }),
    missing: () => ({
      entity: "none",
      name: "c",
      displayName: "c",
      type: "t",
      access: "private",
      spec: "{}",
    }),
  },
  createRunFiles: {
    input: "CreateRunFilesInput",
    there: () => ({ entityName: "ann", projectName: "here", runName: "here", files: ["x"] }),
    missing: () => ({ entityName: "ann", projectName: "none", runName: "none", files: ["x"] }),
  },
  notifyScriptableRunAlert: {
    input: "NotifyScriptableRunAlertInput",
    there: () => ({ entityName: "ann", projectName: "here", runName: "here", title: "t", text: "t" }),
    missing: () => ({ entityName: "ann", projectName: "none", runName: "none", title: "t", text: "t" }),
  },
};
const MD5 = "XrY7u+Ae7tCTyyK7j1rNww==";
const numbered = (type: string) => btoa(`${type}:987654`);

type Ids = Record<"run" | "noRun" | "project" | "view" | "file" | "key" | "artifact" | "sequence", string>;

suite("a stranger", () => {
  let doors: Doors;
  let ann = "";
  let eve = "";
  let nobodyYet = "";
  let ids: Ids;
  before(async () => {
    doors = await openDoors({ anonymous: "on" });
    const account = await doors.graphql<{ createAnonymousEntity: { apiKey: { name: string } } }>(
      undefined,
      "mutation { createAnonymousEntity(input: {}) { apiKey { name } } }",
    );
    nobodyYet = account.createAnonymousEntity.apiKey.name;
    ann = await doors.user("ann", { email: "ann@example.org" });
    eve = await doors.user("eve");
    await doors.ask(doors.admin, "POST", "/api/v1/admin/teams", {
      name: "here",
      members: [{ username: "ann", role: "admin" }],
    });
    const at = { entityName: "ann", projectName: "here", runName: "here" };
    const run = await makeRun(doors, ann, { project: "here", name: "here" });
    const made = await doors.graphql<{
      createRunFiles: { files: { id: string }[] };
      upsertView: { view: { id: string; project: { id: string } } };
      createArtifact: { artifact: { id: string; artifactSequence: { id: string } } };
      generateApiKey: { apiKey: { id: string } };
    }>(
      ann,
      `mutation($f: CreateRunFilesInput!, $v: UpsertViewInput!, $a: CreateArtifactInput!) {
        createRunFiles(input: $f) { files { id } }
        upsertView(input: $v) { view { id project { id } } }
        createArtifact(input: $a) { artifact { id artifactSequence { id } } }
        generateApiKey(input: {}) { apiKey { id } } }`,
      {
        f: { ...at, files: ["a.txt"] },
        v: { entityName: "ann", projectName: "here", type: "runs", name: "v", spec: "{}" },
        a: {
          ...at,
          artifactTypeName: "dataset",
          artifactCollectionName: "data",
          digest: "d",
          digestAlgorithm: "MANIFEST_MD5",
          clientID: "client-id-of-ann",
        },
      },
    );
    ids = {
      run,
      noRun: btoa("Run:v1:none:none:ann"),
      project: made.upsertView.view.project.id,
      view: made.upsertView.view.id,
      file: made.createRunFiles.files[0]?.id ?? "",
      key: made.generateApiKey.apiKey.id,
      artifact: made.createArtifact.artifact.id,
      sequence: made.createArtifact.artifact.artifactSequence.id,
    };
  });
  after(() => doors.close());

  for (const [name, { input, there, missing }] of Object.entries(BY_ID)) {
    test(`${name} of another's thing is answered like one of nothing`, async () => {
      const query = `mutation($i: ${input}!) { ${name}(input: $i) { __typename } }`;
      const told = async (key: string, given: object) => {
        const { status, text } = await doors.ask(key, "POST", "/graphql", { query, variables: { i: given } });
        // What was asked for may be said again.
        const said = text.replaceAll(ids.artifact, "ID").replaceAll(numbered("Artifact"), "ID");
        return `${status} ${said.replaceAll(/\b(here|none)\b/g, "NAME")}`;
      };
      for (const key of [eve, nobodyYet])
        assert.equal(await told(key, there(ids)), await told(key, missing(ids)));
    });
  }

  test("reads nothing by id, by name, by owner or by client id", async () => {
    for (const key of [eve, nobodyYet]) {
      const { text } = await doors.ask(key, "POST", "/graphql", {
        query: `{
        project(name: "here", entityName: "ann") { id }
        models(entityName: "ann") { edges { node { id } } }
        entity(name: "ann") { members { email } }
        team: entity(name: "here") { id }
        users(query: "ann") { edges { node { email } } }
        view(id: "${ids.view}") { spec }
        artifact(id: "${ids.artifact}") { digest }
        artifactCollection(id: "${ids.sequence}") { name }
        clientIDMapping(clientID: "client-id-of-ann") { serverID }
      }`,
      });
      assert.deepEqual(JSON.parse(text).data, {
        project: null,
        models: { edges: [] },
        entity: null,
        team: null,
        users: { edges: [] },
        view: null,
        artifact: null,
        artifactCollection: null,
        clientIDMapping: null,
      });
    }
    // The same questions show the owner what is theirs.
    const { artifact, entity } = await doors.graphql<{ artifact: object; entity: object }>(
      ann,
      `{ artifact(id: "${ids.artifact}") { digest } entity(name: "ann") { members { email } } }`,
    );
    assert.deepEqual(
      { artifact, entity },
      {
        artifact: { digest: "d" },
        entity: { members: [{ email: "ann@example.org" }] },
      },
    );
  });

  test("a revoked key is turned away at every door it opened before", async () => {
    const { generateApiKey } = await doors.graphql<{
      generateApiKey: { apiKey: { id: string; name: string } };
    }>(ann, "mutation { generateApiKey(input: {}) { apiKey { id name } } }");
    const { id, name } = generateApiKey.apiKey;
    const at = "entity=ann&project=here&run=here";
    const requests: [string, string, unknown?][] = [
      ["GET", "/api/v1/session"],
      ["GET", `/api/v1/keys?${at}`],
      ["GET", `/api/v1/histogram-keys?${at}`],
      ["GET", `/api/v1/run-keys?${at}`],
      ["GET", `/api/v1/export?${at}`],
      ["GET", `/api/v1/console?${at}`],
      ["GET", `/api/v1/console/search?${at}&q=x`],
      ["GET", `/api/v1/console/download?${at}`],
      [
        "POST",
        "/api/v1/series",
        { entity: "ann", project: "here", runs: ["here"], questions: [{ keys: ["k"] }] },
      ],
      ["POST", "/graphql", { query: "{ viewer { id } }" }],
      ["POST", "/files/ann/here/here/file_stream", {}],
    ];
    for (const [method, path, body] of requests)
      assert.equal((await doors.ask(name, method, path, body)).status, 200, path);
    await doors.graphql(ann, `mutation { deleteApiKey(input: {id: "${id}"}) { success } }`);
    for (const [method, path, body] of requests) {
      const answer = await doors.ask(name, method, path, body);
      assert.equal(answer.status, 401, path);
      assert.match(answer.text, /WANDB_API_KEY/);
    }
  });
});
