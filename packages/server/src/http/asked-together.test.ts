import assert from "node:assert/strict";
import { test } from "node:test";
import type { Services } from "../services.ts";
import { askedTogether } from "./asked-together.ts";

const here = {} as Services;
const there = {} as Services;

test("what is asked in one turn is one question, of each server its own; later ones are asked anew", async () => {
  const questions: number[][] = [];
  let at = 0;
  const doubled = askedTogether(async (_services, keys: number[]) => {
    questions.push(keys);
    at++;
    return new Map(keys.filter((key) => key > 0).map((key) => [key, `${2 * key} at ${at}`]));
  });
  const ask = (services: Services, ...keys: number[]) =>
    Promise.all(keys.map((key) => doubled(services, key)));
  const [first, other] = await Promise.all([ask(here, 1, 2, 1, -1), ask(there, 3)]);
  assert.deepEqual(first, ["2 at 1", "4 at 1", "2 at 1", undefined]);
  assert.deepEqual(other, ["6 at 2"]);
  assert.deepEqual(await ask(here, 1), ["2 at 3"]);
  assert.deepEqual(questions, [[1, 2, -1], [3], [1]]);
});

test("a question that fails fails for all who asked it, and for no one after", async () => {
  let fails = true;
  const answer = askedTogether(async (_services, keys: number[]) => {
    if (fails) throw new Error("away");
    return new Map(keys.map((key) => [key, key]));
  });
  const both = await Promise.allSettled([answer(here, 1), answer(here, 2)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  fails = false;
  assert.equal(await answer(here, 1), 1);
});
