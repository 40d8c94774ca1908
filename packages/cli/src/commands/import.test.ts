import assert from "node:assert/strict";
import { existsSync, globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { ProtoWriter } from "@steelyard/protocol/records";
import { maskedCrc32c } from "@steelyard/protocol/tfevents";
import { openWorld, type World } from "../world.test-part.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

const write = (name: string, text: string | Uint8Array) => writeFileSync(join(world.here, name), text);
const runs = async (project: string) =>
  JSON.parse(
    (await world.steelyard(["run", "ls", "-p", project, "--order", "display_name", "--json"])).out,
  ) as {
    id: string;
    name: string;
    state: string;
    rows: number;
    tags: string[];
    config: object;
    summary: Record<string, unknown>;
  }[];
const rowsOf = async (project: string, run: string, own = false): Promise<Record<string, unknown>[]> => {
  const path = `/api/v1/export?entity=admin&project=${project}&run=${run}&format=jsonl`;
  const { text } = await world.doors.ask(world.doors.admin, "GET", path);
  const rows = text
    .trim()
    .split("\n")
    .map((line) => parseExtendedJson(line) as Record<string, unknown>);
  return own ? rows : rows.map(({ _runtime, _timestamp, ...row }) => row);
};

test("import csv: numbers, NaN, text and empty cells; quotes, newlines in cells, CRLF, a BOM, pandas' index", async () => {
  write(
    "first.csv",
    '\uFEFF,loss,"a ""b"", c",big\r\n0,0.5,"two\nlines, and ""more""",9007199254740993\r\n1,NaN,,-inf\r\n2,1e-3,True,007\r\n',
  );
  const { status, err } = await world.steelyard([
    "import",
    "csv",
    "first.csv",
    "-p",
    "csv",
    "--tags",
    "x,y",
    "--id",
    "one",
  ]);
  assert.equal(status, 0, err);
  // It is, until its log is whole.
  assert.doesNotMatch(err, /is offline/);
  const name = 'a "b", c';
  assert.deepEqual(await rowsOf("csv", "one"), [
    { _step: 0, "Unnamed: 0": 0, loss: 0.5, [name]: 'two\nlines, and "more"', big: 9007199254740992 },
    { _step: 1, "Unnamed: 0": 1, loss: Number.NaN, big: Number.NEGATIVE_INFINITY },
    { _step: 2, "Unnamed: 0": 2, loss: 0.001, [name]: true, big: 7 },
  ]);
  const [run] = await runs("csv");
  assert.deepEqual([run?.name, run?.state, run?.tags], ["first", "finished", ["x", "y"]]);
  const [big] = (
    await world.doors.ask(
      world.doors.admin,
      "GET",
      "/api/v1/export?entity=admin&project=csv&run=one&format=jsonl",
    )
  ).text.split("\n");
  assert.match(big ?? "", /"big":9007199254740993/, "whole numbers keep their digits");
  const again = await world.steelyard(["import", "csv", "first.csv", "-p", "csv", "--id", "one"]);
  assert.deepEqual([again.status, /there is a run one/.test(again.err)], [1, true]);
});

test("import csv: a bad row is named by its line and ends it, or is left out with --skip-bad", async () => {
  write("bad.csv", 'step,loss\n0,1\n"5\n",2\n3,1,1\n4,2\n4,3\n2,9\nx,1\n6,"a"b\n7,"open\n');
  const ask = (...args: string[]) =>
    world.steelyard(["import", "csv", "bad.csv", "-p", "bad", "--step", "step", ...args]);
  const folders = () => globSync(join(world.here, "wandb/*run-*"));
  const before = folders();
  const strict = await ask();
  assert.equal(strict.status, 1);
  assert.match(
    strict.err,
    /bad\.csv: line 5: 3 cells, but the first line names 2 columns\. Nothing was imported/,
  );
  assert.deepEqual(folders(), before, "a log of half a file is left");
  const skipped = await ask("--skip-bad", "--id", "skipped");
  assert.equal(skipped.status, 0, skipped.err);
  for (const line of [5, 8, 9, 10, 11]) assert.match(skipped.err, new RegExp(`line ${line} is left out`));
  assert.match(skipped.err, /line 6 is left out: step 4 is behind step 5; sort the file/);
  assert.match(skipped.err, /rows were left out/);
  // Rows of one step are one row.
  assert.deepEqual(
    (await rowsOf("bad", "skipped")).map(({ _step, loss }) => [_step, loss]),
    [
      [0, 1],
      [5, 2],
    ],
  );
  write("tabs.tsv", "a\tb\n1\tx,y\n");
  write("half.csv", "a;b\n1,5;2\n");
  const tabs = await world.steelyard(["import", "csv", "tabs.tsv", "-p", "bad", "--id", "tabs"]);
  assert.equal(tabs.status, 0, tabs.err);
  await world.steelyard(["import", "csv", "half.csv", "-p", "bad", "--id", "half", "--delimiter", ";"]);
  assert.deepEqual(await rowsOf("bad", "tabs"), [{ _step: 0, a: 1, b: "x,y" }]);
  assert.deepEqual(await rowsOf("bad", "half"), [{ _step: 0, a: "1,5", b: 2 }]);
  const column = await world.steelyard(["import", "csv", "bad.csv", "--step", "epoch"]);
  assert.match(column.err, /bad\.csv: there is no column epoch; the first line names step, loss/);
  write("twice.csv", "a,a\n1,2\n");
  assert.match((await world.steelyard(["import", "csv", "twice.csv"])).err, /names the column "a" twice/);
  write("empty.csv", "");
  assert.match(
    (await world.steelyard(["import", "csv", "empty.csv"])).err,
    /first line must name the columns/,
  );
});

test("import jsonl: what was exported comes back as it was, steps, times and all", async () => {
  write(
    "rows.jsonl",
    '{"_step":3,"_timestamp":1700000010.5,"_runtime":10.5,"loss":NaN,"deep":{"a":[1,{"b":null}]}}\n\n{"_step":9,"_timestamp":1700000020,"_runtime":20,"loss":1}\n',
  );
  assert.equal(
    (await world.steelyard(["import", "jsonl", "rows.jsonl", "-p", "jsonl", "--id", "a"])).status,
    0,
  );
  const expected = [
    { _step: 3, _timestamp: 1700000010.5, _runtime: 10.5, loss: Number.NaN, deep: { a: [1, { b: null }] } },
    { _step: 9, _timestamp: 1700000020, _runtime: 20, loss: 1 },
  ];
  assert.deepEqual(await rowsOf("jsonl", "a", true), expected);
  const exported = await world.doors.ask(
    world.doors.admin,
    "GET",
    "/api/v1/export?entity=admin&project=jsonl&run=a&format=jsonl",
  );
  const back = await world.steelyard(
    ["import", "jsonl", "-", "-p", "jsonl", "--id", "b", "--name", "again"],
    { input: exported.text },
  );
  assert.equal(back.status, 0, back.err);
  assert.deepEqual(await rowsOf("jsonl", "b", true), expected);
  write("broken.jsonl", '{"a":1}\n[1]\n{"a":\n{"a":2}\n');
  assert.match((await world.steelyard(["import", "jsonl", "broken.jsonl"])).err, /line 2: not a JSON object/);
  const rest = await world.steelyard([
    "import",
    "jsonl",
    "broken.jsonl",
    "--skip-bad",
    "-p",
    "jsonl",
    "--id",
    "c",
  ]);
  assert.match(rest.err, /line 3 is left out: not JSON/);
  assert.deepEqual(
    (await rowsOf("jsonl", "c")).map(({ a }) => a),
    [1, 2],
  );
});

function eventFile(...events: Uint8Array[]): Uint8Array {
  const parts = events.flatMap((bytes) => {
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(BigInt(bytes.length));
    head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
    const foot = Buffer.alloc(4);
    foot.writeUInt32LE(maskedCrc32c(bytes));
    return [head, bytes, foot];
  });
  return Buffer.concat(parts);
}
function scalar(step: number, tag: string, value: number): Uint8Array {
  const own = Buffer.concat([
    new ProtoWriter().string(1, tag).take(),
    Uint8Array.of(2 * 8 + 5),
    new Uint8Array(new Float32Array([value]).buffer),
  ]);
  const summary = new ProtoWriter().message(1, own).take();
  return new ProtoWriter()
    .double(1, 1.6e9 + step)
    .int(2, step)
    .message(5, summary)
    .take();
}

test("import tensorboard: a run for each folder, events of one step a row, a cut file with --skip-bad", async () => {
  mkdirSync(join(world.here, "tb/train"), { recursive: true });
  mkdirSync(join(world.here, "tb/eval"));
  const train = eventFile(
    scalar(10, "loss", 0.5),
    scalar(10, "acc", 0.1),
    scalar(20, "loss", 0.25),
    scalar(20, "acc", 0.2),
  );
  write("tb/train/events.out.tfevents.1.host", train);
  write("tb/eval/events.out.tfevents.1.host", eventFile(scalar(1, "loss", 1)));
  const { status, err } = await world.steelyard(["import", "tensorboard", "tb", "-p", "tb"]);
  assert.equal(status, 0, err);
  const [first, second] = await runs("tb");
  assert.deepEqual([first?.name, first?.rows, second?.name, second?.rows], ["eval", 1, "train", 2]);
  assert.deepEqual(await rowsOf("tb", second?.id ?? "", true), [
    { _step: 0, _timestamp: 1.6e9 + 10, _runtime: 0, global_step: 10, loss: 0.5, acc: 0.1 },
    { _step: 1, _timestamp: 1.6e9 + 20, _runtime: 10, global_step: 20, loss: 0.25, acc: 0.2 },
  ]);
  write("tb/train/events.out.tfevents.1.host", train.subarray(0, -3));
  const cut = await world.steelyard(["import", "tensorboard", "tb/train", "-p", "cut"]);
  assert.deepEqual(
    [cut.status, /byte \d+: the last \d+ bytes are part of a record; --skip-bad/.test(cut.err)],
    [1, true],
  );
  const rest = await world.steelyard(["import", "tensorboard", "tb/train", "-p", "cut", "--skip-bad"]);
  assert.equal(rest.status, 0, rest.err);
  assert.equal((await runs("cut"))[0]?.summary.loss, 0.25);
});

test("sync of a folder with event files is one run, which gets what is new when they have grown", async () => {
  mkdirSync(join(world.here, "events/eval"), { recursive: true });
  write("events/events.out.tfevents.1.host", eventFile(scalar(10, "loss", 0.5)));
  write("events/eval/events.out.tfevents.1.host", eventFile(scalar(3, "loss", 1)));
  const { status, err } = await world.steelyard(["sync", "events", "-p", "events", "--name", "both"]);
  assert.equal(status, 0, err);
  const [run] = await runs("events");
  assert.deepEqual([run?.name, run?.rows], ["both", 2]);
  const rows = [
    { _step: 0, global_step: 10, loss: 0.5 },
    { _step: 1, "eval/global_step": 3, "eval/loss": 1 },
  ];
  assert.deepEqual(await rowsOf("events", run?.id ?? ""), rows);
  write("events/eval/events.out.tfevents.1.host", eventFile(scalar(3, "loss", 1), scalar(6, "loss", 0.5)));
  assert.equal((await world.steelyard(["sync", "events", "-p", "events", "--name", "both"])).status, 0);
  assert.deepEqual(await rowsOf("events", run?.id ?? ""), [
    ...rows,
    { _step: 2, "eval/global_step": 6, "eval/loss": 0.5 },
  ]);
  assert.equal((await runs("events")).length, 1);
  assert.match((await world.steelyard(["sync", "--no-sync-tensorboard", "events"])).err, /No runs to sync/);
});

test("import tensorboard: hyperparameters are the config, global_step the axis, and what is left out is told", async () => {
  const plugin = (name: string, content: Uint8Array) =>
    new ProtoWriter()
      .message(
        9,
        new ProtoWriter().message(1, new ProtoWriter().string(1, name).message(2, content).take()).take(),
      )
      .take();
  const value = (tag: string, ...parts: Uint8Array[]) =>
    new ProtoWriter()
      .message(
        5,
        new ProtoWriter()
          .message(1, Buffer.concat([new ProtoWriter().string(1, tag).take(), ...parts]))
          .take(),
      )
      .take();
  const lr = new ProtoWriter().string(1, "lr").message(2, new ProtoWriter().double(2, 0.5).take()).take();
  const session = new ProtoWriter().message(3, new ProtoWriter().message(1, lr).take()).take();
  mkdirSync(join(world.here, "hp"));
  write(
    "hp/events.out.tfevents.1.host",
    eventFile(
      value("_hparams_/session_start_info", plugin("hparams", session)),
      scalar(5, "loss", 2),
      value("words", plugin("text", Uint8Array.of(0))),
    ),
  );
  const { status, err } = await world.steelyard(["import", "tensorboard", "hp", "-p", "hp", "--id", "h"]);
  assert.equal(status, 0, err);
  assert.match(err, /hp: not imported, they are no scalars: 1 text/);
  const [run] = await runs("hp");
  assert.deepEqual(run?.config, { lr: 0.5 });
  const { project } = await world.doors.graphql<{ project: { run: { wandbConfig: string } } }>(
    world.doors.admin,
    `{ project(name: "hp") { run(name: "h") { wandbConfig(keys: ["m"]) } } }`,
  );
  const { m } = JSON.parse(project.run.wandbConfig) as { m: Record<string, unknown>[] };
  const axis = m.findIndex((metric) => metric["1"] === "global_step") + 1;
  assert.ok(axis > 0 && m.some((metric) => metric["2"] === "*" && metric["5"] === axis), JSON.stringify(m));
});

test("import wandb-dir sends every run of a folder; offline, imported runs wait for it", async () => {
  rmSync(join(world.here, "wandb"), { recursive: true, force: true });
  write("later.csv", "loss\n1\n2\n");
  const offline = await world.steelyard(["import", "csv", "later.csv", "-p", "later"], {
    environment: { WANDB_MODE: "offline" },
  });
  assert.match(offline.err, /offline: send it with `steelyard sync/);
  const [folder = ""] = readdirSync(join(world.here, "wandb")).filter((name) =>
    name.startsWith("offline-run"),
  );
  const sent = await world.steelyard(["import", "wandb-dir", "."]);
  assert.equal(sent.status, 0, sent.err);
  assert.deepEqual(
    (await runs("later")).map(({ rows }) => rows),
    [2],
  );
  assert.ok(existsSync(join(world.here, "wandb", folder)));
  assert.match((await world.steelyard(["import", "wandb-dir", "nowhere"])).err, /nowhere is not there/);
});
