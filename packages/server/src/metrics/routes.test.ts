import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { rowPages } from "./row-pages.ts";

const AT = "entity=admin&project=p&run=r";

suite("charts and exports over HTTP", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    await makeRun(doors, doors.admin, { project: "p", name: "r" });
    const content = [
      '{"_step":0,"a":NaN,"text":"=1+1"}',
      '{"_step":1,"a":Infinity,"text":"say \\"hi\\", you\\nthere"}',
      '{"_step":1000000000000,"a":-Infinity,"b":{"c":[1,null]}}',
    ];
    await doors.ask(doors.admin, "POST", "/files/admin/p/r/file_stream", {
      files: {
        "wandb-history.jsonl": { offset: 0, content },
        "output.log": { offset: 1_000_000_000, content: ["far line"] },
      },
    });
  });
  after(() => doors.close());
  const get = (path: string) => doors.ask(doors.admin, "GET", path);

  test("an export has every row, however far their steps lie apart", async () => {
    const csv = await get(`/api/v1/export?${AT}`);
    assert.equal(
      csv.text,
      '_step,a,b.c,text\n0,NaN,,\'=1+1\n1,Infinity,,"say ""hi"", you\nthere"\n1000000000000,-Infinity,"[1,null]",\n',
    );
    const jsonl = await get(`/api/v1/export?${AT}&format=jsonl`);
    assert.equal(jsonl.text.split("\n").length, 4);
    assert.match(jsonl.text, /"_step":1000000000000,"a":-Infinity/);
    assert.equal((await get(`/api/v1/console/download?${AT}`)).text, "far line\n");
  });

  test("questions have bounds, and say which was passed", async () => {
    assert.equal((await get(`/api/v1/export?${AT}&format=xml`)).status, 400);
    assert.equal((await get(`/api/v1/run-keys?${AT}&stream=console`)).status, 400);
    for (const query of ["from=-1", "limit=x", "from=1e9"])
      assert.equal((await get(`/api/v1/console?${AT}&${query}`)).status, 400, query);
    assert.equal((await get(`/api/v1/console/search?${AT}`)).status, 400);
    assert.equal((await get(`/api/v1/console/search?${AT}&q=${"q".repeat(1001)}`)).status, 400);
  });

  test("a stranger hears of a run what they hear of none", async () => {
    const stranger = await doors.user("stranger");
    for (const door of ["run-keys", "export", "console", "console/search", "console/download"]) {
      const there = await doors.ask(stranger, "GET", `/api/v1/${door}?${AT}&q=x`);
      const none = await doors.ask(stranger, "GET", `/api/v1/${door}?entity=admin&project=p&run=none&q=x`);
      assert.deepEqual([there.status, none.status], [404, 404], door);
      assert.equal(there.text, none.text.replace("p/none", "p/r"), door);
    }
  });
});

test("pages end between steps, whatever number of rows a step has", async () => {
  const rows = [0, 1, 1, 1, 1, 1, 2, 5, 5, 9].map((step, at) => `{"_step":${step},"at":${at}}`);
  const steps = rows.map((row) => JSON.parse(row)._step as number);
  const metrics = {
    rows: async ({ minStep = Number.NEGATIVE_INFINITY, limit }: { minStep?: number; limit?: number }) =>
      rows.filter((_, at) => (steps[at] ?? 0) >= minStep).slice(0, limit),
    lineCounts: async () => ({ history: rows.length, events: 0, console: 0 }),
  };
  for (const size of [1, 2, 3, 9, 10, 11]) {
    const found: string[] = [];
    for await (const page of rowPages(metrics, 1, "history", size)) found.push(...page);
    assert.deepEqual(found, rows, `pages of ${size}`);
  }
});
