import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { SCHEMA_SDL } from "@steelyard/protocol/graphql";
import { buildSchema } from "graphql";
import {
  adminOnly,
  all,
  mutation,
  openTeam,
  REFUSED,
  ROLES,
  type Role,
  type Team,
} from "./team.test-part.ts";

/** Every mutation, asked by everyone. What is not in the table fails the test: whoever adds one says here whom it is for. */
let team: Team;
const ids: Record<string, string> = {};
before(async () => {
  team = await openTeam();
  Object.assign(ids, team.ids);
});
after(() => team.doors.close());

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

suite("who may do what: mutations", () => {
  test("every mutation is in the table", () => {
    const names = Object.keys(buildSchema(SCHEMA_SDL).getMutationType()?.getFields() ?? {});
    assert.deepEqual(names.sort(), Object.keys(CHANGES).sort());
  });

  for (const [name, { input, from, refused = {}, status, again }] of Object.entries(CHANGES)) {
    test(`${name}: for ${from} and up`, async () => {
      for (const role of ROLES) {
        const may = ROLES.indexOf(role) >= ROLES.indexOf(from);
        if (may && !again && role !== from) continue;
        const answer = await team.graphql(team.keys[role], mutation(name), { i: input() });
        const told = `${role}: ${answer.status} ${JSON.stringify(answer.errors)}`;
        if (may && (refused[role] === undefined || role === from))
          assert.equal(answer.status, status ?? 200, told);
        else assert.equal(answer.status, refused[role] ?? REFUSED[role], told);
      }
    });
  }
});
