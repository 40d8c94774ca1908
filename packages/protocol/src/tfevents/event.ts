import { ProtoReader } from "../records/proto-reader.ts";

/** A value of an event, of those that a tag may have. */
export type EventValue =
  | { kind: "scalar"; tag: string; value: number }
  | { kind: "hparams"; values: Record<string, unknown> }
  /** Of a kind that is not read: `images`, `histograms`, `text`. */
  | { kind: "other"; tag: string; plugin: string };

export interface TensorboardEvent {
  /** Unix seconds. */
  wallTime: number;
  step: number;
  values: EventValue[];
}

/** A tag's plugin is said with its first value only. */
export type PluginOfTag = Map<string, string>;

/** Event of tensorflow's `event.proto`. Throws RangeError when the bytes are none. */
export function readEvent(bytes: Uint8Array, plugins: PluginOfTag): TensorboardEvent {
  const event: TensorboardEvent = { wallTime: 0, step: 0, values: [] };
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) event.wallTime = reader.double();
    else if (reader.field === 2) event.step = reader.int();
    else if (reader.field === 5) readSummary(reader.bytes(), plugins, event.values);
    else reader.skip();
  }
  return event;
}

function readSummary(bytes: Uint8Array, plugins: PluginOfTag, values: EventValue[]): void {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const value = readValue(reader.bytes(), plugins);
    if (value) values.push(value);
  }
}

/** Names of the fields that say by themselves what they hold, as their plugins are called. */
const OWN_FIELDS: Readonly<Record<number, string>> = { 4: "images", 5: "histograms", 6: "audio" };

function readValue(bytes: Uint8Array, plugins: PluginOfTag): EventValue | undefined {
  let tag = "";
  let plugin = "";
  let content: Uint8Array | undefined;
  let simple: number | undefined;
  let tensor: Uint8Array | undefined;
  let own = "";
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) tag = reader.text();
    else if (field === 2) simple = shortestFloat(reader.float());
    else if (field === 8) tensor = reader.bytes();
    else if (field === 9) ({ plugin, content } = readMetadata(reader.bytes()));
    else {
      own = OWN_FIELDS[field] ?? own;
      reader.skip();
    }
  }
  if (tag === "") return undefined;
  if (plugin !== "") plugins.set(tag, plugin);
  else plugin = plugins.get(tag) ?? own;
  if (plugin === "hparams") {
    const values = content && readHparams(content);
    return values ? { kind: "hparams", values } : undefined;
  }
  if (simple !== undefined) return { kind: "scalar", tag, value: simple };
  if (tensor && (plugin === "scalars" || plugin === "")) {
    const value = readScalar(tensor);
    if (value !== undefined) return { kind: "scalar", tag, value };
  }
  return { kind: "other", tag, plugin: plugin || "tensors" };
}

function readMetadata(bytes: Uint8Array): { plugin: string; content: Uint8Array | undefined } {
  let plugin = "";
  let content: Uint8Array | undefined;
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const data = new ProtoReader(reader.bytes());
    while (data.next()) {
      if (data.field === 1) plugin = data.text();
      else if (data.field === 2) content = data.bytes();
      else data.skip();
    }
  }
  return { plugin, content };
}

const FLOAT = 1;
const DOUBLE = 2;
const INT32 = 3;
const INT64 = 9;

/** The element of a TensorProto of numbers that has just one. */
function readScalar(bytes: Uint8Array): number | undefined {
  let type = 0;
  let raw: Uint8Array | undefined;
  const numbers: number[] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) type = reader.int();
    else if (field === 4) raw = reader.bytes();
    else if (field === 5 && reader.single) numbers.push(reader.float());
    else if (field === 6 && reader.single) numbers.push(reader.double());
    else if ((field === 7 || field === 10) && reader.single) numbers.push(reader.int());
    else if (field === 5 || field === 6) raw = reader.bytes();
    else if (field === 7 || field === 10) numbers.push(...varints(reader.bytes()));
    else reader.skip();
  }
  if (raw && raw.length > 0) numbers.push(...fixed(raw, type));
  const [only] = numbers;
  if (numbers.length !== 1 || only === undefined) return undefined;
  return type === FLOAT ? shortestFloat(only) : only;
}

/** `tensor_content`, or a packed list of floats or doubles, which has the same bytes. */
function fixed(bytes: Uint8Array, type: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type === FLOAT && bytes.length === 4) return [view.getFloat32(0, true)];
  if (type === DOUBLE && bytes.length === 8) return [view.getFloat64(0, true)];
  if (type === INT32 && bytes.length === 4) return [view.getInt32(0, true)];
  if (type === INT64 && bytes.length === 8) return [Number(view.getBigInt64(0, true))];
  return [];
}

function varints(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    numbers.push(Number(BigInt.asIntN(64, value)));
    value = shift = 0n;
  }
  return numbers;
}

/** The shortest decimal that is this float32: 0.1 and not 0.10000000149011612. */
function shortestFloat(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** HParamsPluginData → session_start_info (3) → hparams (1), a map of google.protobuf.Value; undefined for other sessions' data. */
function readHparams(bytes: Uint8Array): Record<string, unknown> | undefined {
  const start = fieldOf(bytes, 3);
  if (!start) return undefined;
  const values: Record<string, unknown> = {};
  const reader = new ProtoReader(start);
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const entry = new ProtoReader(reader.bytes());
    let key = "";
    let value: unknown = null;
    while (entry.next()) {
      if (entry.field === 1) key = entry.text();
      else if (entry.field === 2) value = readStructValue(entry.bytes());
      else entry.skip();
    }
    Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return values;
}

function readStructValue(bytes: Uint8Array): unknown {
  let value: unknown = null;
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    const { field } = reader;
    if (field === 2) value = reader.double();
    else if (field === 3) value = reader.text();
    else if (field === 4) value = reader.int() !== 0;
    else if (field === 6) value = readStructList(reader.bytes());
    else reader.skip();
  }
  return value;
}

function readStructList(bytes: Uint8Array): unknown[] {
  const list: unknown[] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) list.push(readStructValue(reader.bytes()));
    else reader.skip();
  }
  return list;
}

function fieldOf(bytes: Uint8Array, field: number): Uint8Array | undefined {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === field) return reader.bytes();
    reader.skip();
  }
  return undefined;
}
