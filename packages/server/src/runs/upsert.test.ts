import assert from "node:assert/strict";
import { test } from "node:test";
import { makeWorld } from "./world.test-part.ts";

const UPSERT = `mutation U($i: UpsertBucketInput!) { upsertBucket(input: $i) {
  bucket { displayName description config summaryMetrics sweepName state tags notes group jobType host commit createdAt updatedAt } } }`;

test("a run that is made with all it says is the run that is made first and told then", async (t) => {
  const world = await makeWorld();
  t.after(() => world.close());
  const ann = await world.user("ann");
  const upsert = async (input: object) =>
    (await world.ask<{ upsertBucket: object }>(ann, UPSERT, { i: { modelName: "p", ...input } }))
      .upsertBucket;
  const said = {
    displayName: "shown",
    groupName: "g",
    jobType: "train",
    notes: "n",
    description: "d",
    host: "h",
    jobProgram: "train.py",
    jobRepo: "git@x",
    commit: "c0ffee",
    sweep: "s",
    tags: ["b", "a"],
    config:
      '{"lr": {"value": 0.1}, "deep": {"value": {"on": true, "none": null, "list": [1]}}, "_wandb": {"value": {"t": {}}}}',
    summaryMetrics: '{"loss": NaN, "acc": 0.5, "best": "x"}',
  };
  const atOnce = await upsert({ name: "at-once", ...said });
  await upsert({ name: "then" });
  assert.deepEqual(await upsert({ name: "then", ...said }), atOnce);

  const { db } = world.services.catalog;
  async function stored(name: string) {
    const { id, ...run } = await db
      .selectFrom("runs")
      .selectAll()
      .where("name", "=", name)
      .executeTakeFirstOrThrow();
    const of = { ...run, name: "", color_index: 0 };
    const cells = db.selectFrom("run_cells").select(["project_id", "path", "num", "txt"]);
    const tags = db.selectFrom("run_tags").select(["project_id", "tag"]);
    return {
      run: of,
      cells: await cells.where("run_id", "=", id).orderBy("path").execute(),
      tags: await tags.where("run_id", "=", id).orderBy("tag").execute(),
    };
  }
  const made = await stored("at-once");
  assert.deepEqual(made, await stored("then"));
  assert.deepEqual(
    made.cells.map(({ path }) => path),
    ["config.deep.list", "config.deep.on", "config.lr", "summary.acc", "summary.best", "summary.loss"],
  );
});
