import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { flattenKeys, parseExtendedJson, stringifyExtendedJson } from "./json.ts";

const leaf = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
  fc.constantFrom("NaN", "Infinity", '-Infinity", NaN', '\\"NaN'),
  fc.string({ unit: "binary" }),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie("any")), fc.dictionary(fc.string(), tie("any"))),
})).any;

test("what is written is read back, bit for bit", () => {
  fc.assert(
    fc.property(value, (written) => {
      const read = parseExtendedJson(stringifyExtendedJson(written));
      assert.deepEqual(plain(read), plain(written));
    }),
  );
});

test("reading finite JSON is JSON.parse, whichever reader does it", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.deepEqual(parseExtendedJson(text), JSON.parse(text));
      // A list with a NaN in front sends the same text through the other reader.
      const read = parseExtendedJson(`[NaN, ${text}]`) as unknown[];
      assert.deepEqual(plain(read[1]), plain(JSON.parse(text)));
    }),
  );
});

test("both readers refuse the same texts", () => {
  for (const text of [
    "",
    "nan",
    "-NaN",
    "+1",
    "01",
    "1.",
    ".5",
    "[1,]",
    "{,}",
    '{"a" 1}',
    '"\n"',
    '"\\x"',
    "1 2",
    "NaN NaN",
    "tru",
    '"open',
  ]) {
    assert.throws(() => parseExtendedJson(text), SyntaxError, text);
    assert.throws(() => parseExtendedJson(`[NaN, ${text}`), SyntaxError, `after NaN: ${text}`);
  }
  assert.throws(() => parseExtendedJson(`${"[".repeat(100_000)}NaN`), SyntaxError);
});

test("the bare tokens are values anywhere, and text inside strings stays text", () => {
  assert.deepEqual(
    parseExtendedJson(' { "a" : NaN , "b":[ -Infinity,Infinity ], "NaN": "x NaN, Infinity" } '),
    {
      a: Number.NaN,
      b: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
      NaN: "x NaN, Infinity",
    },
  );
  assert.equal(parseExtendedJson("1e400"), Number.POSITIVE_INFINITY);
});

test("a line of 10 MB with a NaN in it is read", () => {
  const long = String.raw`\n\"x`.repeat(2_500_000);
  const row = parseExtendedJson(`{"a":NaN,"b":"${long}"}`) as { b: string };
  assert.equal(row.b.length, 7_500_000);
});

test("leaves by dotted key: groups open, lists, media and empty maps stay whole", () => {
  const row = {
    a: { b: { c: 1 }, list: [{ d: 2 }] },
    img: { _type: "image-file", size: 3 },
    empty: {},
    "x.y": null,
  };
  assert.deepEqual(
    [...flattenKeys(row)],
    [
      ["a.b.c", 1],
      ["a.list", [{ d: 2 }]],
      ["img", { _type: "image-file", size: 3 }],
      ["empty", {}],
      ["x.y", null],
    ],
  );
});

/** Same members on ordinary objects: fast-check also makes objects without a prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
