import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { withoutDuckdb } from "../../../../conformance/duckdb.ts";
import { makeRun } from "../../../server/src/http/doors.test-part.ts";
import { openWorld, type World } from "../world.test-part.ts";

suite("steelyard sql", { skip: withoutDuckdb }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
    for (const name of ["a", "b"]) await makeRun(world.doors, world.doors.admin, { project: "digits", name });
    await world.stream("admin/digits/a", {
      files: {
        "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"loss":0.5}', '{"_step":1,"loss":0.25}'] },
      },
    });
  });
  after(() => world.close());
  const sql = (...args: string[]) => world.steelyard(["sql", "-p", "digits", ...args]);

  test("a table on the terminal, JSON for scripts, rows counted", async () => {
    const shown = await sql("SELECT run, min(loss) AS best FROM history GROUP BY run");
    assert.deepEqual([shown.status, shown.out, shown.err], [0, "run  best\na    0.25\n", ""]);
    const cut = await sql("SELECT i FROM range(5) r(i)", "--limit", "2", "--json");
    assert.deepEqual(JSON.parse(cut.out), {
      columns: [{ name: "i", type: "BIGINT" }],
      rows: [["0"], ["1"]],
      truncated: true,
    });
    assert.match((await sql("SELECT i FROM range(5) r(i)", "--limit", "2")).err, /first 2 rows/);
  });

  test("files by their name, queries from a file, runs by their id", async () => {
    writeFileSync(join(world.here, "q.sql"), "SELECT run FROM runs ORDER BY run;\n");
    const written = await sql("@q.sql", "-o", "out.csv");
    assert.equal(written.status, 0, written.err);
    assert.equal(readFileSync(join(world.here, "out.csv"), "utf8"), "run\na\nb\n");
    assert.equal((await sql("@q.sql", "--format", "jsonl", "--run", "b")).out, '{"run":"b"}\n');
  });

  test("what is wrong is said in a line", async () => {
    const wrong = await sql("SELECT nothing FROM runs");
    assert.equal(wrong.status, 1);
    assert.match(wrong.err, /nothing/);
    assert.match((await sql("DROP TABLE runs")).err, /only questions are allowed/);
    for (const args of [
      ["--limit", "0"],
      ["-o", "out.txt"],
      ["--json", "-o", "out.csv"],
    ])
      assert.equal((await sql("SELECT 1", ...args)).status, 2, args.join(" "));
    assert.match((await sql("@nowhere.sql")).err, /cannot read the query/);
  });
});
