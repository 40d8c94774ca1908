import assert from "node:assert/strict";
import { test } from "node:test";
import { makeWorld } from "../runs/world.test-part.ts";

test("the columns of a project are the keys that its runs have, with the kind of their values", async () => {
  const world = await makeWorld();
  const ann = await world.user("ann");
  const upsert = (input: object) =>
    world.ask<{ upsertBucket: { bucket: { id: string } } }>(
      ann,
      "mutation U($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { id } } }",
      { i: { modelName: "p", ...input } },
    );
  await upsert({
    name: "a",
    config: '{"lr": {"value": 0.1}, "opt": {"value": "adam"}, "net": {"value": {"depth": 3}}}',
  });
  await upsert({
    name: "b",
    config: '{"lr": {"value": "auto"}, "list": {"value": [1]}, "zero": {"value": 1}}',
  });
  await upsert({ name: "b", summaryMetrics: '{"loss": 0.5, "odd": NaN}' });
  const { upsertBucket } = await upsert({ name: "gone", config: '{"only": {"value": 1}}' });
  await upsert({ name: "r", modelName: "q", config: '{"elsewhere": {"value": 1}}' });
  await world.ask(ann, "mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", {
    id: upsertBucket.bucket.id,
  });
  const { project } = await world.ask<{ project: { runColumns: { path: string; kind: string }[] } }>(
    ann,
    'query { project(name: "p", entityName: "ann") { runColumns { path kind } } }',
  );
  assert.deepEqual(
    project.runColumns.map(({ path, kind }) => `${path} ${kind}`),
    [
      "config.list mixed",
      "config.lr mixed",
      "config.net.depth number",
      "config.opt text",
      "config.zero number",
      "summary.loss number",
      "summary.odd mixed",
    ],
  );
  await world.close();
});
