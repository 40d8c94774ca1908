import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { Page } from "playwright-core";
import { newestClient, runScript } from "../conformance/python.ts";
import { startServer } from "../conformance/server.ts";
import { type Fixture, makeRun, makeTeam, makeUser, openFixture, signIn, stream } from "./browser.ts";

/** Addresses that clients print, and who may open them. */
suite("links and auth", () => {
  let fixture: Fixture;
  let bob: Page;
  let eve: Page;
  let eveKey: string;
  before(async () => {
    fixture = await openFixture();
    const { server, browser } = fixture;
    const bobKey = await makeUser(server, "bob");
    eveKey = await makeUser(server, "eve");
    await makeTeam(server, "demo", [
      { username: "admin", role: "admin" },
      { username: "bob", role: "member" },
    ]);
    await makeRun(server, "line", {
      entity: "demo",
      name: "r00",
      displayName: "first light",
      steps: 30,
      keys: { "train/loss": (step) => 1 / (step + 1), "train/acc": (step) => step / 30 },
    });
    await makeRun(server, "line", {
      entity: "demo",
      name: "r01",
      displayName: "second light",
      steps: 30,
      keys: { "train/loss": (step) => 2 / (step + 1) },
    });
    await signIn(fixture);
    const sign = async (key: string) => {
      const page = await (await browser.newContext()).newPage();
      await signIn({ page, server }, key);
      return page;
    };
    bob = await sign(bobKey);
    eve = await sign(eveKey);
  });
  after(() => fixture.close());

  test("1: every address that the client prints opens for a member", async (t) => {
    const { server } = fixture;
    if (!newestClient) return t.skip("the official client is not installed");
    const { code, stdout, stderr } = await runScript(newestClient, "one_run.py", server, {
      env: { WANDB_ENTITY: "demo", WANDB_PROJECT: "printed", WANDB_NAME: "밤 run / 7", WANDB_RUN_ID: "p1" },
    });
    assert.equal(code, 0, stderr);
    // Not the server's own, which it says it is logged in to.
    const printed = new Set((stdout + stderr).match(/http:\/\/[^/\s]+\/\S+/g));
    const run = `${server.url}/demo/printed/runs/p1`;
    assert.deepEqual([...printed].sort(), [`${server.url}/demo/printed`, run]);
    for (const address of printed) {
      assert.equal((await bob.goto(address))?.status(), 200);
      if (address === run) await bob.getByRole("heading", { name: "밤 run / 7" }).waitFor();
      await bob.getByRole("region", { name: "loss", exact: true }).waitFor();
    }
  });

  test("1: the addresses of a project and of a run open for a member", async () => {
    const { server } = fixture;
    const project = await bob.goto(`${server.url}/demo/line`);
    assert.equal(project?.status(), 200);
    await bob.getByRole("region", { name: "train/loss", exact: true }).waitFor();
    const run = await bob.goto(`${server.url}/demo/line/runs/r00`);
    assert.equal(run?.status(), 200);
    await bob.getByRole("heading", { name: "first light" }).waitFor();
  });

  test("2: an address with two slashes ends at the run", async () => {
    const { server } = fixture;
    await bob.goto(`${server.url}//demo/line/runs/r00`);
    await bob.getByRole("heading", { name: "first light" }).waitFor();
    assert.equal(new URL(bob.url()).pathname, "/demo/line/runs/r00");
  });

  test("3: who has no account makes one where the client sent them, and gets a key that is shown once", async () => {
    const { browser } = fixture;
    const open = await startServer({ flags: ["--sign-up", "on"] });
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${open.url}/authorize?signup=true&ref=models`);
      await page.waitForURL("**/signup?returnTo=*");
      await page.getByLabel("User name").fill("admin");
      await page.getByLabel("Password").fill("long enough");
      await page.getByRole("button", { name: "Create the account" }).click();
      await page.getByRole("alert").filter({ hasText: "taken" }).waitFor();
      await page.getByLabel("User name").fill("nana");
      await page.getByRole("button", { name: "Create the account" }).click();
      await page.getByRole("heading", { name: "Create an API key" }).waitFor();
      assert.match(page.url(), /ref=models/);
      await page.getByText("Signed in as nana").waitFor();
      await page.getByRole("button", { name: "Create the key" }).click();
      const key = await page.getByLabel("API key").inputValue();
      const who = await fetch(`${open.url}/api/v1/session`, { headers: { authorization: `Bearer ${key}` } });
      assert.equal(((await who.json()) as { username: string }).username, "nana");
      await page.reload();
      await page.getByRole("button", { name: "Create the key" }).waitFor();
      assert.equal((await page.content()).includes(key), false);
    } finally {
      await context.close();
      await open.stop();
    }
  });

  test("3: without sign-up the page says who makes accounts, and signs in on the way to a key", async () => {
    const { server, browser } = fixture;
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${server.url}/authorize?signup=true&ref=models`);
      await page.getByText("This server has no sign-up").waitFor();
      await page.getByRole("link", { name: "Sign in" }).click();
      await page.getByLabel("API key").fill(eveKey);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "Create an API key" }).waitFor();
      assert.match(page.url(), /ref=models/);
    } finally {
      await context.close();
    }
  });

  test("5: who may not see a run is told what is told of a run that is not there", async () => {
    const { server } = fixture;
    const answers: unknown[] = [];
    for (const run of ["r00", "nothing"]) {
      const answered = eve.waitForResponse(
        (response) =>
          response.url().endsWith("/graphql") && response.request().postData()?.includes("RunFacts") === true,
      );
      await eve.goto(`${server.url}/demo/line/runs/${run}`);
      answers.push(await (await answered).json());
      await eve.getByRole("heading", { name: "Not found, or no access" }).waitFor();
    }
    assert.deepEqual(answers[0], answers[1]);
    await eve.goto(`${server.url}/demo`);
    await eve.getByRole("heading", { name: "Not found, or no access" }).waitFor();
  });

  test("6: a project's address with a run's id becomes the run's", async () => {
    const { server } = fixture;
    await bob.goto(`${server.url}/demo/line/r00`);
    await bob.waitForURL("**/demo/line/runs/r00");
    await bob.getByRole("heading", { name: "first light" }).waitFor();
  });

  test("15: a key in the address is dropped, and signs nobody in", async () => {
    const { server, browser } = fixture;
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${server.url}/demo/line?apiKey=${eveKey}&smooth=0.5`);
      await page.getByLabel("API key").waitFor();
      assert.equal(page.url().includes(eveKey), false);
      assert.match(decodeURIComponent(page.url()), /returnTo=\/demo\/line\?smooth=0.5/);
      assert.equal(server.log().includes(eveKey), false, "the key is in the server's log");
    } finally {
      await context.close();
    }
  });

  test("91: a copied address shows another person the same view", async () => {
    const { page, server, context } = fixture;
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
    await page.goto(`${server.url}/demo/line?lang=en&theme=dark`);
    await page.getByLabel("Search runs").fill("light");
    await page.waitForURL(/q=light/);
    await page.getByRole("button", { name: "Hide second light" }).click();
    await page.getByLabel("Search panels (regular expression)").fill("loss");
    await page.getByRole("slider").first().fill("0.6");
    await page.waitForURL(/smooth=0.6/);
    const box = await page.locator("section.panel[aria-label='train/loss'] .line-chart").boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/zoom\./);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByText("Link copied").waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const zoom = new URL(link).searchParams.get("zoom.train/loss");
    assert.ok(zoom);
    // How one likes to see it is one's own.
    assert.doesNotMatch(link, /theme|lang/);
    await bob.goto(link);
    await bob.getByRole("button", { name: "Show second light" }).waitFor();
    await bob.getByRole("region", { name: "train/loss", exact: true }).waitFor();
    assert.equal(await bob.getByRole("region", { name: "train/acc", exact: true }).count(), 0);
    assert.equal(await bob.getByRole("slider").first().inputValue(), "0.6");
    assert.equal(await bob.getByLabel("Search runs").inputValue(), "light");
    assert.equal(bob.url(), link);
    const drawn = bob.locator(
      "section.panel[aria-label='train/loss'] .line-chart[aria-label*='every point']",
    );
    const [from = 0, to = 0] = zoom.split("~").map(Number);
    await drawn.focus();
    for (const [key, edge] of [
      ["Home", from],
      ["End", to],
    ] as const) {
      await bob.keyboard.press(key);
      const said = (await drawn.locator("[aria-live]").innerText()).split(":")[0];
      assert.ok(Math.abs(Number(said) - edge) <= 1, `${key} is at ${said}, the zoom at ${edge}`);
    }
    await bob.goto(`${server.url}/demo/line`);
    await bob.getByRole("button", { name: "Hide second light" }).waitFor();
    await bob.getByRole("region", { name: "train/acc", exact: true }).waitFor();
  });

  test("81: who may only look finds nothing to change a run with, and the server refuses it", async () => {
    const { server, browser } = fixture;
    const key = await makeUser(server, "vic");
    const added = await server.fetch("/api/v1/admin/teams/demo", {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ add: [{ username: "vic", role: "viewer" }] }),
    });
    assert.ok(added.ok);
    await makeRun(server, "line", {
      entity: "demo",
      name: "going",
      displayName: "going",
      steps: 3,
      keys: { "train/loss": () => 1 },
      tags: ["kept"],
      running: true,
    });
    const controls = async (page: Page) => {
      const found: Record<string, boolean> = {};
      await page.goto(`${server.url}/demo/line/runs/going/overview`);
      await page.getByRole("heading", { name: "going" }).waitFor();
      await page.getByRole("region", { name: "Notes" }).waitFor();
      found.rename = await page.getByTitle("Rename").isVisible();
      found.untag = await page.getByLabel("Delete: kept").isVisible();
      found.tag = await page.getByRole("button", { name: "Add a tag" }).isVisible();
      found.notes = await page.getByText("Add notes").isVisible();
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("button", { name: "Copy path" }).waitFor();
      found.stop = await page.getByRole("button", { name: "Stop the run" }).isVisible();
      found.delete = await page.getByRole("button", { name: "Delete", exact: true }).isVisible();
      await page.goto(`${server.url}/demo/line/table`);
      await page.getByRole("link", { name: "going" }).waitFor();
      found.pick = await page.getByLabel("Select going").isVisible();
      return new Set(Object.entries(found).flatMap(([name, visible]) => (visible ? [name] : [])));
    };
    const context = await browser.newContext();
    try {
      const vic = await context.newPage();
      await signIn({ page: vic, server }, key);
      assert.deepEqual([...(await controls(vic))], []);
      assert.deepEqual(
        [...(await controls(bob))],
        ["rename", "untag", "tag", "notes", "stop", "delete", "pick"],
      );
    } finally {
      await context.close();
    }
    const { project } = await server.query<{ project: { run: { id: string } } }>(
      `{ project(name: "line", entityName: "demo") { run(name: "going") { id } } }`,
    );
    for (const mutation of [
      "stopRun(input: {id: $id}) { success }",
      "deleteRun(input: {id: $id}) { clientMutationId }",
    ]) {
      const answer = await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
        body: JSON.stringify({
          query: `mutation M($id: ID!) { ${mutation} }`,
          variables: { id: project.run.id },
        }),
      });
      assert.ok(((await answer.json()) as { errors?: unknown[] }).errors, mutation);
    }
    await stream(server, "line", "going", { complete: true, exitcode: 0 }, "demo");
  });

  test("a team's page has its projects and members", async () => {
    const { server } = fixture;
    await bob.goto(`${server.url}/demo`);
    await bob.getByRole("link", { name: "demo/line" }).waitFor();
    const members = bob.getByRole("region", { name: "Members" });
    await members.getByRole("row", { name: "bob member" }).waitFor();
    await members.getByRole("row", { name: "admin administrator" }).waitFor();
  });

  test("a project's description and visibility are edited, and who types its name deletes it", async () => {
    const { page, server } = fixture;
    await makeRun(server, "gone", { name: "r", displayName: "r", steps: 1, keys: {} });
    await page.goto(`${server.url}/admin/gone/overview`);
    await page.getByRole("button", { name: "Project settings" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Description").fill("what it is for");
    await dialog.getByLabel("Visibility").selectOption({ label: "public: everyone reads" });
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("what it is for").waitFor();
    await eve.goto(`${server.url}/admin/gone/overview`);
    await eve.getByText("what it is for").waitFor();
    assert.equal(await eve.getByRole("button", { name: "Project settings" }).count(), 0);
    await page.getByRole("button", { name: "Project settings" }).click();
    const remove = dialog.getByRole("button", { name: "Delete the project" });
    assert.ok(await remove.isDisabled());
    await dialog.getByRole("textbox", { name: /to confirm/ }).fill("gone");
    await remove.click();
    await page.getByText("Project gone is deleted").waitFor();
    await eve.reload();
    await eve.getByRole("heading", { name: "Not found, or no access" }).waitFor();
    fixture.checkErrors();
  });
});
