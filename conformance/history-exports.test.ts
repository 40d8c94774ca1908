import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { newestClient, runScript } from "./python.ts";
import { startServer } from "./server.ts";

interface Said {
  what: string;
  /** Files in the client's cache by then. */
  cached?: number;
  rows?: number;
  first?: Record<string, unknown>[];
  last?: Record<string, unknown>[];
  kinds?: Record<string, string>;
  files?: number[];
  live?: boolean;
  error?: string;
}

const ROWS = 1500;

test("the official client reads histories from files where they are exact, and live where they are not", {
  skip: !newestClient && "no official client is installed",
}, async () => {
  const server = await startServer();
  const cache = mkdtempSync(join(tmpdir(), "steelyard-history-cache-"));
  try {
    const { stdout, stderr } = await runScript(newestClient ?? "", "history_exports.py", server, {
      env: { WANDB_CACHE_DIR: cache },
    });
    const said = new Map<string, Said>();
    for (const line of stdout.split("\n"))
      if (line.startsWith('{"what"')) said.set(JSON.parse(line).what, JSON.parse(line) as Said);
    assert.equal(said.size, 10, stderr.slice(-3000));
    const of = (what: string) => said.get(what) ?? { what };
    const without = ({ _timestamp, _runtime, ...row }: Record<string, unknown> = {}) => row;

    assert.deepEqual(of("keys of a file at an address"), {
      what: "keys of a file at an address",
      cached: 0,
      rows: ROWS,
      first: [{ _step: 0, epoch: 0, loss: 1 }],
      last: [{ _step: 1499, epoch: 14, loss: 1 / 1500 }],
      kinds: { _step: "int", epoch: "int", loss: "float" },
    });
    const whole = of("whole");
    assert.deepEqual([whole.cached, whole.rows], [1, ROWS]);
    const row = { loss: 1, epoch: 0, mixed: 0, phase: "warm", best: true, _step: 0 };
    assert.deepEqual(without(whole.first?.[0]), row);
    const kinds = { loss: "float", epoch: "int", mixed: "int", phase: "str", best: "bool" };
    const clocks = { _step: "int", _runtime: "float", _timestamp: "float" };
    assert.deepEqual(whole.kinds, { ...kinds, ...clocks });
    assert.deepEqual(of("part of a cached file").rows, 600);
    assert.deepEqual(of("part of a cached file").first, [{ _step: 700, loss: 1 / 701 }]);
    assert.equal(of("complete").live, false);
    assert.equal(of("complete").files?.length, 1);

    // A row has its own keys only, nested as it was logged: no file would give it back so.
    assert.deepEqual(without(of("sparse").first?.[0]), { _step: 0, nested: { acc: 0 } });
    assert.deepEqual([of("sparse").rows, of("sparse").cached], [5, 1]);
    assert.deepEqual(of("sparse by key").first, [{ _step: 1, loss: 1 }]);
    assert.equal(of("incomplete").error, "IncompleteRunHistoryError");
    assert.deepEqual([of("nothing").files, of("nothing").live], [[], true]);

    // The client keeps the file it has: what came since is not in it.
    assert.equal(of("gone on").rows, ROWS + 1);
    assert.equal(of("gone on").last?.[0]?._step, ROWS);
    assert.deepEqual(of("gone on by key").last, [{ _step: ROWS, loss: 1 / (ROWS + 1) }]);
  } finally {
    await server.stop();
    rmSync(cache, { recursive: true, force: true });
  }
});
