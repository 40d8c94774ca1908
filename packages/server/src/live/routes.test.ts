import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";

/** An open event stream; `next` is the next change it tells. */
async function listen(doors: Doors, key: string, query = "") {
  const response = await fetch(`${doors.server.url}/api/v1/live${query}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const read = async () => {
    const { value, done } = (await reader?.read()) ?? { value: "", done: true };
    text += value ?? "";
    return done;
  };
  await read();
  return {
    status: response.status,
    async next(): Promise<{ kind: string; project: string; run?: string }> {
      for (;;) {
        const match = /event: change\ndata: (.*)\n/.exec(text);
        if (match) {
          text = text.slice(match.index + match[0].length);
          return JSON.parse(match[1] ?? "");
        }
        if (await read()) throw new Error("the stream ended");
      }
    },
    close: () => reader?.cancel(),
  };
}

suite("what changed, as it changes", () => {
  let doors: Doors;
  let ann = "";
  const clock = { skewMs: 0 };
  before(async () => {
    doors = await openDoors({ now: () => Date.now() + clock.skewMs });
    ann = await doors.user("ann");
  });
  after(() => doors.close());

  test("a person hears of their own projects and not of others'", async () => {
    const hers = await listen(doors, ann);
    await makeRun(doors, doors.admin, { project: "secret", name: "r" });
    await makeRun(doors, ann, { project: "mine", name: "r" });
    assert.equal((await hers.next()).project, "mine");
    await hers.close();
  });

  test("a stream of one project has only that one; a stranger's is 404", async () => {
    await makeRun(doors, ann, { project: "other", name: "r" });
    const one = await listen(doors, ann, "?entity=ann&project=other");
    await makeRun(doors, ann, { project: "mine", name: "s" });
    await makeRun(doors, ann, { project: "other", name: "s" });
    assert.deepEqual(await one.next(), {
      kind: "run",
      entity: "ann",
      project: "other",
      run: "s",
      state: "running",
    });
    await one.close();
    assert.equal((await doors.ask(ann, "GET", "/api/v1/live?entity=admin&project=secret")).status, 404);
    assert.equal((await doors.ask(undefined, "GET", "/api/v1/live")).status, 401);
  });

  test("a key that was revoked hears nothing more once its permission is looked at again", async () => {
    const { generateApiKey } = await doors.graphql<{
      generateApiKey: { apiKey: { id: string; name: string } };
    }>(ann, "mutation { generateApiKey(input: {}) { apiKey { id name } } }");
    const lost = await listen(doors, generateApiKey.apiKey.name);
    const kept = await listen(doors, ann);
    await makeRun(doors, ann, { project: "mine", name: "before" });
    assert.equal((await lost.next()).run, "before");
    assert.equal((await kept.next()).run, "before");
    await doors.graphql(
      ann,
      `mutation { deleteApiKey(input: {id: "${generateApiKey.apiKey.id}"}) { success } }`,
    );
    clock.skewMs += 61_000;
    await makeRun(doors, ann, { project: "mine", name: "after" });
    assert.equal((await kept.next()).run, "after");
    await assert.rejects(lost.next(), /ended/);
    await kept.close();
  });
});
