import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { SCHEMA_SDL } from "@steelyard/protocol/graphql";
import { buildSchema } from "graphql";
import { openTeam, ROLES, type Role, type Team } from "./team.test-part.ts";

/** Every question of GraphQL, asked by everyone. What is not in the table fails the test: whoever adds one says here whom it is for. */
let team: Team;
const ids: Record<string, string> = {};
before(async () => {
  team = await openTeam();
  Object.assign(ids, team.ids);
});
after(() => team.doors.close());

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

suite("who may do what: questions", () => {
  test("every question is in the table", () => {
    const names = Object.keys(buildSchema(SCHEMA_SDL).getQueryType()?.getFields() ?? {});
    assert.deepEqual(names.sort(), Object.keys(QUESTIONS).sort());
  });

  for (const [name, { ask: text, from }] of Object.entries(QUESTIONS)) {
    test(`${name}: shown to ${from} and up`, async () => {
      for (const role of ROLES) {
        const { status, data, errors } = await team.graphql<Record<string, unknown>>(
          team.keys[role],
          `{ ${text()} }`,
        );
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
});
