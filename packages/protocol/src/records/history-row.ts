import type { RecordLogWriter } from "../record-log/index.ts";

/**
 * History rows of numbers, straight into the log: what is the same in every row of a shape is encoded once.
 *
 * Hot path: once per row that is logged; nothing may be allocated here.
 */
const HISTORY_TAG = (2 << 3) | 2;
const ITEM_TAG = (1 << 3) | 2;
const STEP_TAG = (2 << 3) | 2;
const NUMBER_TAG = (1 << 3) | 0;
/** `key`, which every release of the official client reads; a label without a letter can only be a `nested_key`. */
const KEY_TAG = (1 << 3) | 2;
const NESTED_KEY_TAG = (2 << 3) | 2;
/** Field 16, in two bytes. */
const VALUE_TAG = [0x82, 0x01];

/** Rows with the same keys in the same order. */
export class HistoryShape {
  /** Each item from its label to the tag of its value. */
  readonly heads: Uint8Array[];

  constructor(keys: readonly string[]) {
    const encoder = new TextEncoder();
    this.heads = keys.map((key) => {
      const label = encoder.encode(key);
      const head = new Uint8Array(1 + varintSize(label.length) + label.length + VALUE_TAG.length);
      let at = writeVarint(head, 1, label.length);
      head[0] = label.length === 0 ? NESTED_KEY_TAG : KEY_TAG;
      head.set(label, at);
      at += label.length;
      head.set(VALUE_TAG, at);
      return head;
    });
  }
}

/** Values of one row as JSON, one behind the other: value k is `bytes[ends[k - 1]..ends[k])`. Made to be used again. */
export interface RowText {
  bytes: Uint8Array;
  ends: Int32Array;
}

/** Append a row with a value for each of the shape's keys. */
export function appendHistoryRow(
  log: RecordLogWriter,
  num: number,
  shape: HistoryShape,
  text: RowText,
  step: number,
): void {
  const { heads } = shape;
  const { bytes: source, ends } = text;
  const stepSize = step === 0 ? 0 : 1 + varintSize(step);
  let body = 1 + varintSize(stepSize) + stepSize;
  let from = 0;
  for (let index = 0; index < heads.length; index++) {
    const end = ends[index] as number;
    const item = itemSize((heads[index] as Uint8Array).length, end - from);
    body += 1 + varintSize(item) + item;
    from = end;
  }
  let at = log.begin(1 + varintSize(num) + 1 + varintSize(body) + body);
  const bytes = log.bytes;
  bytes[at++] = NUMBER_TAG;
  at = writeVarint(bytes, at, num);
  bytes[at++] = HISTORY_TAG;
  at = writeVarint(bytes, at, body);
  from = 0;
  for (let index = 0; index < heads.length; index++) {
    const head = heads[index] as Uint8Array;
    const end = ends[index] as number;
    bytes[at++] = ITEM_TAG;
    at = writeVarint(bytes, at, itemSize(head.length, end - from));
    for (let place = 0; place < head.length; place++) bytes[at++] = head[place] as number;
    at = writeVarint(bytes, at, end - from);
    while (from < end) bytes[at++] = source[from++] as number;
  }
  bytes[at++] = STEP_TAG;
  at = writeVarint(bytes, at, stepSize);
  if (step !== 0) {
    bytes[at++] = NUMBER_TAG;
    at = writeVarint(bytes, at, step);
  }
  log.end(at);
}

function itemSize(headLength: number, textLength: number): number {
  return headLength + varintSize(textLength) + textLength;
}

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  let size = 3;
  for (let rest = value / 0x20_0000; rest >= 1; rest /= 0x80) size++;
  return size;
}

function writeVarint(bytes: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  // Whole numbers of 32 bits and more are rare, and their remainders slow.
  while (rest >= 0x8000_0000) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
