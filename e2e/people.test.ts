import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { exitOf, PROJECT, startScript } from "../conformance/sdk-runs.ts";
import { type Fixture, makeTeam, makeUser, openFixture, signIn } from "./browser.ts";

/** Whose a run is and where it ran, as its page and the table show what the variables said. */
suite("who and where", () => {
  let fixture: Fixture;
  let dir: string;
  before(async () => {
    fixture = await openFixture();
    dir = mkdtempSync(join(tmpdir(), "steelyard-people-"));
    await signIn(fixture);
  });
  after(async () => {
    await fixture.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function sdkRun(id: string, environment: Record<string, string>): Promise<void> {
    const child = startScript(fixture.server, dir, id, "run.log({ loss: 1 }); await run.finish();", {
      environment,
    });
    assert.equal(await exitOf(child), 0);
  }
  const fact = (name: string) =>
    fixture.page
      .getByRole("region", { name: "Environment" })
      .locator("dl > div", { has: fixture.page.getByText(name, { exact: true }) })
      .locator("dd");

  test("WANDB_USERNAME: the run page and the runs table name the member as author", async () => {
    const { page, server } = fixture;
    await makeUser(server, "ann");
    const response = await server.fetch("/api/v1/admin/users", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "robot", kind: "service" }),
    });
    const { apiKey } = (await response.json()) as { apiKey: string };
    await makeTeam(server, "lab", [
      { username: "robot", role: "member" },
      { username: "ann", role: "member" },
    ]);
    await sdkRun("hers", { WANDB_API_KEY: apiKey, WANDB_ENTITY: "lab", WANDB_USERNAME: "ann" });
    await page.goto(`${server.url}/lab/${PROJECT}/runs/hers/overview`);
    assert.equal((await fact("Author").innerText()).trim(), "ann");
    await page.goto(`${server.url}/lab/${PROJECT}/table?cols=user`);
    await page.getByRole("row", { name: /ann/ }).waitFor();
  });

  test("WANDB_HOST, WANDB_DOCKER: the overview shows the host as it was said, and the command that brings the image back", async () => {
    const { page, server } = fixture;
    const image = `lab/digits@sha256:${"ab".repeat(32)}`;
    await sdkRun("there", { WANDB_HOST: "node-7 of the cluster", WANDB_DOCKER: image });
    await page.goto(`${server.url}/admin/${PROJECT}/runs/there/overview`);
    await fact("Host").getByText("node-7 of the cluster", { exact: true }).waitFor();
    await fact("Image").getByText(image).waitFor();
    await page.getByRole("region", { name: "Run it again" }).getByText(`docker pull ${image}`).waitFor();
    fixture.checkErrors();
  });
});
