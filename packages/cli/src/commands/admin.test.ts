import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openWorld, type World } from "../world.test-part.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());
const admin = (...args: string[]) => world.steelyard(["admin", ...args]);
const works = async (key: string) =>
  (await world.doors.ask(key.trim(), "GET", "/api/v1/session")).status === 200;

test("admin user: made with a key, changed, given keys and passwords, disabled, deleted", async () => {
  const made = await world.steelyard(
    ["admin", "user", "add", "ann", "--email", "ann@example.org", "--password-stdin"],
    {
      input: "her password\n",
    },
  );
  assert.equal(made.status, 0, made.err);
  assert.ok(await works(made.out), "what is printed is the key");
  const users = JSON.parse((await admin("user", "ls", "--json")).out) as {
    username: string;
    email: string;
  }[];
  assert.deepEqual(
    users.map(({ username, email }) => [username, email]),
    [
      ["admin", null],
      ["ann", "ann@example.org"],
    ],
  );
  const more = await admin("user", "new-key", "ann");
  assert.deepEqual([await works(more.out), await works(made.out)], [true, true]);
  const only = await admin("user", "new-key", "ann", "--revoke");
  assert.deepEqual(
    [await works(only.out), await works(more.out), await works(made.out)],
    [true, false, false],
  );
  await world.steelyard(["admin", "user", "password", "ann", "--password-stdin"], { input: "another one" });
  const signIn = { username: "ann", password: "another one" };
  assert.equal((await world.doors.ask(undefined, "POST", "/api/v1/session", signIn)).status, 200);
  assert.equal((await admin("user", "set", "ann", "--admin")).status, 0);
  assert.match((await admin("user", "ls")).out, /^ann +user +yes +ann@example\.org/m);
  await admin("user", "disable", "ann");
  assert.equal(await works(only.out), false);
  assert.match((await admin("user", "rm", "ann")).err, /say --yes/);
  assert.equal((await admin("user", "rm", "ann", "--yes")).status, 0);
  const gone = await admin("user", "new-key", "ann");
  assert.deepEqual([gone.status, gone.out, /there is no user "ann"/.test(gone.err)], [1, "", true]);
  const stranger = await world.steelyard(["admin", "user", "ls"], {
    environment: { WANDB_API_KEY: await world.doors.user("stranger") },
  });
  assert.deepEqual([stranger.status, /key of an administrator/.test(stranger.err)], [1, true]);
});

test("admin team, organization: made, listed, members changed, deleted", async () => {
  await world.doors.user("bob");
  for (const kind of ["team", "organization"]) {
    assert.equal((await admin(kind, "add", `${kind}-x`, "--member", "bob=viewer")).status, 0);
    await admin(kind, "set", `${kind}-x`, "--add", "bob=admin,admin");
    const listed = await admin(kind, "ls", "--json");
    assert.deepEqual(JSON.parse(listed.out), [
      {
        name: `${kind}-x`,
        members: [
          { username: "admin", role: "member" },
          { username: "bob", role: "admin" },
        ],
      },
    ]);
    assert.equal((await admin(kind, "set", `${kind}-x`, "--add", "bob=king")).status, 2);
    assert.equal((await admin(kind, "rm", `${kind}-x`, "--yes")).status, 0);
    assert.match((await admin(kind, "ls")).err, new RegExp(`There are no ${kind}s`));
  }
});
