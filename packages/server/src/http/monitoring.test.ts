import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "./doors.test-part.ts";

suite("what is measured", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    await makeRun(doors, doors.admin, { project: "p", name: "r" });
  });
  after(() => doors.close());

  async function numbers(): Promise<Map<string, number>> {
    const { text } = await doors.ask(undefined, "GET", "/metrics");
    return new Map(
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
    );
  }

  test("ingest is counted by rows, points, bytes, batches, causes and time", async () => {
    const body = JSON.stringify({
      files: {
        "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"a":1,"b":{"c":2}}', "nonsense", "[]"] },
        "output.log": { offset: 0, content: ["hello\n"] },
        "wandb-summary.json": { offset: 0, content: ["nonsense"] },
      },
    });
    const path = "/files/admin/p/r/file_stream";
    assert.equal((await doors.ask(doors.admin, "POST", path, body)).status, 200);
    assert.equal((await doors.ask(doors.admin, "POST", path, "{")).status, 400);
    assert.equal((await doors.ask(doors.admin, "POST", "/files/admin/p/none/file_stream", body)).status, 404);
    const found = await numbers();
    const expected = {
      'steelyard_ingest_rows_total{stream="history"}': 1,
      'steelyard_ingest_rows_total{stream="console"}': 1,
      'steelyard_ingest_points_total{stream="history"}': 3,
      'steelyard_ingest_batches_total{stream="history"}': 1,
      steelyard_ingest_bytes_total: Buffer.byteLength(body),
      'steelyard_ingest_rejected_total{cause="line-not-json"}': 1,
      'steelyard_ingest_rejected_total{cause="line-not-object"}': 1,
      'steelyard_ingest_rejected_total{cause="summary"}': 1,
      'steelyard_ingest_rejected_total{cause="bad-request"}': 1,
      'steelyard_ingest_rejected_total{cause="not-found"}': 1,
      steelyard_ingest_seconds_count: 1,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name);
    assert.ok((found.get("process_resident_memory_bytes") ?? 0) > 0);
    assert.ok((found.get("nodejs_eventloop_lag_seconds") ?? -1) >= 0);
    assert.ok((found.get('steelyard_stored_bytes{store="catalog"}') ?? 0) > 0);
  });

  test("a scrape names no user, project or run", async () => {
    await doors.ask(doors.admin, "GET", "/files/secret-name/p/r/file_stream");
    await doors.ask(doors.admin, "GET", "/api/v1/secret-name");
    const { text } = await doors.ask(undefined, "GET", "/metrics");
    assert.doesNotMatch(text, /secret-name/);
  });
});
