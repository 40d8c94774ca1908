import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { SignInAttempts } from "./sign-in-attempts.ts";

suite("signing in", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    await doors.user("ann", { password: "correct horse" });
  });
  after(() => doors.close());

  const signIn = (body: object, address = "198.51.100.7") =>
    doors.ask(undefined, "POST", "/api/v1/session", body, { "x-forwarded-for": `10.0.0.1, ${address}` });

  test("a stranger who is wrong in a person's name waits; the person signs in from elsewhere", async () => {
    for (let index = 0; index < 10; index++)
      assert.equal((await signIn({ username: "Ann", password: "wrong" })).status, 401);
    const last = await signIn({ username: "ann", password: "correct horse" });
    assert.equal(last.status, 429);
    assert.ok(Number(last.headers.get("retry-after")) > 0);
    assert.equal((await signIn({ username: "ann", password: "correct horse" }, "203.0.113.9")).status, 200);
    assert.ok(
      doors.log.some(({ msg, address }) => msg === "a sign-in was wrong" && address === "198.51.100.7"),
    );
  });

  test("of IPv6, all addresses of a network count together", async () => {
    for (const address of [
      "2001:db8:0:1::1",
      "2001:DB8::1:0:0:0:2",
      "2001:0db8:0000:0001:ffff:ffff:ffff:ffff",
    ])
      assert.equal((await signIn({ username: "ann", password: "wrong" }, address)).status, 401);
    const counted = doors.log.filter(({ msg }) => msg === "a sign-in was wrong").slice(-3);
    assert.deepEqual(new Set(counted.map(({ address }) => address)), new Set(["2001:db8:0:1::/64"]));
    await signIn({ username: "ann", password: "wrong" }, "2001:db8:0:2::1");
    assert.equal(
      doors.log.findLast(({ msg }) => msg === "a sign-in was wrong")?.address,
      "2001:db8:0:2::/64",
    );
  });

  test("a body of a megabyte is no sign-in, and nothing wrong is counted", async () => {
    assert.equal((await signIn({ username: "x".repeat(2 ** 20), password: "p" }, "192.0.2.1")).status, 413);
    for (const body of [{}, { username: "ann" }, { apiKey: 1 }, []])
      assert.equal((await signIn(body, "192.0.2.1")).status, 400);
  });

  test("a deleted user neither signs in nor keeps a session or a key", async () => {
    const key = await doors.user("leaver", { password: "long enough" });
    const signedIn = await signIn({ username: "leaver", password: "long enough" }, "192.0.2.2");
    const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
    const session = () => doors.ask(undefined, "GET", "/api/v1/session", undefined, { cookie });
    assert.equal((await session()).status, 200);
    assert.equal((await doors.ask(doors.admin, "DELETE", "/api/v1/admin/users/leaver")).status, 200);
    assert.equal((await session()).status, 401);
    assert.equal((await doors.ask(key, "GET", "/api/v1/session")).status, 401);
    assert.equal((await signIn({ username: "leaver", password: "long enough" }, "192.0.2.2")).status, 401);
  });

  test("a link signs in once", async () => {
    const first = await doors.ask(undefined, "GET", doors.server.signInPath);
    assert.equal(first.headers.get("location"), "/home");
    const second = await doors.ask(undefined, "GET", doors.server.signInPath);
    assert.equal(second.headers.get("location"), "/login?link=used");
    assert.equal(second.headers.get("set-cookie"), null);
  });

  test("a service account's key is told once to who made it, and logs", async () => {
    const lead = await doors.user("lead");
    const other = await doors.user("other");
    await doors.ask(doors.admin, "POST", "/api/v1/admin/teams", {
      name: "lab",
      members: [
        { username: "lead", role: "admin" },
        { username: "other", role: "admin" },
      ],
    });
    const make = `mutation { createServiceAccount(input: {entityName: "lab", description: "ci"}) { user { id } } }`;
    await doors.graphql(lead, make);
    const lastKey = async (key: string) => {
      const { entity } = await doors.graphql<{
        entity: { members: { username: string; accountType: string; apiKey: string | null }[] };
      }>(key, `{ entity(name: "lab") { members { username accountType apiKey } } }`);
      return entity.members.at(-1);
    };
    assert.deepEqual(await lastKey(other), { username: "lab-ci", accountType: "SERVICE", apiKey: null });
    const apiKey = (await lastKey(lead))?.apiKey ?? "";
    assert.match(apiKey, /^[A-Za-z0-9]{40}$/);
    assert.equal((await lastKey(lead))?.apiKey, null);
    await makeRun(doors, apiKey, { entity: "lab", project: "p", name: "r" });
    await assert.rejects(doors.graphql(lead, make), /409.*is taken/);
  });
});

test("names of one address count together, an address cannot fill the queue, and a window ends", async () => {
  let now = 0;
  const attempts = new SignInAttempts(() => now);
  for (let name = 0; name < 99; name++) attempts.wrong("a", `n${name}`);
  assert.equal(attempts.waitS("a", "new"), 0);
  attempts.wrong("a", "n99");
  assert.equal(attempts.waitS("a", "new"), 300);
  assert.equal(attempts.waitS("b", "new"), 0);
  now += 300_000;
  assert.equal(attempts.waitS("a", "new"), 0);

  const ends: (() => void)[] = [];
  const check = () => new Promise<void>((resolve) => ends.push(resolve));
  const running = Array.from({ length: 5 }, () => attempts.inTurn("a", check));
  await assert.rejects(attempts.inTurn("a", check), { code: "too-many-requests" });
  const other = attempts.inTurn("b", check);
  assert.equal(ends.length, 2);
  for (let done = 0; done < 6; done++) {
    assert.ok(ends.length - done <= 2);
    ends[done]?.();
    await new Promise(setImmediate);
  }
  await Promise.all([...running, other]);
  await attempts.inTurn("a", async () => {});
});

suite("signing up", () => {
  let open: Doors;
  before(async () => {
    open = await openDoors({ signUp: "on" });
  });
  after(() => open.close());
  const signUp = (body: object, headers: Record<string, string> = {}) =>
    open.ask(undefined, "POST", "/api/v1/sign-up", body, {
      "x-forwarded-for": "10.0.0.1, 198.51.100.8",
      ...headers,
    });

  test("a new account is signed in, is nobody's administrator, and its name is its own", async () => {
    const made = await signUp({ username: "nana", email: "nana@example.org", password: "long enough" });
    assert.equal(made.status, 201);
    const cookie = made.headers.get("set-cookie")?.split(";")[0] ?? "";
    assert.match(made.headers.get("set-cookie") ?? "", /HttpOnly/);
    const session = await open.ask(undefined, "GET", "/api/v1/session", undefined, { cookie });
    const { username, admin } = session.json<{ username: string; admin: boolean }>();
    assert.deepEqual([username, admin], ["nana", false]);
    const again = await open.ask(undefined, "POST", "/api/v1/session", {
      username: "nana",
      password: "long enough",
    });
    assert.equal(again.status, 200);
    for (const [body, status] of [
      [{ username: "Nana", password: "long enough" }, 409],
      [{ username: "other", email: "nana@example.org", password: "long enough" }, 409],
      [{ username: "settings", password: "long enough" }, 400],
      [{ username: "short", password: "short" }, 400],
      [{ username: "sly", password: "long enough", admin: true }, 400],
    ] as const)
      assert.equal((await signUp(body)).status, status, JSON.stringify(body));
  });

  test("another site makes no account here, and one address not many", async () => {
    const abroad = await signUp(
      { username: "abroad", password: "long enough" },
      { "sec-fetch-site": "cross-site", origin: "https://elsewhere.example" },
    );
    assert.equal(abroad.status, 403);
    let status = 201;
    for (let at = 0; at < 12 && status === 201; at++)
      status = (await signUp({ username: `many${at}`, password: "long enough" })).status;
    assert.equal(status, 429);
  });
});
