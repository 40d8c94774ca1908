import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { ConfigError, readConfig } from "./config.ts";
import { backUp, checkUpgrade, DataFolderError, restore, stateOf } from "./data-folder.ts";
import { MIGRATIONS } from "./engines/sqlite/migrations.ts";
import { type Doors, makeRun, openDoors } from "./http/doors.test-part.ts";
import { startServer } from "./main.ts";

let doors: Doors;
let folder: string;
const configOf = (dataDir: string) => readConfig(["--data-dir", dataDir], {});
const place = (name: string) => join(folder, name);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "steelyard-data-"));
  doors = await openDoors();
  await makeRun(doors, doors.admin, { project: "p", name: "r" });
  await doors.ask(doors.admin, "POST", "/files/admin/p/r/file_stream", {
    files: {
      "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"loss":1}', '{"_step":1,"loss":0.5}'] },
    },
  });
  const { createRunFiles } = await doors.graphql<{ createRunFiles: { files: { uploadUrl: string }[] } }>(
    doors.admin,
    `mutation { createRunFiles(input: {entityName: "admin", projectName: "p", runName: "r", files: ["a.txt"]}) { files { uploadUrl } } }`,
  );
  await fetch(createRunFiles.files[0]?.uploadUrl ?? "", { method: "PUT", body: "content" });
  await backUp(configOf(doors.dataDir), place("backup"));
});
after(async () => {
  await doors.close();
  rmSync(folder, { recursive: true, force: true });
});

const QUESTION = `{ project(name: "p") { run(name: "r") { history(minStep: 0) files { edges { node { name directUrl } } } } } }`;
interface Answer {
  project: { run: { history: string[]; files: { edges: { node: { name: string; directUrl: string } }[] } } };
}

test("a backup of a running server, restored, is served: rows, files and the administrator's key", async () => {
  // What comes after the backup is not in it.
  await makeRun(doors, doors.admin, { project: "p", name: "later" });
  const target = place("restored");
  const { manifest, replaced } = await restore(configOf(target), place("backup"));
  assert.deepEqual([replaced, manifest.catalogSchema], [[], MIGRATIONS.length]);
  assert.deepEqual(readdirSync(target).sort(), [
    "admin-api-key",
    "catalog.sqlite",
    "files",
    "metrics.sqlite",
    "server.lock",
  ]);
  const again = await openDoors({ dataDir: target });
  assert.equal(again.admin, doors.admin);
  const { project } = await again.graphql<Answer>(again.admin, QUESTION);
  assert.deepEqual(project.run.history, ['{"_step":0,"loss":1}', '{"_step":1,"loss":0.5}']);
  const [file] = project.run.files.edges;
  assert.equal(await (await fetch(file?.node.directUrl ?? "")).text(), "content");
  const gone = await again.graphql<{ project: { run: null } }>(
    again.admin,
    QUESTION.replace('"r"', '"later"'),
  );
  assert.equal(gone.project.run, null);
  await again.close();
  assert.equal(statSync(place("backup")).mode & 0o777, 0o700);
});

test("a backup goes into an empty folder only, and what is no data folder has none", async () => {
  await assert.rejects(backUp(configOf(doors.dataDir), place("backup")), /is not empty/);
  await assert.rejects(backUp(configOf(place("nothing")), place("b2")), /is no data folder/);
  assert.ok(!existsSync(place("b2")));
  // What fails halfway, here at a catalog that is none, is taken back.
  const halfway = place("halfway");
  await assert.rejects(
    backUp({ ...configOf(doors.dataDir), databasePath: join(doors.dataDir, "admin-api-key") }, halfway),
    /nothing of it is left/,
  );
  assert.ok(!existsSync(halfway));
});

test("restoring into a folder with data needs force, and moves what is there aside", async () => {
  const target = place("taken");
  mkdirSync(target);
  writeFileSync(join(target, "catalog.sqlite"), "mine");
  await assert.rejects(restore(configOf(target), place("backup")), /is not empty .*--force/);
  assert.equal(readFileSync(join(target, "catalog.sqlite"), "utf8"), "mine");
  const { replaced } = await restore(configOf(target), place("backup"), { force: true });
  assert.equal(replaced.length, 1);
  assert.equal(readFileSync(replaced[0] ?? "", "utf8"), "mine");
  assert.equal(stateOf(configOf(target))?.inUse, false);
  await assert.rejects(restore(configOf(doors.dataDir), place("backup"), { force: true }), ConfigError);
  assert.equal(stateOf(configOf(doors.dataDir))?.inUse, true);
});

test("a damaged, cut or foreign backup is refused and leaves nothing", async () => {
  const copy = place("damaged");
  const fresh = async () => {
    rmSync(copy, { recursive: true, force: true });
    await backUp(configOf(doors.dataDir), copy);
  };
  const refused = async (why: RegExp) => {
    const target = place("target");
    await assert.rejects(
      restore(configOf(target), copy),
      (error) => error instanceof DataFolderError && why.test(error.message),
    );
    assert.deepEqual(
      existsSync(target) ? readdirSync(target).filter((name) => name !== "server.lock") : [],
      [],
    );
    rmSync(target, { recursive: true, force: true });
  };
  await fresh();
  const bytes = readFileSync(join(copy, "metrics.sqlite"));
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(join(copy, "metrics.sqlite"), bytes);
  await refused(/metrics\.sqlite of the backup is not what was backed up/);
  await fresh();
  rmSync(join(copy, "files"), { recursive: true });
  await refused(/the backup lacks files\//);
  await fresh();
  const manifest = join(copy, "backup.json");
  const said = readFileSync(manifest, "utf8");
  writeFileSync(manifest, said.replace(/"path": "files\/[^"]*"/, '"path": "files/../../../outside"'));
  await refused(/names a file outside itself/);
  writeFileSync(manifest, said.replace(/"catalogSchema": \d+/, '"catalogSchema": 99'));
  await refused(/is newer/);
  rmSync(manifest);
  await refused(/no whole backup/);
});

test("upgrade-check names the migrations that would be run, tries them on a copy, and changes nothing", async () => {
  const now = await checkUpgrade(configOf(doors.dataDir), { tries: true });
  assert.deepEqual([now.usable, now.catalog.pending, now.failure], [true, [], undefined]);
  const target = place("old");
  await restore(configOf(target), place("backup"));
  const path = join(target, "catalog.sqlite");
  rmSync(path);
  const old = new DatabaseSync(path);
  old.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`);
  old.close();
  const before = readFileSync(path);
  const check = await checkUpgrade(configOf(target), { tries: true });
  assert.deepEqual([check.catalog.schema, check.usable, check.failure], [1, true, undefined]);
  assert.deepEqual(
    check.catalog.pending.map(({ number }) => number),
    MIGRATIONS.slice(1).map((_, at) => at + 2),
  );
  assert.ok(check.catalog.pending[0]?.changes.includes("ALTER TABLE artifacts"));
  assert.deepEqual(readFileSync(path), before);
  const broken = new DatabaseSync(path);
  broken.exec("DROP TABLE artifacts");
  broken.close();
  assert.match(
    (await checkUpgrade(configOf(target), { tries: true })).failure ?? "",
    /migration 2 .*no such table/,
  );
  const newer = new DatabaseSync(path);
  newer.exec("PRAGMA user_version = 99");
  newer.close();
  assert.equal((await checkUpgrade(configOf(target))).usable, false);
  assert.deepEqual(
    readdirSync(target).filter((name) => /trying/.test(name)),
    [],
  );
});

test("a server does not start with one of its two databases alone, and says what to do", async () => {
  const target = place("halved");
  await restore(configOf(target), place("backup"));
  const [catalog, metrics] = ["catalog.sqlite", "metrics.sqlite"].map((name) => join(target, name)) as [
    string,
    string,
  ];
  const refused = (why: RegExp) =>
    assert.rejects(
      openDoors({ dataDir: target }),
      (error) => error instanceof ConfigError && why.test(error.message),
    );
  renameSync(metrics, `${metrics}.away`);
  await refused(/metrics\.sqlite is missing: the rows of all runs .* make an empty file/);
  assert.ok(!existsSync(metrics));
  renameSync(`${metrics}.away`, metrics);
  renameSync(catalog, `${catalog}.away`);
  await refused(/catalog\.sqlite is missing, and .*metrics\.sqlite is there.* move .* away/);
  assert.ok(!existsSync(catalog));
  renameSync(`${catalog}.away`, catalog);
  // Given up on purpose.
  writeFileSync(metrics, "");
  const emptied = await openDoors({ dataDir: target });
  const { project } = await emptied.graphql<Answer>(emptied.admin, QUESTION);
  assert.deepEqual(project.run.history, []);
  await emptied.close();
});

test("a server does not start with a database that was cut or is none, and says what to do", async () => {
  for (const name of ["catalog.sqlite", "metrics.sqlite"]) {
    const target = place(`cut-${name}`);
    await restore(configOf(target), place("backup"));
    const path = join(target, name);
    for (const content of [
      readFileSync(path).subarray(0, -8192),
      Buffer.from("no database at all ".repeat(99)),
    ]) {
      writeFileSync(path, content);
      await assert.rejects(
        openDoors({ dataDir: target }),
        (error) =>
          error instanceof ConfigError &&
          error.message.includes(`${path} is damaged`) &&
          /server restore/.test(error.message),
      );
      assert.deepEqual(readFileSync(path), content);
    }
  }
});

test("two servers do not share a database outside of their data folders", async () => {
  const metrics = place("shared-metrics.sqlite");
  const config = (name: string) =>
    readConfig(
      [
        "--data-dir",
        place(name),
        "--port",
        "0",
        "--metrics-url",
        `segments:${metrics}`,
        "--log-level",
        "silent",
      ],
      {},
    );
  const first = await startServer(config("first"));
  await assert.rejects(
    startServer(config("second")),
    (error) =>
      error instanceof ConfigError &&
      /another Steelyard server uses .*shared-metrics\.sqlite/.test(error.message),
  );
  await first.close();
  await (await startServer(config("first"))).close();
});
