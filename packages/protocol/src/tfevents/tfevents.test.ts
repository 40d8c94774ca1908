import assert from "node:assert/strict";
import { test } from "node:test";
import { ProtoWriter } from "../records/proto-writer.ts";
import { type EventRecord, EventRecordReader, maskedCrc32c, readEvent } from "./index.ts";

test("checksums are CRC-32C, masked: published values", () => {
  assert.equal(maskedCrc32c(new TextEncoder().encode("123456789")), 3347755237);
  assert.equal(maskedCrc32c(new Uint8Array(0)), 2726488792);
  assert.equal(maskedCrc32c(Uint8Array.of(1)), 1126705925);
});

/** The first record that every TensorBoard writer makes, as one wrote it. */
const FIRST = Buffer.from("GAAAAAAAAACjf0siCQAAwHY7oddBGg1icmFpbi5FdmVudDoybL7vqA==", "base64");

function record(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(bytes.length));
  head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
  const foot = Buffer.alloc(4);
  foot.writeUInt32LE(maskedCrc32c(bytes));
  return Buffer.concat([head, bytes, foot]);
}

function read(file: Uint8Array, partBytes: number): EventRecord[] {
  const reader = new EventRecordReader();
  const records: EventRecord[] = [];
  for (let at = 0; at < file.length; at += partBytes)
    for (const found of reader.take(file.subarray(at, at + partBytes))) records.push(found);
  return [...records, ...reader.end()];
}

test("records come whole from parts of any size; damage is named by place and costs no more than it must", () => {
  const file = Buffer.concat([FIRST, record(Uint8Array.of(8, 1)), record(new Uint8Array(9_000))]);
  for (const partBytes of [1, 7, 4096, file.length]) {
    const records = read(file, partBytes);
    assert.deepEqual(
      records.map((found) => (found.kind === "record" ? found.bytes.length : found)),
      [24, 2, 9_000],
    );
  }
  const event = readEvent(FIRST.subarray(12, 36), new Map());
  assert.deepEqual(event, { wallTime: 1585769947, step: 0, values: [] });
  const data = Buffer.from(file);
  data[FIRST.length + 13] = 9;
  assert.deepEqual(
    read(data, 100).map((found) => (found.kind === "damage" ? [found.at, found.skipped] : found.kind)),
    ["record", [FIRST.length, true], "record"],
  );
  const length = Buffer.from(file);
  length[FIRST.length] = 9;
  assert.deepEqual(
    read(length, 100).map((found) => (found.kind === "damage" ? [found.at, found.skipped] : found.kind)),
    ["record", [FIRST.length, false]],
  );
  assert.deepEqual(
    read(file.subarray(0, -1), 100).map((found) => (found.kind === "damage" ? found.skipped : found.kind)),
    ["record", "record", true],
  );
});

const bytesOf = (buffer: ArrayBuffer) => new Uint8Array(buffer);
const tag = (field: number, wire: number) => Uint8Array.of(field * 8 + wire);
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const value = (name: string, ...parts: Uint8Array[]) =>
  joined(new ProtoWriter().string(1, name).take(), ...parts);
const tensor = (...parts: Uint8Array[]) => new ProtoWriter().message(8, joined(...parts)).take();
const plugin = (name: string, content?: Uint8Array) => {
  const data = new ProtoWriter().string(1, name);
  if (content) data.message(2, content);
  return new ProtoWriter().message(9, new ProtoWriter().message(1, data.take()).take()).take();
};
const event = (...values: Uint8Array[]) => {
  const summary = new ProtoWriter();
  for (const one of values) summary.message(1, one);
  return new ProtoWriter().double(1, 12.5).int(2, 7).message(5, summary.take()).take();
};
const float = (number: number) => bytesOf(new Float32Array([number]).buffer);

test("scalars: simple values and tensors of every kind of number, floats as short as they are", () => {
  const plugins = new Map<string, string>();
  const { values, step, wallTime } = readEvent(
    event(
      value("simple", tag(2, 5), float(0.1)),
      value(
        "content",
        tensor(Uint8Array.of(8, 1), new ProtoWriter().message(4, float(2.9563467e-5)).take()),
        plugin("scalars"),
      ),
      value(
        "double",
        tensor(
          Uint8Array.of(8, 2),
          new ProtoWriter().message(4, bytesOf(new Float64Array([0.1]).buffer)).take(),
        ),
      ),
      value("one", tensor(Uint8Array.of(8, 1), tag(5, 5), float(1.5))),
      value("packed", tensor(Uint8Array.of(8, 1), new ProtoWriter().message(5, float(-2)).take())),
      value("long", tensor(Uint8Array.of(8, 9), new ProtoWriter().int(10, -3).take())),
      value("nan", tag(2, 5), float(Number.NaN)),
      value(
        "two",
        tensor(Uint8Array.of(8, 1), new ProtoWriter().message(4, new Uint8Array(8)).take()),
        plugin("scalars"),
      ),
      value("picture", tag(4, 2), Uint8Array.of(0)),
      value("spread", tag(5, 2), Uint8Array.of(0)),
    ),
    plugins,
  );
  assert.deepEqual([step, wallTime], [7, 12.5]);
  assert.deepEqual(
    values.map((found) => (found.kind === "scalar" ? [found.tag, found.value] : found)),
    [
      ["simple", 0.1],
      ["content", 2.9563467e-5],
      ["double", 0.1],
      ["one", 1.5],
      ["packed", -2],
      ["long", -3],
      ["nan", Number.NaN],
      { kind: "other", tag: "two", plugin: "scalars" },
      { kind: "other", tag: "picture", plugin: "images" },
      { kind: "other", tag: "spread", plugin: "histograms" },
    ],
  );
});

test("hyperparameters are read from the session's start; a tag keeps its plugin", () => {
  const entry = (key: string, struct: Uint8Array) =>
    new ProtoWriter().string(1, key).message(2, struct).take();
  const session = new ProtoWriter()
    .message(1, entry("lr", new ProtoWriter().double(2, 0.5).take()))
    .message(1, entry("optimizer", new ProtoWriter().string(3, "adam").take()))
    .message(1, entry("bn", new ProtoWriter().bool(4, true).take()))
    .take();
  const content = new ProtoWriter().message(3, session).take();
  const plugins = new Map<string, string>();
  const first = readEvent(event(value("_hparams_/session_start_info", plugin("hparams", content))), plugins);
  assert.deepEqual(first.values, [{ kind: "hparams", values: { lr: 0.5, optimizer: "adam", bn: true } }]);
  readEvent(event(value("words", tensor(Uint8Array.of(8, 7)), plugin("text"))), plugins);
  const again = readEvent(event(value("words", tensor(Uint8Array.of(8, 1), tag(5, 5), float(1)))), plugins);
  assert.deepEqual(again.values, [{ kind: "other", tag: "words", plugin: "text" }]);
});
