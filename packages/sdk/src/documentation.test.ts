import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as steelyard from "./index.ts";
import { Run } from "./run.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const document = read("../../../docs/sdk.md");

/** Names of an interface's or a class's public members, from its source. */
function members(source: string, declaration: string): string[] {
  const begin = source.indexOf(declaration);
  assert.ok(begin >= 0, declaration);
  const body = source.slice(begin, source.indexOf("\n}\n", begin));
  return [...body.matchAll(/^ {2}(?:readonly )?([a-z]\w*)\??:/gm)].map(([, name]) => name as string);
}

test("docs/sdk.md names every option, member and export", () => {
  const run = read("./run.ts");
  const names = [
    ...members(read("./init.ts"), "export interface InitOptions {"),
    ...members(run, "export interface LogOptions {"),
    ...members(run, "export interface DefineMetricOptions {"),
    ...members(run, "export class Run {"),
    ...Object.getOwnPropertyNames(Run.prototype).filter((name) => name !== "constructor"),
    ...Object.keys(steelyard).filter((name) => name !== "default"),
  ];
  assert.ok(names.length > 40, names.join(", "));
  const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(document));
  assert.deepEqual(missing, []);
});
