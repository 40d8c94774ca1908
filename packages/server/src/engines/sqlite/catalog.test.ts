import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import type { CatalogTransaction } from "../../ports/catalog.ts";
import { prepare, type Values } from "../../ports/prepared-query.ts";
import { SqliteCatalog } from "./catalog.ts";
import { MIGRATIONS } from "./migrations.ts";

let folder: string;
let catalog: SqliteCatalog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "steelyard-catalog-"));
  catalog = new SqliteCatalog(join(folder, "catalog.db"));
});
afterEach(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (tx: CatalogTransaction, key: string) =>
  tx.insertInto("server_state").values({ key, value: "" }).execute();
async function keys(): Promise<string[]> {
  const rows = await catalog.db.selectFrom("server_state").select("key").orderBy("key").execute();
  return rows.map(({ key }) => key);
}

test("of writes that come together, one that fails takes only its own back", async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 250 }, (_, i) =>
      catalog.write(async (tx) => {
        await put(tx, `k${String(i).padStart(3, "0")}`);
        // Half of them are refused after they have written: by themselves, or by the database.
        if (i % 4 === 1) throw new Error(`refused ${i}`);
        if (i % 4 === 3) await put(tx, "k000");
        return i;
      }),
    ),
  );
  for (const [i, result] of results.entries()) {
    if (i % 2 === 0) assert.deepEqual(result, { status: "fulfilled", value: i });
    else assert.match(String((result as PromiseRejectedResult).reason), i % 4 === 1 ? /refused/ : /UNIQUE/);
  }
  const expected = Array.from({ length: 125 }, (_, i) => `k${String(i * 2).padStart(3, "0")}`);
  assert.deepEqual(await keys(), expected);
});

test("writes see those before them, and a write asked for by the end of another comes after it", async () => {
  const order: string[] = [];
  await Promise.all(
    ["a", "b", "c"].map((key) =>
      catalog
        .write(async (tx) => {
          const { n } = await tx
            .selectFrom("server_state")
            .select((select) => select.fn.countAll<number>().as("n"))
            .executeTakeFirstOrThrow();
          await put(tx, `${key}${n}`);
        })
        .then(() =>
          catalog.write(async (tx) => void order.push(`${key}:${(await put(tx, `${key}-late`)).length}`)),
        ),
    ),
  );
  assert.deepEqual(await keys(), ["a-late", "a0", "b-late", "b1", "c-late", "c2"]);
  assert.deepEqual(order, ["a:1", "b:1", "c:1"]);
});

test("a write is done when its log is on the disk, not before, and fails when that fails", async (t) => {
  const syncs: ((error: Error | null) => void)[] = [];
  const mocked = t.mock.method(fs, "fdatasync", (_: number, done: (error: Error | null) => void) => {
    syncs.push(done);
  });
  const done: string[] = [];
  const write = (key: string) => catalog.write((tx) => put(tx, key)).then(() => done.push(key));
  const first = write("first");
  while (syncs.length === 0) await setImmediate();
  // What is asked for while the disk turns is the next commit.
  const others = Promise.allSettled([write("second"), write("third")]);
  for (let turn = 0; turn < 10; turn++) await setImmediate();
  assert.deepEqual([done, syncs.length], [[], 1]);
  syncs[0]?.(null);
  await first;
  while (syncs.length === 1) await setImmediate();
  syncs[1]?.(new Error("the disk is gone"));
  for (const result of await others)
    assert.match(String((result as PromiseRejectedResult).reason), /the disk is gone/);
  assert.deepEqual(done, ["first"]);
  mocked.mock.restore();
  await write("fourth");
  assert.deepEqual(done, ["first", "fourth"]);
  const { synchronous } =
    (await sql<{ synchronous: number }>`PRAGMA synchronous`.execute(catalog.db)).rows[0] ?? {};
  assert.equal(synchronous, 2, "single statements sync their own commits");
});

test("closing waits for what was asked for", async () => {
  const written = catalog.write((tx) => put(tx, "last"));
  await catalog.close();
  await written;
  catalog = new SqliteCatalog(join(folder, "catalog.db"));
  assert.deepEqual(await keys(), ["last"]);
});

test("a disk that is full is what every write of the group is told, and the next ones work", async () => {
  await sql`PRAGMA max_page_count = 80`.execute(catalog.db);
  const big = "x".repeat(1_000_000);
  const results = await Promise.allSettled(
    ["a", "b"].map((key) =>
      catalog.write((tx) => tx.insertInto("server_state").values({ key, value: big }).execute()),
    ),
  );
  for (const result of results)
    assert.match(String((result as PromiseRejectedResult).reason), /full/, JSON.stringify(result));
  await catalog.write((tx) => put(tx, "small"));
  assert.deepEqual(await keys(), ["small"]);
});

test("a prepared question takes its values by name, in either kind of connection", async () => {
  const question = prepare((db, value: Values<{ key: string; other: string }>) =>
    db
      .selectFrom("server_state")
      .select("key")
      .where("value", "=", "")
      .where((where) => where.or([where("key", "=", value("key")), where("key", "=", value("other"))]))
      .orderBy("key"),
  );
  const find = async (...asked: Parameters<typeof question>) =>
    (await question(...asked)).map(({ key }) => key);
  await catalog.write((tx) => put(tx, "a"));
  assert.deepEqual(await find(catalog.db, { key: "a", other: "b" }), ["a"]);
  await catalog.write(async (tx) => {
    await put(tx, "b");
    assert.deepEqual(await find(tx, { other: "a", key: "b" }), ["a", "b"]);
  });
  assert.deepEqual(await find(catalog.db, { key: "' OR 1", other: "" }), []);
});

test("who asks while a write goes on is answered when it has ended, of what is stored then", async () => {
  const question = prepare((db, value: Values<{ key: string }>) =>
    db.selectFrom("server_state").select("key").where("key", "=", value("key")),
  );
  const asked: Promise<{ key: string }[]>[] = [];
  const write = (key: string, fails: boolean) =>
    catalog.write(async (tx) => {
      await put(tx, key);
      asked.push(question(catalog.db, { key }));
      assert.equal((await question(tx, { key })).length, 1, "who writes sees it");
      // Others have their turn meanwhile.
      await setImmediate();
      asked.push(question(catalog.db, { key }));
      if (fails) throw new Error("refused");
    });
  await Promise.allSettled([write("stored", false), write("refused", true)]);
  assert.deepEqual(
    (await Promise.all(asked)).map((rows) => rows.map(({ key }) => key)),
    [["stored"], ["stored"], [], []],
  );
});

test("runs of before they were numbered get their number by when they were made, project by project", async () => {
  const path = join(folder, "old.db");
  const old = new DatabaseSync(path);
  old.exec(`${MIGRATIONS.slice(0, 3).join("")} PRAGMA user_version = 3;
    INSERT INTO entities (id, name, kind, created_at) VALUES (1, 'ann', 'user', 0);
    INSERT INTO users (id, entity_id, username, admin, kind, created_at) VALUES (1, 1, 'ann', 0, 'user', 0);
    INSERT INTO projects (id, entity_id, name, access, user_id, created_at, updated_at)
      VALUES (1, 1, 'p', 'PRIVATE', 1, 0, 0), (2, 1, 'q', 'PRIVATE', 1, 0, 0), (3, 1, 'empty', 'PRIVATE', 1, 0, 0)`);
  const run = old.prepare(
    `INSERT INTO runs (project_id, name, display_name, state, user_id, config, summary, system_metrics, stop_requested,
       created_at, updated_at, heartbeat_at, deleted_at) VALUES (?, ?, '', 'finished', 1, '{}', '{}', '{}', 0, ?, 0, 0, ?)`,
  );
  run.run(1, "later", 30, null);
  run.run(1, "first", 10, null);
  run.run(2, "elsewhere", 5, null);
  run.run(1, "deleted", 20, 25);
  run.run(1, "with later", 30, null);
  old.close();
  const now = new SqliteCatalog(path);
  const runs = await now.db
    .selectFrom("runs")
    .select(["name", "color_index"])
    .orderBy("project_id")
    .orderBy("color_index")
    .execute();
  const projects = await now.db.selectFrom("projects").select("runs_made").orderBy("id").execute();
  await now.close();
  assert.deepEqual(
    runs.map(({ name, color_index }) => `${name} ${color_index}`),
    ["first 0", "deleted 1", "later 2", "with later 3", "elsewhere 0"],
  );
  assert.deepEqual(
    projects.map(({ runs_made }) => runs_made),
    [4, 1, 0],
  );
});
