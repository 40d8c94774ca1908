import assert from "node:assert/strict";
import { test } from "node:test";
import { choosesByPattern, keysNamedIn } from "./named-keys.ts";

test("a query names keys in every way that SQL has, and in no other", () => {
  const isNamed = keysNamedIn(`SELECT Loss, h."train/x", h['v a'], it's, "q""r", größe -- "c.d"`);
  for (const name of [
    "loss",
    "LOSS",
    "train/x",
    "v a",
    'q"r',
    "Größe",
    "c.d",
    "_step",
    "_runtime",
    "_timestamp",
  ])
    assert.ok(isNamed(name), name);
  for (const name of ["los", "x/train", "other"]) assert.ok(!isNamed(name), name);
  for (const sql of [
    "COLUMNS('a')",
    'h."columns" (x -> true)',
    "columns/**/(*)",
    "* /* c */ NOT LIKE 'a'",
    "*ILIKE 'a'",
    "* -- c\n LIKE 'a'",
  ])
    assert.ok(choosesByPattern(`SELECT ${sql} FROM history h`), sql);
  for (const sql of ["*", "count(*)", "a * b", "columns", "a LIKE '*'"])
    assert.ok(!choosesByPattern(`SELECT ${sql} FROM history h`), sql);
});
