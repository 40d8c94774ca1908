import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { exitOf, PROJECT, startScript } from "../conformance/sdk-runs.ts";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";
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

  /** `steelyard login --device` in a home of its own, up to the link it shows. */
  async function device() {
    const main = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [main, "login", "--device"], {
      cwd: dir,
      env: {
        PATH: process.env.PATH,
        ...COMPILE_CACHE,
        HOME: dir,
        WANDB_BASE_URL: fixture.server.url,
        CI: "1",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    const link = await new Promise<string>((resolve, reject) => {
      child.stderr.on("data", (part) => {
        err += part;
        const [found] = /http:\/\/\S+\/authorize\?code=[\w-]+/.exec(err) ?? [];
        if (found && err.includes("Waiting")) resolve(found);
      });
      child.once("close", () => reject(new Error(err)));
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { link, code: /code ([\w-]+)\./.exec(err)?.[1] ?? "", ended, err: () => err };
  }

  test("a terminal is signed in by a person who compares the code, and refused by one who does not know it", async () => {
    const { page, server } = fixture;
    const refused = await device();
    await page.goto(refused.link);
    await page.getByText(refused.code, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Refuse" }).click();
    await page.getByText("It was refused, and has no key.").waitFor();
    assert.equal(await refused.ended, 1);
    assert.match(refused.err(), /refused on the page/);

    const allowed = await device();
    await page.goto(allowed.link);
    await page.getByText(allowed.code, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Allow" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("It is signed in.", { exact: false }).waitFor();
    assert.equal(await allowed.ended, 0, allowed.err());
    assert.match(allowed.err(), /Currently logged in as: admin/);
    const key = /password (\w+)/.exec(readFileSync(join(dir, ".netrc"), "utf8"))?.[1];
    const session = await fetch(`${server.url}/api/v1/session`, {
      headers: { authorization: `Bearer ${key}` },
    });
    assert.equal(((await session.json()) as { username: string }).username, "admin");
    await page.goto(allowed.link);
    await page.getByText("no terminal waits with this code", { exact: false }).waitFor();
  });
});
