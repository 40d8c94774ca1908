import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { newestClient, runScript } from "./python.ts";
import { until } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** What happens to a client's run when the server, or a person, interferes. */
const skip = !newestClient && "no official client is installed";
// Side by side: they wait for the client most of the time.
suite("lives of runs", { skip, concurrency: true }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  test("a server killed again and again under load loses no row and doubles none", async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    let kills = 0;
    let killing = Promise.resolve();
    const { code, stdout, stderr } = await runScript(newestClient ?? "", "long_run.py", server, {
      args: ["20"],
      onStdout(text) {
        if (!text.includes("RUN ") || kills > 0) return;
        kills = 1;
        killing = (async () => {
          for (; kills <= 4; kills++) {
            await new Promise((resolve) => setTimeout(resolve, 3000));
            await server.crashAndRestart();
          }
        })();
      },
    });
    await killing;
    assert.equal(code, 0, stderr.slice(-3000));
    const rows = Number(/ROWS (\d+)/.exec(stdout)?.[1]);
    // Thousands, but on a machine that is busy.
    assert.ok(rows > 300, `only ${rows} rows were logged`);
    const found = await history(server, /RUN (\S+)/.exec(stdout)?.[1] ?? "", rows + 10);
    assert.equal(found.length, rows);
    for (const [index, row] of found.entries()) {
      assert.deepEqual(
        { step: row._step, index: row.index, third: row.third, nested: row.nested },
        { step: index, index, third: index / 3, nested: { text: `줄 ${index}` } },
      );
    }
  });

  test("stopping from the page interrupts the script", async () => {
    let asked = false;
    const { stdout, stderr } = await runScript(newestClient ?? "", "long_run.py", server, {
      args: ["120"],
      onStdout(text) {
        const name = /RUN (\S+)\n/.exec(text)?.[1];
        if (!name || asked) return;
        asked = true;
        void server
          .query<{ project: { run: { id: string } } }>(
            `query ($name: String!) { project(name: "lives", entityName: "admin") { run(name: $name) { id } } }`,
            { name },
          )
          .then(({ project }) =>
            server.query(`mutation ($id: ID!) { stopRun(input: {id: $id}) { success } }`, {
              id: project.run.id,
            }),
          );
      },
    });
    assert.match(stdout, /END stopped/, stderr.slice(-2000));
    const name = /RUN (\S+)/.exec(stdout)?.[1];
    const { project } = await server.query<{ project: { run: { state: string } } }>(
      `query ($name: String!) { project(name: "lives", entityName: "admin") { run(name: $name) { state } } }`,
      { name },
    );
    assert.equal(project.run.state, "killed");
  });

  test("two clients on one run double nothing: of one line number what came last stands, and the log says so", async () => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-two-clients-"));
    const client = (name: string, rows: number) => {
      const ready = Promise.withResolvers<void>();
      const ended = runScript(newestClient ?? "", "two_clients.py", server, {
        args: ["both", name, String(rows), join(folder, name)],
        onStdout: () => ready.resolve(),
      });
      const finish = async () => {
        writeFileSync(join(folder, name), "");
        const { code, stderr } = await ended;
        assert.equal(code, 0, stderr.slice(-2000));
      };
      return { ready: Promise.race([ready.promise, ended]), finish };
    };
    try {
      const first = client("first", 5);
      const second = client("second", 3);
      await Promise.all([first.ready, second.ready]);
      // Each was told that the run has no line yet.
      await first.finish();
      await second.finish();
      assert.deepEqual(
        (await history(server, "both", 100)).map(({ _step, who, row }) => `${_step} ${who} ${row}`),
        ["0 second 0", "1 second 1", "2 second 2", "3 first 3", "4 first 4"],
      );
      await until("a line in the log", () =>
        /"run":"both".*"lines":3,.*two clients on one run/.test(server.log()),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function history(
  server: RunningServer,
  run: string,
  samples: number,
): Promise<Record<string, unknown>[]> {
  const { project } = await server.query<{ project: { run: { history: string[] } } }>(
    `query ($run: String!, $samples: Int!) { project(name: "lives", entityName: "admin") { run(name: $run) { history(samples: $samples) } } }`,
    { run, samples },
  );
  return project.run.history.map((line) => JSON.parse(line) as Record<string, unknown>);
}
