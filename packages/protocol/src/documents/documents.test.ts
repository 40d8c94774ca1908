import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSchema, parse, validate } from "graphql";
import { SCHEMA_SDL } from "../graphql/index.ts";
import * as documents from "./index.ts";

test("every document is one that the schema answers", () => {
  const schema = buildSchema(SCHEMA_SDL);
  for (const [name, text] of Object.entries(documents))
    assert.deepEqual(validate(schema, parse(text)), [], name);
});
