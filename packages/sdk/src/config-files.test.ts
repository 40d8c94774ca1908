import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConfigFile } from "./config-files.ts";

const dir = mkdtempSync(join(tmpdir(), "steelyard-config-files-"));
after(() => rmSync(dir, { recursive: true }));
function read(text: string): { values: unknown; warnings: string[] } {
  const path = join(dir, "config.yaml");
  writeFileSync(path, text);
  const warnings: string[] = [];
  return { values: readConfigFile(path, (warning) => warnings.push(warning)), warnings };
}

test("both forms of a config file, and what a value may be", () => {
  const { values, warnings } = read(`wandb_version: 1
_wandb: { value: { cli_version: 0.31.0 } }
lr: { value: 0.001, desc: null }
layers:
  value: [64, 32]
plain: 1e-3
nested: { value: 3, unit: m }
text: "줄"
none:
`);
  assert.deepEqual(values, {
    lr: 0.001,
    layers: [64, 32],
    plain: 0.001,
    nested: { value: 3, unit: "m" },
    text: "줄",
    none: null,
  });
  assert.deepEqual(warnings, []);
});

test("a file that is broken is refused by file and line; one without keys is told of", () => {
  assert.throws(() => read("lr: 1\nlayers: [1, 2\nx: 3\n"), /config\.yaml:3: no YAML: /);
  assert.throws(() => read("- 1\n- 2\n"), /config\.yaml: a config is a mapping/);
  assert.throws(() => read("wandb_version: 2\n"), /wandb_version is 2; only 1 is known/);
  assert.throws(
    () => readConfigFile(join(dir, "none.yaml"), () => {}),
    /none\.yaml cannot be read \(ENOENT\)/,
  );
  const { values, warnings } = read("# nothing\n");
  assert.deepEqual([values, warnings.length], [{}, 1]);
});
