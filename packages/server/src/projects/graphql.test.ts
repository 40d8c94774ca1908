import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Viewer } from "../http/viewer.ts";
import { makeWorld, type World } from "../runs/world.test-part.ts";

let world: World;
let ann: Viewer;
let bob: Viewer;
beforeEach(async () => {
  world = await makeWorld();
  ann = await world.user("ann");
  bob = await world.user("bob");
});
afterEach(() => world.close());

interface Upserted {
  inserted: boolean;
  bucket: { id: string; notes: string; project: { name: string } };
}
async function upsert(input: object): Promise<Upserted> {
  const mutation =
    "mutation U($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted bucket { id notes project { name } } } }";
  return (await world.ask<{ upsertBucket: Upserted }>(ann, mutation, { i: input })).upsertBucket;
}

test("projects: made, edited, renamed, deleted and made again; lists hide what is not the viewer's", async () => {
  const make =
    "mutation U($i: UpsertModelInput!) { upsertModel(input: $i) { inserted project { id name access } model { name } } }";
  interface Made {
    upsertModel: { inserted: boolean; project: { id: string } };
  }
  const made = await world.ask<Made>(ann, make, { i: { name: "p", entityName: "ann" } });
  assert.equal(made.upsertModel.inserted, true);
  assert.equal(
    (await world.ask<Made>(ann, make, { i: { name: "p", entityName: "ann", description: "d" } })).upsertModel
      .inserted,
    false,
  );
  const list = async (who: Viewer) => {
    const answer = await world.ask<{ models: { edges: { node: { name: string } }[] } }>(
      who,
      '{ models(entityName: "ann", first: 1) { edges { node { name } } pageInfo { hasNextPage } } }',
    );
    return answer.models.edges.map(({ node }) => node.name);
  };
  assert.deepEqual(await list(ann), ["p"]);
  assert.deepEqual(await list(bob), []);
  await world.ask(
    ann,
    'mutation { renameProject(input: {entityName: "ann", oldProjectName: "p", newProjectName: "q"}) { project { name } } }',
  );
  assert.deepEqual(await list(ann), ["q"]);
  const del = "mutation D($id: String!) { deleteModel(input: {id: $id}) { success } }";
  await world.ask(bob, del, { id: made.upsertModel.project.id });
  assert.deepEqual(await list(ann), ["q"]);
  await world.ask(ann, del, { id: made.upsertModel.project.id });
  assert.deepEqual(await list(ann), []);
  assert.equal(
    (await world.ask<Made>(ann, make, { i: { name: "q", entityName: "ann" } })).upsertModel.inserted,
    true,
  );
});

test("views are saved, listed and kept from others; equal alerts wait", async () => {
  await upsert({ name: "r1", modelName: "p" });
  const save =
    'mutation V($spec: String, $id: ID) { upsertView(input: {id: $id, entityName: "ann", projectName: "p", type: "runs", name: "n", displayName: "My report", spec: $spec, createdUsing: WANDB_SDK}) { inserted view { id spec project { name } user { username } } } }';
  interface Saved {
    upsertView: { inserted: boolean; view: { id: string; spec: string } };
  }
  const first = (await world.ask<Saved>(ann, save, { spec: '{"a":1}' })).upsertView;
  const again = (await world.ask<Saved>(ann, save, { spec: '{"a":2}', id: `${first.view.id}==` })).upsertView;
  assert.deepEqual([first.inserted, again.inserted, again.view.spec], [true, false, '{"a":2}']);
  await assert.rejects(world.ask(ann, save, { spec: "{" }), { status: 400 });
  assert.equal((await world.ask<{ view: null }>(bob, `{ view(id: "${first.view.id}") { id } }`)).view, null);
  await assert.rejects(
    world.ask(bob, `mutation { deleteView(input: {id: "${first.view.id}"}) { success } }`),
    { status: 404 },
  );
  const alert =
    'mutation { notifyScriptableRunAlert(input: {entityName: "ann", projectName: "p", runName: "r1", title: "t", text: "x", waitDuration: 1000}) { success } }';
  for (const passed of [0, 500, 600]) {
    world.clock.now += passed;
    await world.ask(ann, alert);
  }
  assert.equal((await world.services.catalog.db.selectFrom("alerts").selectAll().execute()).length, 2);
});

test("old clients' probes find their types", async () => {
  for (const type of ["Query", "Mutation", "ServerInfo", "ServerSettings", "Project", "Run", "LaunchAgent"]) {
    const { __type } = await world.ask<{ __type: { fields: { name: string }[] } }>(
      ann,
      `{ __type(name: "${type}") { fields { name } } }`,
    );
    assert.ok(__type.fields.length > 0, type);
  }
  for (const type of [
    "CreateRunQueueInput",
    "PushToRunQueueInput",
    "FailRunQueueItemInput",
    "DeleteFilesInput",
  ]) {
    const { __type } = await world.ask<{ __type: { inputFields: { name: string }[] } }>(
      ann,
      `{ __type(name: "${type}") { inputFields { name } } }`,
    );
    assert.ok(__type.inputFields.length > 0, type);
  }
});

test("a project renamed under a live client: its runs are met by the old name, new runs go where the name is now", async () => {
  const { bucket } = await upsert({ name: "r1", modelName: "old" });
  const rename = `mutation($i: RenameProjectInput!) { renameProject(input: $i) { project { name } } }`;
  await world.ask(ann, rename, {
    i: { entityName: "ann", oldProjectName: "old", newProjectName: "new" },
  });
  const read = `query($p: String!) { project(name: $p, entityName: "ann") { name run(name: "r1") { id } } }`;
  interface Answer {
    project: { name: string; run: { id: string } | null } | null;
  }
  const { project } = await world.ask<Answer>(ann, read, { p: "old" });
  assert.equal(project?.name, "new");
  assert.ok(project?.run);
  assert.equal((await world.ask<Answer>(bob, read, { p: "old" })).project, null);

  assert.equal((await upsert({ id: bucket.id, notes: "late" })).bucket.notes, "late");
  assert.equal((await upsert({ name: "r1", modelName: "old", config: "{}" })).inserted, false);
  // Someone begins anew under the old name: that is another project, and the live run still finds its own.
  const fresh = await upsert({ name: "r2", modelName: "old" });
  assert.equal(fresh.bucket.project.name, "old");
  assert.equal((await upsert({ id: bucket.id, notes: "later" })).inserted, false);
  assert.equal((await world.ask<Answer>(ann, read, { p: "old" })).project?.name, "old");
});
