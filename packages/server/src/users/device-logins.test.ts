import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, openDoors } from "../http/doors.test-part.ts";

suite("signing a device in", () => {
  let doors: Doors;
  let now = Date.now();
  let cookie = "";
  before(async () => {
    doors = await openDoors({ now: () => now });
    const key = await doors.user("ann");
    const signedIn = await doors.ask(undefined, "POST", "/api/v1/session", { apiKey: key });
    cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  });
  after(() => doors.close());

  const begin = async (address = "192.0.2.1") => {
    const reply = await doors.ask(
      undefined,
      "POST",
      "/api/v1/device-login",
      { name: "box" },
      { "x-forwarded-for": address },
    );
    assert.equal(reply.status, 200, reply.text);
    return reply.json<{ deviceCode: string; userCode: string; expiresInS: number }>();
  };
  const take = async (deviceCode: string) => {
    const { status, text } = await doors.ask(undefined, "POST", "/api/v1/device-login/take", { deviceCode });
    return { status, ...(JSON.parse(text) as { state?: string; apiKey?: string }) };
  };
  const look = (code: string) =>
    doors.ask(undefined, "GET", `/api/v1/device-login?code=${code}`, undefined, { cookie });
  const answer = (code: string, allow: boolean, origin = doors.server.url) =>
    doors.ask(undefined, "POST", "/api/v1/device-login/answer", { code, allow }, { cookie, origin });

  test("a person who sees the code lets it in: the terminal has a key of theirs, once", async () => {
    const { deviceCode, userCode, expiresInS } = await begin();
    assert.match(userCode, /^[B-Z]{4}-[B-Z]{4}$/);
    assert.equal(expiresInS, 600);
    assert.deepEqual(await take(deviceCode), { status: 200, state: "waiting" });
    assert.deepEqual((await look(userCode.toLowerCase())).json(), {
      code: userCode,
      name: "box",
      address: "192.0.2.1",
    });
    // Another site cannot answer in their name.
    assert.equal((await answer(userCode, true, "https://evil.example")).status, 403);
    assert.equal((await answer(userCode, true)).status, 200);
    assert.equal((await look(userCode)).status, 404);
    const { apiKey = "", state } = await take(deviceCode);
    assert.equal(state, "allowed");
    const { viewer } = await doors.graphql<{ viewer: { username: string } }>(
      apiKey,
      "{ viewer { username } }",
    );
    assert.equal(viewer.username, "ann");
    assert.equal((await take(deviceCode)).status, 404);
    assert.ok(!JSON.stringify(doors.log).includes(apiKey));
  });

  test("a person says no, nobody answers in time, one address asks without end", async () => {
    const refused = await begin();
    assert.equal((await answer(refused.userCode, false)).status, 200);
    assert.deepEqual(await take(refused.deviceCode), { status: 200, state: "refused" });
    const late = await begin();
    now += 600_000;
    assert.equal((await answer(late.userCode, true)).status, 404);
    assert.equal((await take(late.deviceCode)).status, 404);
    for (let index = 0; index < 20; index++) await begin("192.0.2.2");
    const more = await doors.ask(
      undefined,
      "POST",
      "/api/v1/device-login",
      {},
      { "x-forwarded-for": "192.0.2.2" },
    );
    assert.equal(more.status, 429);
    await begin("192.0.2.3");
  });
});
