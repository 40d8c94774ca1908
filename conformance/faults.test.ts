import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { init, type Run } from "steelyard";
import { runCommand } from "./command.ts";
import { type Door, type Fault, type FaultServer, startFaultServer } from "./fault-server.ts";
import { findRun, logsOf, PROJECT, type ReadRun, readLog, readRun, rowsOf, valuesOf } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/**
 * Every bad day at every door: what is tried again, what the user is told, that the program goes on, and that in the end
 * the server has each row once, by the run itself or by `steelyard sync` of its log.
 */
let server: RunningServer;
let faulty: FaultServer;
let dir: string;
/** Short waits, so that a bad day lasts a moment. */
const SHORT = Object.fromEntries(
  ["GRAPHQL", "FILE_STREAM", "FILE_TRANSFER"].flatMap((door) => [
    [`WANDB_X_${door}_RETRY_WAIT_MIN_SECONDS`, "0.05"],
    [`WANDB_X_${door}_RETRY_WAIT_MAX_SECONDS`, "0.2"],
    [`WANDB_X_${door}_TIMEOUT_SECONDS`, "5"],
  ]),
);
const printed: string[] = [];
const write = process.stderr.write;

before(async () => {
  server = await startServer();
  faulty = await startFaultServer(server);
  dir = mkdtempSync(join(tmpdir(), "steelyard-faults-"));
  Object.assign(process.env, SHORT);
  process.stderr.write = ((text: string) => printed.push(text) > 0) as typeof process.stderr.write;
  faulty.spoil = ({ run, door }, times) => {
    const day = DAYS.find(({ id }) => id === run);
    return day && day.door === door && times < day.times ? day.fault() : undefined;
  };
});
after(async () => {
  process.stderr.write = write;
  for (const name of Object.keys(SHORT)) delete process.env[name];
  await faulty.stop();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const status = (status: number, headers?: Record<string, string>, body?: string): Fault => ({
  kind: "status",
  status,
  ...(headers ? { headers } : {}),
  ...(body ? { body } : {}),
});
const PAGE = "<html><head><title>502 Bad Gateway</title></head>\n<body><h1>Bad Gateway</h1></body></html>";
const NOBODY = /ECONNREFUSED|ECONNRESET/;
const FAULTS: Record<string, { fault: () => Fault; said: RegExp; times?: number; waitsMs?: number }> = {
  "401": { fault: () => status(401), said: /401 spoilt on purpose/ },
  "403": { fault: () => status(403), said: /403 spoilt on purpose/ },
  "404": { fault: () => status(404), said: /404 spoilt on purpose/ },
  "409": { fault: () => status(409), said: /409 spoilt on purpose/ },
  "413": { fault: () => status(413), said: /413 spoilt on purpose/ },
  "429": { fault: () => status(429), said: /429 spoilt/ },
  "429 with Retry-After in seconds": {
    fault: () => status(429, { "retry-after": "1" }),
    said: /429 spoilt/,
    times: 1,
    waitsMs: 990,
  },
  "429 with Retry-After as a date": {
    fault: () => status(429, { "retry-after": new Date(Date.now() + 2000).toUTCString() }),
    said: /429 spoilt/,
    times: 1,
    waitsMs: 900,
  },
  "500": { fault: () => status(500), said: /500 spoilt/ },
  "502 with a page of a proxy": {
    fault: () => status(502, {}, PAGE),
    said: /502 502 Bad Gateway Bad Gateway/,
  },
  silence: { fault: () => ({ kind: "silence" }), said: /no answer within 5 s/, times: 1 },
  "half an answer": { fault: () => ({ kind: "half" }), said: /ECONNRESET|aborted/ },
  "a reset": { fault: () => ({ kind: "reset" }), said: /ECONNRESET/ },
  "an answer lost on its way": { fault: () => ({ kind: "lost" }), said: /ECONNRESET/ },
  "nobody listening": {
    fault: () => {
      const before = printed.length;
      const noticed = () => printed.slice(before).some((line) => NOBODY.test(line));
      return { kind: "refused", noticed };
    },
    said: NOBODY,
    times: 1,
  },
};
const DOORS = ["open", "config", "rows", "createRunFiles", "put"] as const;
/** 409 at the making of a run: somebody else makes it in the same moment. */
const isFinal = (door: Door, name: string) =>
  /^4(0[134]|13)$/.test(name) || (name === "409" && door !== "open" && door !== "config");

/** A kept connection that is gone is replaced without a word, and several files go up at once: so more of these. */
const MANY = 6;
const DAYS = DOORS.flatMap((door) =>
  Object.entries(FAULTS).map(
    ([name, { fault, said, times = door === "put" ? MANY : 2, waitsMs = 0 }], index) => ({
      id: `${door}-${index}`,
      door,
      name,
      fault,
      said,
      final: isFinal(door, name),
      times: isFinal(door, name) ? Number.POSITIVE_INFINITY : times,
      waitsMs,
    }),
  ),
);
type Day = (typeof DAYS)[number];

const ROWS = 40;
const expected = Array.from({ length: ROWS }, (_, step) => ({ x: step / 7, text: `row ${step}` }));
const isWhole = (run: ReadRun) => {
  assert.equal(run.historyLineCount, ROWS);
  assert.deepEqual(rowsOf(run).map(valuesOf), expected);
  assert.equal(run.state, "finished");
  assert.deepEqual((JSON.parse(run.config) as Record<string, unknown>).later, { value: 2 });
};

function debugLog(id: string): string {
  const [log = ""] = logsOf(dir, id);
  return readFileSync(join(dirname(log), "logs", "debug.log"), "utf8");
}

/** Lines that the user saw, of that run alone. */
function told(id: string): string[] {
  const lines = [...debugLog(id).matchAll(/\[print\] (.*)/g)].map(([, line]) => line ?? "");
  for (const line of lines)
    assert.ok(
      printed.some((part) => part.includes(line)),
      `not printed: ${line}`,
    );
  return lines;
}

async function filesOf(id: string): Promise<string[]> {
  const { project } = await server.query<{
    project: { run: { files: { edges: { node: { name: string; md5: string | null } }[] } } };
  }>(
    `query($name: String!) { project(name: "${PROJECT}", entityName: "admin") { run(name: $name) {
      files(first: 100) { edges { node { name md5 } } } } } }`,
    { name: id },
  );
  return project.run.files.edges.flatMap(({ node }) => (node.md5 ? [node.name] : [])).sort();
}

async function live(day: Day): Promise<Run> {
  const run = await init({
    baseUrl: faulty.url,
    apiKey: server.apiKey,
    dir,
    project: PROJECT,
    id: day.id,
    console: false,
    config: { first: 1 },
  });
  for (const row of expected.slice(0, ROWS / 2)) run.log(row);
  run.config.set("later", 2);
  // Until it has happened: the program goes on all the time.
  for (const endMs = Date.now() + 60_000; faulty.at(day.id, day.door).length === 0; ) {
    assert.ok(Date.now() < endMs, "it never came to this door");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const row of expected.slice(ROWS / 2)) run.log(row);
  await run.finish();
  return run;
}

// Where nobody listens, nobody does for the others.
const ALONE = "nobody listening";
for (const [days, concurrency] of [
  [DAYS.filter(({ name }) => name !== ALONE), 6],
  [DAYS.filter(({ name }) => name === ALONE), 1],
] as const)
  suite("a bad day at a door", { concurrency }, () => {
    for (const day of days) {
      const { id, door, name, final, said, times, waitsMs } = day;
      test(`${door}: ${name} is ${final ? "the last word" : "tried again"}`, async () => {
        if (final && door === "open") {
          await assert.rejects(live(day), (error: Error) => {
            assert.match(error.message, /spoilt on purpose/);
            assert.doesNotMatch(error.message, /\n/);
            return true;
          });
          assert.equal(faulty.at(id, door).length, 1);
          assert.equal(await findRun(server, id), undefined);
          return;
        }
        await live(day);
        const seen = faulty.at(id, door);
        const lines = told(id);
        const about = lines.filter((line) => said.test(line));
        assert.equal(about.length > 0, true, `nobody told of it: ${lines.join("\n")}`);
        for (const [at, spoilt] of seen.entries()) {
          const again = seen
            .slice(at + 1)
            .find(({ path, body }) => path === spoilt.path && body.equals(spoilt.body));
          if (spoilt.fault && again) assert.ok(again.atMs - spoilt.atMs >= waitsMs);
        }
        const { damage } = readLog(logsOf(dir, id)[0]);
        assert.deepEqual(damage, []);
        if (!final) {
          assert.ok(seen.length > times, `${seen.length} tries`);
          isWhole(await readRun(server, id));
          for (const file of ["config.yaml", "wandb-metadata.json", "wandb-summary.json"])
            assert.ok((await filesOf(id)).includes(file), file);
          return;
        }
        // Once and no more; a file that was refused is tried once more at the end.
        const bodies = seen.map(({ body, path }) => path + body.toString());
        for (const one of new Set(bodies))
          assert.ok(bodies.filter((body) => body === one).length <= (door === "put" ? 2 : 1), "sent again");
        const end =
          door === "rows" ? "the log has everything" : "the server has everything but what it refused";
        assert.match(debugLog(id), new RegExp(`${end}$`, "m"));
        assert.ok(
          about.every((line) => line.includes(`steelyard sync ${dirname(logsOf(dir, id)[0] ?? "")}`)),
        );
        const run = await readRun(server, id);
        if (door === "rows") assert.deepEqual([run.historyLineCount, run.state], [0, "running"]);
        else assert.deepEqual(rowsOf(run).map(valuesOf), expected);
      });
    }
  });

test("what was refused is completed by steelyard sync, each row once", async () => {
  const refused = DAYS.filter(({ final, door }) => final && door !== "open");
  const folders = refused.map(({ id }) => dirname(logsOf(dir, id)[0] ?? ""));
  const main = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
  const ended = await runCommand(process.execPath, [main, "sync", ...folders], {
    cwd: dir,
    environment: { WANDB_BASE_URL: server.url, WANDB_API_KEY: server.apiKey, HOME: dir },
  });
  assert.equal(ended.status, 0, ended.err);
  for (const { id } of refused) {
    assert.ok(folders.some((folder) => basename(folder).includes(id)));
    isWhole(await readRun(server, id));
    for (const file of ["config.yaml", "wandb-metadata.json", "wandb-summary.json"])
      assert.ok((await filesOf(id)).includes(file), `${id} ${file}`);
  }
});
