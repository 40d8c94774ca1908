import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";

suite("what administrators do", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
  });
  after(() => doors.close());
  const admin = (method: string, path: string, body?: unknown) =>
    doors.ask(doors.admin, method, `/api/v1/admin/${path}`, body);

  test("a wrong body is refused with the field and what it must be", async () => {
    const wrong: [unknown, RegExp][] = [
      ["{", /the body/],
      [{}, /username/],
      [{ username: "a b" }, /letters, digits/],
      [{ username: "settings" }, /word of this server/],
      [{ username: "ann", email: "none" }, /email/],
      [{ username: "ann", password: "short" }, /password/],
      [{ username: "ann", apiKey: "short" }, /40 to 512/],
      [{ username: "ann", role: "x" }, /role/],
    ];
    for (const [body, text] of wrong) {
      const answer = await admin("POST", "users", body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.match(answer.text, text);
    }
    assert.equal((await admin("POST", "users", { username: "x".repeat(2 ** 20) })).status, 413);
    const { users } = (await admin("GET", "users")).json<{ users: { username: string }[] }>();
    assert.deepEqual(
      users.map(({ username }) => username),
      ["admin"],
    );
  });

  test("names, e-mails and keys are one person's", async () => {
    const apiKey = "k".repeat(40);
    assert.equal(
      (await admin("POST", "users", { username: "one", email: "one@example.org", apiKey })).status,
      201,
    );
    for (const body of [
      { username: "one" },
      { username: "two", email: "one@example.org" },
      { username: "two", apiKey },
    ])
      assert.equal((await admin("POST", "users", body)).status, 409, JSON.stringify(body));
    // Nothing of a refused user is left behind.
    assert.equal((await admin("POST", "users", { username: "two" })).status, 201);
  });

  test("revoking ends keys, sessions and password; teams and organizations are listed with their members", async () => {
    const key = await doors.user("leaver", { password: "a password" });
    assert.equal((await doors.ask(key, "GET", "/api/v1/session")).status, 200);
    const again = "n".repeat(40);
    assert.equal((await admin("PATCH", "users/leaver", { revoke: true, apiKey: again })).status, 200);
    assert.equal((await doors.ask(key, "GET", "/api/v1/session")).status, 401);
    assert.equal((await doors.ask(again, "GET", "/api/v1/session")).status, 200);
    const signIn = { username: "leaver", password: "a password" };
    assert.equal((await doors.ask(undefined, "POST", "/api/v1/session", signIn)).status, 401);
    assert.equal((await admin("PATCH", "users/leaver", { revoke: true })).status, 200);
    assert.equal((await doors.ask(again, "GET", "/api/v1/session")).status, 401);
    assert.equal((await admin("PATCH", "users/admin", { revoke: true })).status, 409);

    const members = [{ username: "leaver", role: "viewer" }];
    for (const kind of ["teams", "organizations"]) {
      await admin("POST", kind, { name: `${kind}-with`, members });
      await admin("POST", kind, { name: `${kind}-without` });
      assert.deepEqual((await admin("GET", kind)).json()[kind], [
        { name: `${kind}-with`, members },
        { name: `${kind}-without`, members: [] },
      ]);
    }
  });

  test("the last administrator can neither leave nor step down", async () => {
    assert.equal((await admin("DELETE", "users/admin")).status, 409);
    assert.equal((await admin("PATCH", "users/admin", { admin: false })).status, 409);
    assert.equal((await admin("POST", "users", { username: "deputy", admin: true })).status, 201);
    assert.equal((await admin("PATCH", "users/deputy", { admin: false })).status, 200);
    assert.equal((await admin("DELETE", "users/admin")).status, 409);
  });

  test("what is not there is 404; a team with projects stays", async () => {
    assert.equal((await admin("DELETE", "users/nobody")).status, 404);
    assert.equal((await admin("PATCH", "teams/none", {})).status, 404);
    assert.equal((await admin("DELETE", "organizations/none")).status, 404);
    const missing = { name: "lab", members: [{ username: "nobody", role: "member" }] };
    assert.equal((await admin("POST", "teams", missing)).status, 404);
    assert.equal((await admin("POST", "teams", { name: "lab" })).status, 201);
    await makeRun(doors, doors.admin, { entity: "lab", project: "p", name: "r" });
    const refused = await admin("DELETE", "teams/lab");
    assert.equal(refused.status, 409);
    assert.match(refused.text, /has projects \(p\)/);
  });

  test("who is removed from a team sees it no more", async () => {
    const key = await doors.user("member");
    await admin("PATCH", "teams/lab", { add: [{ username: "member", role: "viewer" }] });
    const seen = () => doors.graphql(key, `{ entity(name: "lab") { name } }`);
    assert.deepEqual(await seen(), { entity: { name: "lab" } });
    await admin("PATCH", "teams/lab", { remove: ["member"] });
    assert.deepEqual(await seen(), { entity: null });
  });

  test("a new password ends what was signed in with the old one", async () => {
    await doors.user("pat", { password: "first password" });
    const signIn = (password: string) =>
      doors.ask(undefined, "POST", "/api/v1/session", { username: "pat", password });
    const cookie = (await signIn("first password")).headers.get("set-cookie")?.split(";")[0] ?? "";
    const session = () => doors.ask(undefined, "GET", "/api/v1/session", undefined, { cookie });
    assert.equal((await session()).status, 200);
    assert.equal((await admin("PATCH", "users/pat", { password: "second password" })).status, 200);
    assert.equal((await session()).status, 401);
    assert.equal((await signIn("first password")).status, 401);
    assert.equal((await signIn("second password")).status, 200);
  });
});
