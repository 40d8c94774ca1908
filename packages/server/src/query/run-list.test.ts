import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { SqliteCatalog } from "../engines/sqlite/catalog.ts";
import { setConfig, setSummary, setTags } from "../runs/run-store.ts";
import { countRuns, listRuns, type Plan, type PlanOptions } from "./run-list.ts";

interface Doc {
  name: string;
  display_name: string;
  state: "running" | "finished" | "crashed";
  group: string | null;
  created_at: number;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
  tags: string[];
}

const PROJECT = { id: 1 };
let catalog: SqliteCatalog;

const folder = mkdtempSync(join(tmpdir(), "steelyard-run-list-"));
let made = 0;

/** Every way to a page: by a filter's index, by the order's, and from columns in memory. */
const WAYS: PlanOptions[] = [
  { driveUpTo: 5_000, columnsFrom: Number.POSITIVE_INFINITY },
  { driveUpTo: 0, columnsFrom: Number.POSITIVE_INFINITY },
  { columnsFrom: 0 },
];

async function fill(docs: readonly Doc[]): Promise<SqliteCatalog> {
  const filled = new SqliteCatalog(join(folder, `${made++}.db`));
  await filled.write(async (tx) => {
    await tx
      .insertInto("entities")
      .values({ name: "ann", kind: "user", organization_id: null, created_at: 0 })
      .execute();
    await tx
      .insertInto("users")
      .values({
        entity_id: 1,
        username: "ann",
        email: null,
        display_name: null,
        password_hash: null,
        admin: 0,
        kind: "user",
        created_at: 0,
        deleted_at: null,
      })
      .execute();
    for (const name of ["p", "other"]) {
      await tx
        .insertInto("projects")
        .values({
          entity_id: 1,
          name,
          description: null,
          access: "PRIVATE",
          views: null,
          repo: null,
          docker_image: null,
          user_id: 1,
          created_at: 0,
          updated_at: 0,
          deleted_at: null,
        })
        .execute();
    }
    // The same runs in another project and deleted ones must never be seen.
    for (const [project, deleted, prefix] of [
      [2, null, ""],
      [1, 1, "deleted-"],
      [1, null, ""],
    ] as const) {
      for (const doc of docs) {
        const { id } = await tx
          .insertInto("runs")
          .values({
            project_id: project,
            name: prefix + doc.name,
            display_name: doc.display_name,
            state: doc.state,
            user_id: 1,
            group_name: doc.group,
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
            created_at: doc.created_at,
            updated_at: doc.created_at,
            heartbeat_at: doc.created_at + 5_000,
            finished_at: null,
            deleted_at: deleted,
          })
          .returning("id")
          .executeTakeFirstOrThrow();
        const run = { id, project: { id: project } };
        const config = Object.fromEntries(Object.entries(doc.config).map(([key, value]) => [key, { value }]));
        await setConfig(tx, run, JSON.stringify(config));
        await setSummary(tx, run, JSON.stringify(doc.summary));
        await setTags(tx, run, doc.tags);
      }
    }
  });
  return filled;
}

async function allNames(filters: unknown, order = "", options = {}): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const question = { filters: JSON.stringify(filters), order, after: cursor, first: 3 };
    const page = await listRuns(catalog, PROJECT.id, question, options);
    names.push(...page.runs.map(({ row }) => row.name));
    cursor = page.runs.at(-1)?.cursor;
    assert.equal(page.runs.length > 0 || !page.hasNextPage, true, "an empty page must be the last");
    if (!page.hasNextPage) return names;
  }
}

/** The same list by offsets, as the table of the page jumps about in it. */
async function namesByOffset(filters: unknown, order: string, options = {}): Promise<string[]> {
  const names: string[] = [];
  for (let offset = 0; ; offset += 2) {
    const question = { filters: JSON.stringify(filters), order, offset, first: 2 };
    const page = await listRuns(catalog, PROJECT.id, question, options);
    names.push(...page.runs.map(({ row }) => row.name));
    if (!page.hasNextPage) return names;
  }
}

const T = Date.parse("2026-08-01T10:00:00Z");
const DOCS: Doc[] = [
  {
    name: "a",
    display_name: "fast-owl-1",
    state: "finished",
    group: "g1",
    created_at: T,
    config: { lr: 0.1, net: { depth: 3 }, "x.y": 1, opt: "adam", amp: true },
    summary: { loss: 0.5, acc: { top1: 0.9 } },
    tags: ["base", "gpu"],
  },
  {
    name: "b",
    display_name: "fast-owl-2",
    state: "running",
    group: "g2",
    created_at: T + 1000,
    config: { lr: 0.01, net: { depth: 5 }, opt: "sgd", layers: [1, 2] },
    summary: { loss: 0.25 },
    tags: ["gpu"],
  },
  {
    name: "c",
    display_name: "Slow cat",
    state: "crashed",
    group: null,
    created_at: T + 2000,
    config: { lr: "auto", opt: null },
    summary: { loss: "n/a" },
    tags: [],
  },
  {
    name: "d",
    display_name: "한글 런",
    state: "finished",
    group: "g1",
    created_at: T + 3000,
    config: { amp: false, prompt: `${"long ".repeat(300)}one` },
    summary: {},
    tags: ["base"],
  },
  {
    name: "e",
    display_name: "e",
    state: "running",
    group: "g2",
    created_at: T + 3000,
    config: { lr: -2, net: 7, prompt: `${"long ".repeat(300)}two` },
    summary: { loss: 0.5 },
    tags: ["x"],
  },
];

before(async () => {
  catalog = await fill(DOCS);
});
after(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true });
});

const FILTERS: [string, unknown, string][] = [
  ["everything", {}, "abcde"],
  ["a bare value", { state: "running" }, "be"],
  ["states in any case", { state: "RUNNING" }, "be"],
  ["$eq", { state: { $eq: "crashed" } }, "c"],
  ["$ne has those without it too", { group: { $ne: "g1" } }, "bce"],
  ["$in", { state: { $in: ["running", "crashed"] } }, "bce"],
  ["$in of nothing", { state: { $in: [] } }, ""],
  ["$nin", { state: { $nin: ["running", "crashed"] } }, "ad"],
  ["null is absent", { group: null }, "c"],
  ["$ne null is present", { group: { $ne: null } }, "abde"],
  ["$in with null", { group: { $in: ["g1", null] } }, "acd"],
  ["$exists", { "config.lr": { $exists: true } }, "abce"],
  ["$exists of a group of keys", { "config.net": { $exists: true } }, "abe"],
  ["$exists of a list", { "config.layers": { $exists: true } }, "b"],
  ["$exists false", { "config.net.value": { $exists: false } }, "cd"],
  ["$regex is not anchored", { displayName: { $regex: "owl" } }, "ab"],
  ["$regex of RE2", { display_name: { $regex: "(?i)^SLOW" } }, "c"],
  ["$regex of Hangul", { displayName: { $regex: "한." } }, "d"],
  ["$regex of a config value", { "config.opt": { $regex: "^a" } }, "a"],
  ["$regex of tags", { tags: { $regex: "^g" } }, "ab"],
  ["two operators", { "config.lr": { $gt: 0, $lt: 0.05 } }, "b"],
  ["two fields", { state: "finished", group: "g1" }, "ad"],
  ["numbers with numbers only", { "config.lr": { $gte: -100 } }, "abe"],
  ["texts with texts only", { "config.lr": { $gte: "" } }, "c"],
  ["config with .value", { "config.lr.value": 0.1 }, "a"],
  ["nested config", { "config.net.depth": 5 }, "b"],
  ["nested config with .value", { "config.net.value.depth": { $lte: 3 } }, "a"],
  ["a literal dotted key", { "config.x.y": 1 }, "a"],
  ["booleans", { "config.amp.value": false }, "d"],
  ["long texts by all of them", { "config.prompt": `${"long ".repeat(300)}two` }, "e"],
  ["long texts in a list", { "config.prompt": { $in: [`${"long ".repeat(300)}one`, "two"] } }, "d"],
  ["$regex in the beginning of long texts", { "config.prompt": { $regex: "^long long" } }, "de"],
  ["$regex of a long text's hash", { "config.prompt": { $regex: "[0-9a-f]{16}$" } }, ""],
  ["summary", { "summary_metrics.loss": { $lt: 0.5 } }, "b"],
  ["nested summary", { "summaryMetrics.acc.top1": 0.9 }, "a"],
  ["history keys", { "keys_info.keys.loss": { $exists: true } }, "abce"],
  ["a tag", { tags: "gpu" }, "ab"],
  ["tags $in", { tags: { $in: ["base", "x"] } }, "ade"],
  ["tags $ne", { tags: { $ne: "gpu" } }, "cde"],
  ["tags $nin", { tags: { $nin: ["gpu", "x"] } }, "cd"],
  ["no tags", { tags: null }, "c"],
  ["times as ISO", { createdAt: { $gt: "2026-08-01T10:00:01Z" } }, "cde"],
  ["times without a zone are UTC", { created_at: { $lte: "2026-08-01T10:00:01" } }, "ab"],
  ["times in seconds", { created_at: { $gte: T / 1000 + 3 } }, "de"],
  ["duration", { duration: { $gte: 5 } }, "abcde"],
  ["username", { username: "ann" }, "abcde"],
  ["user.username", { "user.username": "bob" }, ""],
  ["name", { name: { $in: ["a", "e", "deleted-b"] } }, "ae"],
  ["$and", { $and: [{ group: "g1" }, { tags: "gpu" }] }, "a"],
  ["$or", { $or: [{ state: "crashed" }, { "config.lr": 0.1 }] }, "ac"],
  ["$nor", { $nor: [{ state: "crashed" }, { "config.lr": 0.1 }] }, "bde"],
  ["$not of a field", { "config.lr": { $not: { $gt: 0 } } }, "cde"],
  ["$not of a filter", { $not: { group: "g1" } }, "bce"],
  ["the editor's empty filter", { $or: [{ $and: [] }] }, "abcde"],
  ["an empty $or", { $or: [] }, "abcde"],
  ["artifacts", { inputArtifacts: { $in: ["data"] } }, ""],
];

for (const [title, filter, expected] of FILTERS) {
  test(`filter: ${title}`, async () => {
    for (const way of WAYS) {
      assert.deepEqual(await allNames(filter, "+created_at", way), [...expected]);
      assert.equal(await countRuns(catalog, PROJECT.id, JSON.stringify(filter), way), expected.length);
    }
  });
}

const ORDERS: [string, string][] = [
  ["", "abcde"],
  ["+created_at", "abcde"],
  ["-created_at", "edcba"],
  ["-createdAt", "edcba"],
  ["name", "abcde"],
  ["-displayName", "dbaec"],
  ["state", "cadbe"],
  ["+group", "adbec"],
  ["-group", "ebdac"],
  ["-heartbeat_at", "edcba"],
  ["config.lr.value", "ebacd"],
  ["-config.lr", "abecd"],
  ["summary_metrics.loss", "baecd"],
  ["-summary_metrics.loss", "eabcd"],
  ["-duration", "edcba"],
  ["-tags.gpu", "baedc"],
  ["config.nothing", "abcde"],
];

for (const [order, expected] of ORDERS) {
  test(`order: ${order || "(none)"}`, async () => {
    const plans = new Set<Plan>();
    for (const way of WAYS) {
      const options = { ...way, explain: (plan: Plan) => plans.add(plan) };
      assert.deepEqual(await allNames({}, order, options), [...expected]);
      assert.deepEqual(await allNames({ name: { $in: [..."abcde"] } }, order, options), [...expected]);
    }
    assert.ok(plans.has("drive") && plans.has("columns"));
  });
}

const WRONG: [unknown, RegExp][] = [
  ["not json", /not JSON/],
  ["[]", /object/],
  ['{"colour": 1}', /colour is not a field/],
  ['{"state": {"$like": "x"}}', /state\.\$like is not an operator/],
  ['{"$and": {}}', /\$and must be a list/],
  ['{"$or": [{"state": {"$in": "x"}}]}', /\$or\[0\]\.state\.\$in must be a list/],
  ['{"created_at": {"$gt": "yesterday"}}', /created_at\.\$gt must be a time/],
  ['{"name": {"$regex": "("}}', /name\.\$regex has a \( without/],
  ['{"tags": {"$gt": "a"}}', /cannot order/],
  ['{"config.lr": [1]}', /\$in/],
  ['{"config.lr": {}}', /empty condition/],
  [`${'{"$not":'.repeat(50)}{}${"}".repeat(50)}`, /too deep/],
];

for (const [filters, message] of WRONG) {
  test(`a wrong filter is told what and where: ${String(filters).slice(0, 60)}`, async () => {
    await assert.rejects(
      listRuns(catalog, PROJECT.id, { filters: String(filters) }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "invalid-filter");
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("a wrong order or cursor is refused", async () => {
  await assert.rejects(listRuns(catalog, 1, { order: "-colour" }), { code: "invalid-filter" });
  for (const cursor of ["x", "W10", Buffer.from("[1,2]").toString("base64url")]) {
    await assert.rejects(listRuns(catalog, 1, { after: cursor }), { code: "bad-request" });
  }
});

// --- The same questions asked of plain objects, for comparison. ---

type Value = string | number | null;
const scalar = fc.constantFrom<unknown>(0, 1, 2, -1.5, "a", "b", "10", true, null, [1]);
const doc = fc.record({
  display_name: fc.constantFrom("x1", "x2", "y"),
  state: fc.constantFrom("running", "finished", "crashed") as fc.Arbitrary<Doc["state"]>,
  group: fc.constantFrom("g", "h", null),
  config: fc.record({ k: scalar, m: fc.record({ n: scalar }) }, { requiredKeys: [] }),
  summary: fc.record({ v: scalar }, { requiredKeys: [] }),
  tags: fc.uniqueArray(fc.constantFrom("t", "u"), { maxLength: 2 }),
});
const FIELDS = ["state", "group", "displayName", "config.k", "config.m.n.value", "summary_metrics.v", "tags"];

/** The comparable values a field has; [] = absent; a lone undefined = there, but compared with nothing. */
function valuesOf(run: Doc, field: string): (string | number | undefined)[] {
  const raw: Record<string, unknown> = {
    state: run.state,
    group: run.group,
    displayName: run.display_name,
    "config.k": run.config.k,
    "config.m.n.value": (run.config.m as Record<string, unknown> | undefined)?.n,
    "summary_metrics.v": run.summary.v,
  };
  if (field === "tags") return run.tags;
  const value = raw[field];
  if (value === null || value === undefined) return [];
  if (typeof value === "boolean") return [String(value)];
  return typeof value === "string" || typeof value === "number" ? [value] : [undefined];
}

function holds(run: Doc, filter: Record<string, unknown>): boolean {
  return Object.entries(filter).every(([key, value]) => {
    const parts = value as Record<string, unknown>[];
    if (key === "$and") return parts.every((part) => holds(run, part));
    if (key === "$or") return parts.length === 0 || parts.some((part) => holds(run, part));
    if (key === "$nor") return parts.length === 0 || !parts.some((part) => holds(run, part));
    const has = valuesOf(run, key);
    const equal = (wanted: unknown) =>
      wanted === null
        ? has.length === 0
        : has.includes(typeof wanted === "boolean" ? String(wanted) : (wanted as Value & {}));
    if (typeof value !== "object" || value === null) return equal(value);
    return Object.entries(value).every(([op, operand]) => {
      const compared = has.filter((one) => one !== undefined && typeof one === typeof operand) as never[];
      if (op === "$eq") return equal(operand);
      if (op === "$ne") return !equal(operand);
      if (op === "$in") return (operand as unknown[]).some(equal);
      if (op === "$nin") return !(operand as unknown[]).some(equal);
      if (op === "$exists") return has.length > 0 === operand;
      if (op === "$gt") return compared.some((one) => one > operand);
      if (op === "$gte") return compared.some((one) => one >= operand);
      if (op === "$lt") return compared.some((one) => one < operand);
      if (op === "$lte") return compared.some((one) => one <= operand);
      return has.some((one) => typeof one === "string" && new RegExp(operand as string, "u").test(one));
    });
  });
}

function inOrder(docs: Doc[], field: string, descending: boolean): string[] {
  const way = descending ? -1 : 1;
  const rank = (value: unknown) => (typeof value === "number" ? 0 : typeof value === "string" ? 1 : 2);
  return docs
    .map((run, at) => ({ run, at, value: valuesOf(run, field)[0] }))
    .sort((a, b) => {
      if (rank(a.value) !== rank(b.value)) return rank(a.value) - rank(b.value);
      if (a.value !== undefined && b.value !== undefined && a.value !== b.value)
        return a.value < b.value ? -way : way;
      return (a.at - b.at) * way;
    })
    .map(({ run }) => run.name);
}

const operand = fc.constantFrom<unknown>(0, 1, 2, -1.5, "a", "b", "running", "g", "x1", "t", "true");
const leaf = fc
  .tuple(
    fc.constantFrom(...FIELDS),
    fc.oneof(
      operand,
      fc.constant(null),
      fc.constant(true),
      fc.tuple(fc.constantFrom("$eq", "$ne"), operand).map(([op, value]) => ({ [op]: value })),
      fc
        .tuple(fc.constantFrom("$gt", "$gte", "$lt", "$lte"), operand)
        .map(([op, value]) => ({ [op]: value })),
      fc
        .tuple(fc.constantFrom("$in", "$nin"), fc.array(operand, { maxLength: 3 }))
        .map(([op, list]) => ({ [op]: list })),
      fc.boolean().map((value) => ({ $exists: value })),
      fc.constantFrom("^x", "a|g", "n.*g$", "\\d").map((pattern) => ({ $regex: pattern })),
    ),
  )
  .filter(([field, value]) => field !== "tags" || !/\$[gl]te?/.test(JSON.stringify(value)))
  .map(([field, value]) => ({ [field]: value }));
const { filter: anyFilter } = fc.letrec<{ filter: Record<string, unknown> }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom("$and", "$or", "$nor"), fc.array(tie("filter"), { maxLength: 3 }))
      .map(([op, parts]) => ({ [op]: parts })),
  ),
}));

test("any filter and order gives what plain objects give, whichever way is taken", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(doc, { minLength: 1, maxLength: 12 }),
      fc.array(anyFilter, { minLength: 5, maxLength: 10 }),
      fc.constantFrom(...FIELDS.filter((field) => field !== "tags")),
      fc.boolean(),
      async (docs, filters, field, descending) => {
        const named = docs.map((one, at) => ({ ...one, name: `r${at}`, created_at: T + at }));
        const whole = catalog;
        catalog = await fill(named);
        try {
          for (const filter of filters) {
            const expected = inOrder(
              named.filter((run) => holds(run, filter)),
              field,
              descending,
            );
            for (const way of WAYS) {
              const names = await allNames(filter, `${descending ? "-" : "+"}${field}`, way);
              assert.deepEqual(names, expected, JSON.stringify(filter));
              const jumped = await namesByOffset(filter, `${descending ? "-" : "+"}${field}`, way);
              assert.deepEqual(jumped, expected, `by offset: ${JSON.stringify(filter)}`);
              assert.equal(await countRuns(catalog, 1, JSON.stringify(filter), way), expected.length);
            }
          }
        } finally {
          await catalog.close();
          catalog = whole;
        }
      },
    ),
    { numRuns: 40 },
  );
});
