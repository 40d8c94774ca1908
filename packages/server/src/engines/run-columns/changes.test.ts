import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { CatalogTransaction } from "../../ports/catalog.ts";
import { countRuns, listRuns } from "../../query/run-list.ts";
import { setConfig, setSummary, setTags } from "../../runs/run-store.ts";
import { SqliteCatalog } from "../sqlite/catalog.ts";
import { compareTexts, Texts } from "./texts.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-run-columns-"));
after(() => rmSync(folder, { recursive: true }));
let made = 0;

async function emptyCatalog(): Promise<SqliteCatalog> {
  const catalog = new SqliteCatalog(join(folder, `${made++}.db`));
  await catalog.write(async (tx) => {
    const entity = { kind: "user" as const, organization_id: null, created_at: 0 };
    const user = { email: null, display_name: null, password_hash: null, admin: 0, kind: "user" as const };
    const project = { description: null, access: "PRIVATE", views: null, repo: null, docker_image: null };
    for (const [i, name] of ["ann", "bob"].entries()) {
      await tx
        .insertInto("entities")
        .values({ ...entity, name })
        .execute();
      await tx
        .insertInto("users")
        .values({ ...user, entity_id: i + 1, username: name, created_at: 0, deleted_at: null })
        .execute();
      await tx
        .insertInto("projects")
        .values({
          ...project,
          entity_id: 1,
          name: `p${i}`,
          user_id: 1,
          created_at: 0,
          updated_at: 0,
          deleted_at: null,
        })
        .execute();
    }
  });
  return catalog;
}

const EMPTY = {
  group_name: null,
  job_type: null,
  notes: null,
  description: null,
  host: null,
  program: null,
  repo: null,
  git_commit: null,
  sweep_name: null,
  config: "{}",
  summary: "{}",
  system_metrics: "{}",
  fork_of: null,
  stop_requested: 0,
  exit_code: null,
  finished_at: null,
  deleted_at: null,
};

/** What writers do to runs; `run` is one of those made so far. */
type Change =
  | { kind: "make"; text: string; at: number }
  | { kind: "summary"; run: number; value: unknown }
  | { kind: "config"; run: number; value: unknown }
  | { kind: "tags"; run: number; tags: string[] }
  | { kind: "state" | "delete" | "restore" | "move" | "remove"; run: number }
  | { kind: "rename"; text: string };

const value = fc.constantFrom<unknown>(0, 1, 2.5, "a", "b", "한", "\u{1f600}", "\ue000", true, null, [1]);
const run = fc.nat(20);
const text = fc.constantFrom("x", "y", "zz", "\u{1f600}", "\uffee");
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("make" as const), text, at: fc.nat(5) }),
  fc.record({ kind: fc.constantFrom("summary" as const, "config" as const), run, value }),
  fc.record({
    kind: fc.constant("tags" as const),
    run,
    tags: fc.uniqueArray(fc.constantFrom("t", "u"), { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constantFrom(
      "state" as const,
      "delete" as const,
      "restore" as const,
      "move" as const,
      "remove" as const,
    ),
    run,
  }),
  fc.record({ kind: fc.constant("rename" as const), text }),
);

async function apply(tx: CatalogTransaction, runs: number[], next: Change): Promise<void> {
  if (next.kind === "make") {
    const { id } = await tx
      .insertInto("runs")
      .values({
        ...EMPTY,
        project_id: 1,
        name: `r${runs.length}`,
        display_name: next.text,
        state: "running",
        user_id: 1 + (runs.length % 2),
        created_at: next.at,
        updated_at: next.at,
        heartbeat_at: next.at,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    runs.push(id);
    return;
  }
  if (next.kind === "rename") {
    await tx.updateTable("users").set({ username: next.text }).where("id", "=", 1).execute();
    return;
  }
  const id = runs[next.run % Math.max(1, runs.length)];
  if (id === undefined) return;
  const row = await tx.selectFrom("runs").select("project_id").where("id", "=", id).executeTakeFirst();
  if (!row) return;
  const known = { id, project: { id: row.project_id } };
  const set = (columns: object) => tx.updateTable("runs").set(columns).where("id", "=", id).execute();
  switch (next.kind) {
    case "summary":
      await setSummary(tx, known, JSON.stringify({ v: next.value, deep: { w: next.value } }));
      break;
    case "config":
      await setConfig(tx, known, JSON.stringify({ k: { value: next.value } }));
      break;
    case "tags":
      await setTags(tx, known, next.tags);
      break;
    case "state":
      await set({ state: "finished", finished_at: 7 });
      break;
    case "delete":
      await set({ deleted_at: 1 });
      break;
    case "restore":
      await set({ deleted_at: null });
      break;
    case "move": {
      const project_id = 3 - row.project_id;
      await set({ project_id });
      await tx.updateTable("run_cells").set({ project_id }).where("run_id", "=", id).execute();
      await tx.updateTable("run_tags").set({ project_id }).where("run_id", "=", id).execute();
      break;
    }
    case "remove":
      await tx.deleteFrom("runs").where("id", "=", id).execute();
  }
}

const QUESTIONS: [filter: unknown, order: string][] = [
  [{}, "-created_at"],
  [{ "config.k": { $gte: 1 } }, "+summary_metrics.v"],
  [{ "config.k": { $gte: "a" } }, "-config.k"],
  [{ $or: [{ tags: "t" }, { "summary_metrics.deep": { $exists: true } }] }, "-display_name"],
  [{ username: { $regex: "[xyz]" } }, "+duration"],
  [{ $not: { display_name: { $lt: "y" } } }, "-tags.u"],
  [{ "config.k": { $gte: 1 } }, "-summary_metrics.v"],
  [{ tags: { $regex: "t|u" } }, "+tags.u"],
];

test("columns answer as the tables do, whatever is written between two questions", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 6 }),
      async (rounds) => {
        const catalog = await emptyCatalog();
        const runs: number[] = [];
        try {
          for (const changes of rounds) {
            const undone = catalog.write(async (tx) => {
              await apply(tx, [...runs], { kind: "make", text: "undone", at: 0 });
              throw new Error("undone");
            });
            await Promise.all([
              assert.rejects(undone, /undone/),
              ...changes.map((next) => catalog.write((tx) => apply(tx, runs, next))),
            ]);
            for (const project of [1, 2]) {
              for (const [filter, order] of QUESTIONS) {
                const filters = JSON.stringify(filter);
                const [columns, tables] = await Promise.all(
                  [0, Number.POSITIVE_INFINITY].map(async (columnsFrom) => {
                    const page = await listRuns(catalog, project, { filters, order }, { columnsFrom });
                    const total = await countRuns(catalog, project, filters, { columnsFrom });
                    return { names: page.runs.map(({ row }) => row.name), total, page };
                  }),
                );
                assert.ok(columns && tables);
                assert.deepEqual(columns.names, tables.names, `${filters} ${order}`);
                assert.equal(columns.total, tables.total, filters);
                const middle = columns.names.length >> 1;
                const rest = { after: columns.page.runs[middle]?.cursor ?? null };
                for (const [where, from] of [
                  [rest, middle + 1],
                  [{ offset: middle }, middle],
                ] as const) {
                  const page = await listRuns(
                    catalog,
                    project,
                    { filters, order, ...where },
                    { columnsFrom: 0 },
                  );
                  assert.deepEqual(
                    page.runs.map(({ row }) => row.name),
                    columns.names.slice(from),
                    `${filters} ${order} from ${JSON.stringify(where)}`,
                  );
                }
              }
            }
          }
        } finally {
          await catalog.close();
        }
      },
    ),
    { numRuns: 12 },
  );
});

test("many changed runs are read anew at once, and new ones have room", async () => {
  const catalog = await emptyCatalog();
  const runs: number[] = [];
  const names = async (columnsFrom: number) => {
    const pages = [];
    for (const [order, filters, offset] of [
      ["-display_name", null, 2500],
      ["+display_name", '{"display_name": {"$gte": "t2"}}', 2500],
      ["-duration", '{"state": "running"}', 2500],
      ["-display_name", '{"display_name": {"$in": ["t1", "t2", "t3", "t4"]}}', 1],
      ["+summary_metrics.v", '{"display_name": {"$in": ["t1", "t2", "t3", "t4"]}}', 1],
    ] as const) {
      const asked = { order, filters, first: 1000, offset };
      const page = await listRuns(catalog, 1, asked, { columnsFrom });
      pages.push(page.runs.map(({ row }) => row.name));
      const after = page.runs[0]?.cursor ?? null;
      const rest = await listRuns(catalog, 1, { ...asked, offset: 0, after }, { columnsFrom });
      pages.push(rest.runs.map(({ row }) => row.name));
    }
    return pages;
  };
  // Few of many are put in their places, many are sorted with the others.
  for (const count of [10, 5000, 50, 900]) {
    await catalog.write(async (tx) => {
      for (let i = 0; i < count; i++) {
        await apply(tx, runs, { kind: "make", text: `t${(i * 7919) % 4001}`, at: i });
      }
    });
    assert.deepEqual(await names(0), await names(Number.POSITIVE_INFINITY));
  }
  await catalog.close();
});

test("a filter or a cursor that is wrong is told by its code from the thread, too", async () => {
  const catalog = await emptyCatalog();
  const columns = { columnsFrom: 0 };
  await assert.rejects(listRuns(catalog, 1, { filters: '{"colour": 1}' }, columns), {
    code: "invalid-filter",
  });
  await assert.rejects(listRuns(catalog, 1, { after: "x" }, columns), { code: "bad-request" });
  await assert.rejects(listRuns(catalog, 1, { order: "-colour" }, columns), { code: "invalid-filter" });
  assert.equal((await listRuns(catalog, 1, {}, columns)).runs.length, 0);
  await catalog.close();
});

test("texts rank by their bytes, as SQLite compares them", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (some) => {
      const texts = new Texts();
      const codes = some.map((one) => {
        // A text that comes between two ranked ones.
        texts.ranks();
        return texts.codeOf(one);
      });
      const ranks = texts.ranks();
      for (const [i, a] of some.entries()) {
        assert.equal(texts.text(codes[i] ?? -1), a);
        assert.equal(texts.find(a), codes[i]);
        for (const [j, b] of some.entries()) {
          const bytes = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
          assert.equal(Math.sign(compareTexts(a, b)), bytes);
          assert.equal(Math.sign((ranks[codes[i] ?? 0] ?? 0) - (ranks[codes[j] ?? 0] ?? 0)), bytes);
        }
      }
    }),
  );
});
