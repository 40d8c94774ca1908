import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { init } from "steelyard";
import { clientVersions, hasLogReader, runScript } from "./python.ts";
import { exitOf, logsOf, PROJECT, readLog, readRun, rowsOf, startScript, valuesOf } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** The oldest and the newest release since 0.18 whose Python has the reader, and the same of those with `sync`. */
const LATER = clientVersions.filter((version) => !/^0\.1[67]\./.test(version));
const READERS = ends(LATER.filter(hasLogReader));
const SYNCERS = ends(LATER);

function ends(versions: readonly string[]): string[] {
  const [first, last] = [versions[0], versions.at(-1)];
  return [...new Set([first, last])].filter((version) => version !== undefined);
}

suite("the SDK's log and the official client", {
  skip: READERS.length > 0 ? false : "no Python client is installed",
}, () => {
  let server: RunningServer;
  let dir: string;
  before(async () => {
    server = await startServer();
    dir = mkdtempSync(join(tmpdir(), "steelyard-sdk-log-"));
  });
  after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test("its reader finds every value", async () => {
    const run = await init({
      id: "reader",
      project: PROJECT,
      mode: "offline",
      dir,
      console: false,
      config: { lr: 0.1 },
      tags: ["t"],
    });
    const odd = [Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324, 1e21, 0.1 + 0.2, 2 ** 53, -1.5e-7];
    for (let step = 0; step < 2000; step++) run.log({ x: step / 3, "a.b": odd[step % odd.length] });
    run.log({ text: "한글".repeat(30_000) });
    await run.finish(1);
    const [log = ""] = logsOf(dir, "reader");
    for (const version of READERS) {
      const { stdout, stderr } = await runScript(version, "read_log.py", server, { args: [log] });
      assert.notEqual(stdout, "", `${version}: ${stderr}`);
      const read = JSON.parse(stdout) as {
        rows: [number, Record<string, string>][];
        kinds: string[];
        code: number;
        run: unknown[];
      };
      assert.equal(read.rows.length, 2001, version);
      for (const [index, [step, row]] of read.rows.slice(0, 2000).entries()) {
        assert.equal(step, index);
        assert.equal(row.x, String(index / 3));
        const value = odd[index % odd.length] as number;
        assert.equal(row["a.b"], Object.is(value, -0) ? "-0.0" : String(value));
      }
      assert.equal(read.rows[2000]?.[1].text, JSON.stringify("한글".repeat(30_000)));
      assert.equal(read.code, 1);
      assert.deepEqual(read.run, ["reader", PROJECT, ["t"], { lr: "0.1" }]);
      assert.deepEqual(read.kinds.slice(0, 2), ["header", "run"]);
    }
  });

  for (const version of SYNCERS) {
    test(`${version} sends what a killed process left`, async () => {
      const id = `synced-${version.replaceAll(".", "-")}`;
      const child = startScript(
        server,
        dir,
        id,
        `for (let step = 0; ; step++) {
  run.log({ step, third: step / 3 });
  if (step % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}`,
        { init: `mode: "offline"` },
      );
      const ended = exitOf(child);
      const written = () =>
        logsOf(dir, id).reduce((sum, log) => sum + (statSync(log, { throwIfNoEntry: false })?.size ?? 0), 0);
      while (written() < 300_000) await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill("SIGKILL");
      assert.equal(await ended, "SIGKILL");
      const [log = ""] = logsOf(dir, id);
      const { records } = readLog(log);
      const { code, stderr, stdout } = await runScript(version, "sync_log.py", server, {
        args: [dirname(log)],
      });
      assert.equal(code, 0, stderr + stdout);
      const rows = rowsOf(await readRun(server, id));
      assert.ok(rows.length > 0 && rows.length < records.length);
      for (const [index, row] of rows.entries())
        assert.deepEqual(valuesOf(row), { step: index, third: index / 3 });
      // Header, run and files are no rows; nor are the samples of the machine.
      assert.ok(rows.length >= records.length - 10, `${rows.length} of ${records.length}`);
    });
  }
});
