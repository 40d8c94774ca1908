import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, openDoors } from "./doors.test-part.ts";

suite("who shows no key", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
  });
  after(() => doors.close());
  const query = (bytes: number) => ({ query: "{ viewer { id } }", variables: { pad: "x".repeat(bytes) } });

  test("a large question needs a key, a small one does not", async () => {
    assert.equal((await doors.ask(undefined, "POST", "/graphql", query(60_000))).status, 200);
    const large = await doors.ask(undefined, "POST", "/graphql", query(70_000));
    assert.equal(large.status, 401);
    assert.match(large.json<{ errors: { message: string }[] }>().errors[0]?.message ?? "", /WANDB_API_KEY/);
    // `wandb verify` posts this much.
    assert.equal((await doors.ask(doors.admin, "POST", "/graphql", query(10 ** 7))).status, 200);
    const most = await doors.ask(doors.admin, "POST", "/graphql", query(33 * 2 ** 20));
    assert.equal(most.status, 413);
    assert.match(most.text, /larger than 32 MiB/);
  });
});
