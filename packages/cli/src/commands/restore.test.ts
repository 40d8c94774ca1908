import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { UPSERT_RUN } from "@steelyard/protocol/documents";
import { openWorld, type World } from "../world.test-part.ts";

let world: World;
let folder: string;
before(async () => {
  world = await openWorld();
  folder = mkdtempSync(join(world.here, "../restore-"));
});
after(() => world.close());

const ME = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"];
const git = (at: string, ...args: string[]) =>
  execFileSync("git", ["-C", at, ...ME, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();

/** A repository with one commit that is pushed and one that is not, and changes that are in none. */
function repository(name: string) {
  const [upstream, here] = [join(folder, `${name}-upstream.git`), join(folder, name)];
  mkdirSync(here);
  execFileSync("git", ["init", "-q", "--bare", upstream]);
  git(here, "init", "-q");
  const commit = (text: string) => {
    writeFileSync(join(here, "train.py"), text);
    git(here, "add", "-A");
    git(here, "commit", "-qm", text);
    return git(here, "rev-parse", "HEAD");
  };
  const pushed = commit("pushed\n");
  git(here, "remote", "add", "origin", upstream);
  git(here, "push", "-q", "origin", "HEAD");
  const local = commit("local\n");
  writeFileSync(join(here, "train.py"), "dirty\n");
  const patches = { own: `${git(here, "diff")}\n`, upstream: `${git(here, "diff", pushed)}\n` };
  git(here, "checkout", "-q", "--", ".");
  return { here, upstream, pushed, local, patches };
}

async function run(name: string, facts: { commit?: string; config?: string }, files: Record<string, string>) {
  const { doors } = world;
  const variables = { entity: "admin", project: "p", name, ...facts };
  const { text } = await doors.ask(doors.admin, "POST", "/graphql", { query: UPSERT_RUN, variables });
  assert.doesNotMatch(text, /"errors"/);
  await world.upload(`admin/p/${name}`, files);
}

test("restore brings back the commit, what was changed, and the config", async () => {
  const { here, local, patches } = repository("known");
  await run(
    "r1",
    { commit: local, config: '{"lr":{"value":0.1},"name":{"value":"a: b"},"_wandb":{"value":{}}}' },
    {
      "diff.patch": patches.own,
      "wandb-metadata.json": JSON.stringify({
        docker: "lab/image@sha256:ab",
        program: "train.py",
        args: ["--x", "a b"],
      }),
    },
  );
  const first = await world.steelyard(["restore", "p:r1"], { cwd: here });
  assert.equal(first.status, 0, first.err);
  assert.equal(git(here, "branch", "--show-current"), "wandb/r1");
  assert.equal(git(here, "rev-parse", "HEAD"), local);
  assert.equal(readFileSync(join(here, "train.py"), "utf8"), "dirty\n");
  assert.equal(
    readFileSync(join(here, "wandb/config.yaml"), "utf8"),
    'wandb_version: 1\n\n"lr":\n  value: 0.1\n"name":\n  value: "a: b"\n',
  );
  for (const part of ["Created branch wandb/r1", "Applied patch", "Restored config variables to "])
    assert.ok(first.err.includes(part), first.err);
  assert.ok(
    first.err.includes(`steelyard docker --cmd 'python train.py --x '\\''a b'\\''' lab/image@sha256:ab`),
    first.err,
  );
  assert.equal(first.out, "");

  git(here, "checkout", "-q", "--", ".");
  const again = await world.steelyard(["restore", "admin/p/r1"], { cwd: here });
  assert.match(again.err, /Using existing branch, run `git branch -D wandb\/r1`/);
  git(here, "checkout", "-q", "--", ".");
  const detached = await world.steelyard(["restore", "--no-branch", "p/r1"], { cwd: here });
  assert.match(detached.err, /Checking out \w{40} in detached mode/);
  assert.equal(git(here, "branch", "--show-current"), "");
});

for (const [name, patch] of [
  ["new", "diff_"],
  ["old", "upstream_diff_"],
] as const)
  test(`restore of a commit that was never pushed goes back to one that was: ${patch}*.patch`, async () => {
    const { here, upstream, pushed, local, patches } = repository(name);
    const other = join(folder, `${name}-clone`);
    execFileSync("git", ["clone", "-q", upstream, other]);
    const git_ = name === "new" ? { remote: upstream } : { repo: upstream };
    await run(
      name,
      { commit: local },
      {
        [`${patch}${pushed}.patch`]: patches.upstream,
        "wandb-metadata.json": JSON.stringify({ git: git_ }),
      },
    );
    const { status, err } = await world.steelyard(["restore", "-p", "p", name], { cwd: other });
    assert.equal(status, 0, err);
    assert.match(err, new RegExp(`Couldn't find original commit: ${local}`));
    assert.match(err, new RegExp(`Falling back to upstream commit: ${pushed}`));
    assert.equal(readFileSync(join(other, "train.py"), "utf8"), "dirty\n");

    const elsewhere = await world.steelyard(["restore", "-p", "p", name]);
    assert.equal(elsewhere.status, 1);
    assert.ok(
      elsewhere.err.includes(
        `Run \`git clone ${upstream}\` and restore from there or pass the --no-git flag.`,
      ),
    );
    const without = await world.steelyard(["restore", "--no-git", "-p", "p", name]);
    assert.equal(without.status, 0, without.err);
    assert.ok(existsSync(join(world.here, "wandb/config.yaml")));
    rmSync(here, { recursive: true });
  });

test("restore never lets a run's words become git's or docker's", async () => {
  const { here } = repository("evil");
  await run(
    "evil",
    { commit: "--upload-pack=touch x" },
    {
      "wandb-metadata.json": JSON.stringify({ docker: "-v /:/x image", git: { commit: "-b x" } }),
    },
  );
  const { status, err } = await world.steelyard(["restore", "p/evil"], { cwd: here });
  assert.equal(status, 0, err);
  assert.match(err, /Original run has no git history/);
  assert.match(err, /is no name of an image; it is not started/);
  assert.equal(git(here, "branch", "--show-current"), "main");
  assert.equal((await world.steelyard(["restore"])).status, 2);
  assert.equal((await world.steelyard(["restore", "p/nothing"])).status, 1);
});
