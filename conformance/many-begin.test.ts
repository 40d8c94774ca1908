import assert from "node:assert/strict";
import { test } from "node:test";
import { type RunningServer, startServer } from "./server.ts";

const RUNS = 600;
const IN_FLIGHT = 24;
/** The server is killed when so many requests have been answered. */
const KILLS = [150, 400, 700];
const UPSERT = `mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted bucket { name config } } }`;

const configOf = (n: number) => JSON.stringify({ n: { value: n }, kind: { value: `k${n % 3}` } });
/** Every seventh asks for what is refused, in the middle of those that are not. */
const isWrong = (n: number) => n % 7 === 3;

test("many runs that begin together on a server that is killed: what was answered is there, the refused left nothing, each is there once", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const begun = new Set<number>();
  const ended = new Set<number>();
  const kills = [...KILLS];
  let answered = 0;
  let up = Promise.resolve();

  /** What is known to be stored just before the kill is looked for as soon as the server is back. */
  async function killAndLook(): Promise<void> {
    const known = { begun: [...begun], ended: [...ended] };
    await server.crashAndRestart();
    const runs = new Map((await readRuns(server)).map((run) => [run.name, run]));
    for (const n of known.begun) assert.equal(runs.get(`r${n}`)?.config, configOf(n), `r${n} was answered`);
    for (const n of known.ended) assert.equal(runs.get(`r${n}`)?.state, "finished", `r${n} had ended`);
  }

  async function post(path: string, body: object): Promise<{ status: number; body: unknown }> {
    for (;;) {
      await up;
      try {
        const response = await server.fetch(path, { method: "POST", body: JSON.stringify(body) });
        const answer = { status: response.status, body: await response.json() };
        if (++answered >= (kills[0] ?? Number.POSITIVE_INFINITY)) {
          kills.shift();
          // What this answer says is noted first.
          up = Promise.resolve().then(killAndLook);
        }
        return answer;
      } catch {
        // It was killed under the request, which is sent again: nobody knows whether it was stored.
      }
    }
  }

  let next = 0;
  async function beginRuns(): Promise<void> {
    for (let n = next++; n < RUNS; n = next++) {
      const parent = { _wandb: { value: { branch_point: { run_id: "nobody", step: 1 } } } };
      const config = isWrong(n) ? JSON.stringify(parent) : configOf(n);
      const input = { name: `r${n}`, modelName: "many", config };
      const { status, body } = await post("/graphql", { query: UPSERT, variables: { i: input } });
      assert.equal(status, isWrong(n) ? 404 : 200, JSON.stringify(body));
      if (isWrong(n)) continue;
      begun.add(n);
      const summary = { "wandb-summary.json": { offset: 0, content: [JSON.stringify({ loss: n / 3 })] } };
      const end = { files: summary, complete: true, exitcode: 0 };
      assert.equal((await post(`/files/admin/many/r${n}/file_stream`, end)).status, 200);
      ended.add(n);
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, beginRuns));
  await up;
  assert.deepEqual(kills, []);

  const expected = Array.from({ length: RUNS }, (_, n) => n).filter((n) => !isWrong(n));
  const found = (await readRuns(server)).map(({ name, config, state, summaryMetrics }) => {
    return { name, config, state, summaryMetrics };
  });
  assert.deepEqual(
    found.sort((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1))),
    expected.map((n) => ({
      name: `r${n}`,
      config: configOf(n),
      state: "finished",
      summaryMetrics: JSON.stringify({ loss: n / 3 }),
    })),
  );
  // What the table filters by was stored with it.
  const { total } = await count(server, '{"config.kind": "k1", "summary_metrics.loss": {"$gte": 100}}');
  assert.equal(total, expected.filter((n) => n % 3 === 1 && n >= 300).length);
});

interface Read {
  name: string;
  config: string;
  state: string;
  summaryMetrics: string;
}

async function readRuns(server: RunningServer): Promise<Read[]> {
  const { project } = await server.query<{ project: { runs: { edges: { node: Read }[] } } | null }>(
    `{ project(name: "many", entityName: "admin") { runs(first: 1000) { edges { node { name config state summaryMetrics } } } } }`,
  );
  return project?.runs.edges.map(({ node }) => ({ ...node })) ?? [];
}

async function count(server: RunningServer, filters: string): Promise<{ total: number }> {
  const { project } = await server.query<{ project: { runCount: number } }>(
    `query($f: JSONString) { project(name: "many", entityName: "admin") { runCount(filters: $f) } }`,
    { f: filters },
  );
  return { total: project.runCount };
}
