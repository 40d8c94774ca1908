import assert from "node:assert/strict";
import { test } from "node:test";
import { checkoutOf, commandOf, environmentOf, pullOf, quoted } from "./environment.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";

test("a run's environment comes from its config, else from its metadata file", () => {
  const e = {
    program: "/home/ann/work/train.py",
    codePath: "train.py",
    executable: "/usr/bin/python3",
    args: ["--lr", "0.1", "--name", "two words"],
    os: "Linux",
    host: "box",
    python: "CPython 3.12.1",
    cpu_count: 8,
    cpu_count_logical: 16,
    gpu: "NVIDIA H100",
    gpu_count: 2,
    gpu_nvidia: [{ name: "NVIDIA H100", memoryTotal: "80000000000" }],
    memory: { total: "64000000000" },
    docker: "lab/image@sha256:ab",
    git: { remote: "git@example.org:a/b.git", commit: HASH },
  };
  const config = JSON.stringify({ _wandb: { value: { cli_version: "0.20.1", e: { writer: e } } } });
  const told = environmentOf(config);
  assert.deepEqual(told.hardware, ["8 CPU (16)", "2 × NVIDIA H100 (80.0 GB)", "64.0 GB RAM"]);
  assert.deepEqual(commandOf(told), ["python3", "train.py", "--lr", "0.1", "--name", "'two words'"]);
  assert.equal(told.image, "lab/image@sha256:ab");
  assert.equal(told.commit, HASH);
  assert.equal(told.client, "0.20.1");
  // A log that was synced leaves the branch to the file.
  assert.equal(environmentOf(config, '{"git": {"branch": "main"}}').branch, "main");
  assert.deepEqual(environmentOf("{}", JSON.stringify(e)).hardware, told.hardware);
  assert.deepEqual(environmentOf("{}", '{"memory": {"total": 15.6}}').hardware, ["15.6 GB RAM"]);
});

test("what is damaged or absent is left out", () => {
  for (const file of [
    undefined,
    "[]",
    "null",
    '"x"',
    '{"git": 3, "args": {}, "memory": null, "docker": ""}',
  ]) {
    const told = environmentOf('{"_wandb": null}', file);
    assert.deepEqual(commandOf(told), []);
    assert.deepEqual(told.hardware, []);
    assert.equal(checkoutOf(told, true), undefined);
    assert.equal(pullOf(told), undefined);
  }
});

test("commands to paste hold nothing that a shell would run", () => {
  assert.equal(checkoutOf({ commit: HASH }, false), `git checkout --detach ${HASH}`);
  assert.equal(checkoutOf({ commit: HASH }, true), `git checkout --detach ${HASH}\ngit apply diff.patch`);
  for (const commit of ["--upload-pack=x", `${HASH}; id`, "main"])
    assert.equal(checkoutOf({ commit }, true), undefined);
  assert.equal(pullOf({ image: "a:1; id" }), "docker pull 'a:1; id'");
  assert.equal(pullOf({ image: "--help" }), undefined);
  assert.equal(quoted("it's $HOME"), "'it'\\''s $HOME'");
});
