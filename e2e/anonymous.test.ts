import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Page } from "playwright-core";
import { PROJECT, startScript } from "../conformance/sdk-runs.ts";
import { type Fixture, makeUser, openFixture } from "./browser.ts";

/** The link an anonymous run's client prints, in the browser: seen without an account, claimed with one. */
suite("the link of an anonymous run", () => {
  let fixture: Fixture;
  let dir: string;
  let ann = "";
  const programs: ChildProcess[] = [];
  before(async () => {
    fixture = await openFixture({ serverFlags: ["--anonymous", "on"] });
    dir = mkdtempSync(join(tmpdir(), "steelyard-anonymous-"));
    ann = await makeUser(fixture.server, "ann");
  });
  after(async () => {
    // Of a test that failed before it ended its program.
    for (const child of programs) child.kill("SIGKILL");
    await fixture.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** A program of the SDK that has no key; it goes on till it is told to end. */
  async function program(id: string): Promise<{ link: string; end: () => Promise<unknown> }> {
    const child = startScript(
      fixture.server,
      dir,
      id,
      `let step = 0;
const timer = setInterval(() => run.log({ loss: 1 / ++step }), 20);
await new Promise((resolve) => process.once("SIGUSR2", resolve));
clearInterval(timer);
await run.finish();`,
      { environment: { WANDB_ANONYMOUS: "must", WANDB_API_KEY: "" } },
    );
    programs.push(child);
    const link = await new Promise<string>((resolve, reject) => {
      let err = "";
      child.stderr?.on("data", (part) => {
        err += part;
        const found = /http:\/\/\S+\?apiKey=[\w-]+/.exec(err)?.[0];
        if (found) resolve(found);
      });
      child.once("exit", () => reject(new Error(err)));
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    return {
      link,
      end: () => {
        child.kill("SIGUSR2");
        return ended;
      },
    };
  }

  /** A browser of somebody else. */
  async function visitor(language = "en-US"): Promise<Page> {
    const context = await fixture.browser.newContext({
      locale: language,
      viewport: { width: 1440, height: 900 },
    });
    const page = await context.newPage();
    return page;
  }

  async function signIn(page: Page, key: string): Promise<void> {
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  test("WANDB_ANONYMOUS: the link opens the run without an account; signed in, the run is claimed while it runs", async () => {
    const { server } = fixture;
    const { link, end } = await program("taken");
    const entity = new URL(link).pathname.split("/")[1] ?? "";
    const page = await visitor();
    await page.goto(link);
    const banner = page.getByRole("region", { name: "Anonymous runs" });
    await banner.getByText(/belong to nobody yet/).waitFor();
    assert.ok(!page.url().includes("apiKey"));
    assert.ok(((await banner.boundingBox())?.height ?? 0) < 60, "the banner is one line");
    await page.locator("canvas").first().waitFor();
    // What is beside it stays closed.
    await page.goto(`${server.url}/settings`);
    await page.waitForURL("**/login?returnTo=*");
    await page.goto(`${server.url}/${entity}/${PROJECT}/runs/taken/overview`);
    // By keyboard alone: to the sign-in, back to the same screen, and claim.
    await banner.getByRole("link", { name: "Sign in to claim" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/login?returnTo=*");
    await signIn(page, ann);
    await page.waitForURL(`**/${entity}/${PROJECT}/runs/taken/overview`);
    await banner.getByRole("button", { name: "Claim these runs" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${server.url}/ann/${PROJECT}/runs/taken/overview`);
    await page.getByText(`1 run(s) are yours now: ann/${PROJECT}`).waitFor();
    assert.equal(await banner.count(), 0);
    // The program was not disturbed: its rows arrive, and its end.
    await page.getByText("Running", { exact: false }).first().waitFor();
    await end();
    await page.getByText("Finished", { exact: false }).first().waitFor();
    // The link leads its new owner to the new place, and everyone else nowhere.
    await page.goto(link);
    await page.waitForURL(`${server.url}/ann/${PROJECT}/runs/taken`);
    const other = await visitor();
    await other.goto(link);
    await other.waitForURL("**/login?returnTo=*");
    await other.getByText("The runs of that link have been claimed").waitFor();
    await signIn(other, await makeUser(server, "eve"));
    await other.getByText("Not found, or no access").waitFor();
    assert.ok(!other.url().includes("apiKey"));
    await Promise.all([page.context().close(), other.context().close()]);
  });

  test("in Korean, dark, and narrow, it says the same", async () => {
    const { link, end } = await program("shown");
    const page = await visitor("ko-KR");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 360, height: 720 });
    // Letters of random names are of any width: this is the widest that one may have.
    await page.addInitScript(() =>
      document.addEventListener("DOMContentLoaded", () => {
        const style = document.createElement("style");
        style.textContent = ".topbar > .anchor > .button { letter-spacing: 6px; }";
        document.head.append(style);
      }),
    );
    await page.goto(link);
    const banner = page.getByRole("region", { name: "익명 실행" });
    await banner.getByText(/아무도 가져가지 않으면/).waitFor();
    await banner.getByRole("link", { name: "로그인하고 가져오기" }).waitFor();
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    await end();
    await page.context().close();
  });

  test("any other key in an address opens nothing and does not stay there", async () => {
    const page = await visitor();
    await page.goto(`${fixture.server.url}/ann/${PROJECT}?apiKey=${ann}`);
    await page.waitForURL("**/login?returnTo=*");
    assert.ok(!page.url().includes(ann));
    assert.ok(!fixture.server.log().includes(ann));
    await page.context().close();
  });
});
