import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, suite, test } from "node:test";
import { type Fixture, makeRun, makeTeam, openFixture, signIn, stream, upload } from "./browser.ts";

/** What every screen has to keep: contrast and names, keyboard, languages, themes, size. */
const PROJECT = "line";
const MAX_PAGE_BYTES = 200_000;

const SCREENS = [
  "/login",
  "/home",
  "/quickstart",
  "/authorize",
  "/settings",
  "/lab",
  `/admin/${PROJECT}`,
  `/admin/${PROJECT}/table?q=r0`,
  `/admin/${PROJECT}/overview`,
  `/admin/${PROJECT}/runs/r00`,
  `/admin/${PROJECT}/runs/r00/overview`,
  `/admin/${PROJECT}/runs/r00/system`,
  `/admin/${PROJECT}/runs/r00/logs?find=step`,
  `/admin/${PROJECT}/runs/r00/files?file=model.json`,
  "/nobody/nothing",
];

suite("quality of every screen", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
    const { server } = fixture;
    await makeTeam(server, "lab", [{ username: "admin", role: "admin" }]);
    for (let k = 0; k < 4; k++) {
      await makeRun(server, PROJECT, {
        name: `r0${k}`,
        displayName: `r0${k}`,
        steps: 40,
        config: { lr: 0.1 / (k + 1), opt: k % 2 === 0 ? "adam" : "sgd" },
        tags: k % 2 === 1 ? ["odd"] : [],
        exitCode: k === 2 ? 1 : 0,
        running: k === 3,
        keys: { "train/loss": (step) => 1 / (step + k + 1), "val/loss": (step) => 2 / (step + k + 1) },
        console: [
          "\u001b[31mred\u001b[0m \u001b[32mgreen\u001b[0m \u001b[33mamber\u001b[0m \u001b[34mblue\u001b[0m \u001b[35mviolet\u001b[0m \u001b[36mteal\u001b[0m \u001b[37mgrey\u001b[0m",
          ...Array.from({ length: 30 }, (_, line) => `step ${line}`),
        ],
      });
    }
    await upload(server, PROJECT, "r00", { "model.json": '{"layers": [64, 10]}' });
    await signIn(fixture);
    const { project } = await server.query<{ project: { run: { id: string } } }>(
      `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "r02") { id } } }`,
    );
    await server.query("mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", {
      id: project.run.id,
    });
  });
  after(() => fixture.close());

  /** Open a screen and wait till nothing loads any more. */
  async function open(screen: string, query = ""): Promise<void> {
    const { page, server } = fixture;
    await page.goto(server.url + screen + (query ? `${screen.includes("?") ? "&" : "?"}${query}` : ""));
    await page.locator("#root :is(h1, h2, .tabs)").first().waitFor();
    await page.waitForFunction(() => !document.querySelector("[aria-busy='true']"));
  }

  test("86: no screen has a serious fault of accessibility, in two languages and themes", async () => {
    const { page } = fixture;
    const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const faults = new Map<string, string>();
    for (const screen of SCREENS) {
      for (const language of ["en", "ko"]) {
        for (const theme of ["light", "dark"]) {
          await open(screen, `lang=${language}&theme=${theme}`);
          await page.evaluate(axe);
          const found = await page.evaluate(async () => {
            const { axe } = window as unknown as {
              axe: {
                run(): Promise<{
                  violations: {
                    id: string;
                    impact: string;
                    nodes: { html: string; failureSummary: string }[];
                  }[];
                }>;
              };
            };
            const { violations } = await axe.run();
            return violations
              .filter(({ impact }) => impact === "serious" || impact === "critical")
              .flatMap(({ id, nodes }) =>
                nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`),
              );
          });
          // Told once, with the first screen that has it.
          for (const fault of found)
            if (!faults.has(fault)) faults.set(fault, `${screen} ${language} ${theme}`);
        }
      }
    }
    assert.deepEqual([...faults], []);
  });

  test("87: with the keyboard alone: filter, eye, run, log, and back", async () => {
    const { page } = fixture;
    await open(`/admin/${PROJECT}`);
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        if (!element || element === document.body) return "";
        return element.getAttribute("aria-label") || element.innerText || element.tagName;
      });
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 80; presses++) {
        await page.keyboard.press("Tab");
        const now = await focused();
        assert.notEqual(now, "", `the focus was lost on the way to ${name}`);
        if (now === name) return;
      }
      assert.fail(`${name} was not reached`);
    };
    await tabTo("Search runs");
    await page.keyboard.type("r0");
    await page.waitForURL(/q=r0/);
    assert.equal(await focused(), "Search runs");
    await tabTo("Hide r01");
    await page.keyboard.press("Space");
    await page.waitForURL(/hide=r01/);
    assert.equal(await focused(), "Show r01");
    await tabTo("r01");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "r01" }).waitFor();
    assert.notEqual(await focused(), "", "the focus was lost on opening the run");
    await tabTo("Logs");
    await page.keyboard.press("Enter");
    await page.getByText("step 29").waitFor();
    assert.notEqual(await focused(), "", "the focus was lost on opening the log");
    await page.goBack();
    await page.goBack();
    await page.getByRole("button", { name: "Show r01" }).waitFor();
    assert.notEqual(await focused(), "", "the focus was lost on the way back");
  });

  test("88: the page follows the system's theme, and never shows the other one first", async () => {
    const { page, server, browser } = fixture;
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.evaluate(() => localStorage.removeItem("steelyard.theme"));
    await page.emulateMedia({ colorScheme: "light" });
    await open(`/admin/${PROJECT}`);
    assert.equal(await ground(), "rgb(251, 252, 253)");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForFunction(() => getComputedStyle(document.body).backgroundColor === "rgb(15, 19, 22)");
    await page.emulateMedia({ colorScheme: "light" });
    await page.waitForFunction(
      () => getComputedStyle(document.body).backgroundColor === "rgb(251, 252, 253)",
    );
    const context = await browser.newContext({ colorScheme: "dark" });
    try {
      const first = await context.newPage();
      // Nothing of the application has run yet.
      await first.route("**/assets/*.js", (route) => route.abort());
      await first.goto(`${server.url}/login`);
      assert.equal(
        await first.evaluate(() => getComputedStyle(document.body).backgroundColor),
        "rgb(15, 19, 22)",
      );
    } finally {
      await context.close();
    }
  });

  test("89: in Korean no English word of ours is left", async () => {
    const { page } = fixture;
    await open("/home", "lang=en");
    const words = await texts();
    assert.ok(words.has("Projects"), "the English words are not read");
    const english = new Set<string>();
    for (const screen of SCREENS) {
      await open(screen, "lang=en");
      for (const text of await texts()) english.add(text);
    }
    const left = new Set<string>();
    for (const screen of SCREENS) {
      await open(screen, "lang=ko");
      for (const text of await texts()) {
        // What people logged, names, code and signs are the same in every language.
        if (english.has(text) && /^[A-Z][a-z]+( |$)/.test(text)) left.add(`${screen}: ${text}`);
      }
    }
    const names = /: (Python|TypeScript|Steelyard|Admin|English)$/;
    assert.deepEqual(
      [...left].filter((text) => !names.test(text)),
      [],
    );

    async function texts(): Promise<Set<string>> {
      const all = await page.evaluate(() => {
        const found: string[] = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
          const parent = walk.currentNode.parentElement;
          if (!parent?.closest("script, style, noscript, pre, .mono, .tree, option, time"))
            found.push(walk.currentNode.textContent?.trim() ?? "");
        }
        for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]"))
          for (const name of ["aria-label", "title", "placeholder"])
            found.push(element.getAttribute(name)?.trim() ?? "");
        return found;
      });
      return new Set(all.filter((text) => text !== ""));
    }
  });

  test("89, 90: half of a syllable is not searched for, and Enter ends a composition, not the form", async () => {
    const { page, context } = fixture;
    await open(`/admin/${PROJECT}/table`, "lang=en");
    const keyboard = await context.newCDPSession(page);
    const compose = (text: string) =>
      keyboard.send("Input.imeSetComposition", {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    const search = page.getByLabel("Search runs");
    await search.focus();
    for (const part of ["ㅎ", "하", "한"]) await compose(part);
    assert.equal(await search.inputValue(), "한");
    assert.equal(page.url().includes("q="), false);
    await keyboard.send("Input.insertText", { text: "한" });
    await page.waitForURL((url) => url.searchParams.get("q") === "한");

    await open(`/admin/${PROJECT}/runs/r01`, "lang=en");
    await page.getByRole("heading", { level: 1 }).getByRole("button").click();
    await page.getByLabel("Rename").fill("");
    await compose("글");
    await page.keyboard.press("Enter");
    await page.getByLabel("Rename").waitFor();
    const { project } = await fixture.server.query<{ project: { run: { displayName: string } } }>(
      `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "r01") { displayName } } }`,
    );
    assert.equal(project.run.displayName, "r01");
    await page.keyboard.press("Escape");
  });

  test("95: the workspace loads less than 200 kB of script", async (t) => {
    const { page, server } = fixture;
    const scripts = new Set<string>();
    const note = (request: { url(): string; resourceType(): string }) => {
      if (request.resourceType() === "script") scripts.add(request.url());
    };
    page.on("request", note);
    await open(`/admin/${PROJECT}`);
    await page.locator("section.panel canvas").first().waitFor();
    page.off("request", note);
    let bytes = 0;
    for (const url of scripts) {
      const answer = await fetch(url, { headers: { "accept-encoding": "gzip" } });
      bytes += Number(answer.headers.get("content-length"));
      await answer.arrayBuffer();
    }
    t.diagnostic(`${scripts.size} scripts, ${bytes} bytes`);
    assert.ok(bytes > 50_000 && bytes <= MAX_PAGE_BYTES, `${bytes} bytes`);
    assert.deepEqual(
      [...scripts].filter((url) => /vega|three|monaco|codemirror/i.test(url)),
      [],
    );
    assert.ok([...scripts].every((url) => url.startsWith(server.url)));
  });

  test("96: with reduced motion nothing moves after opening the settings", async () => {
    const { page } = fixture;
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open(`/admin/${PROJECT}/overview`, "lang=en");
    await page.getByRole("button", { name: "Project settings" }).click();
    await page.getByRole("dialog").waitFor();
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll("*")]
          .flatMap((element) =>
            [null, "::before", "::after", "::backdrop"].map((part) => getComputedStyle(element, part)),
          )
          .filter(({ transitionDuration, animationName, animationDuration }) => {
            const longest = (text: string) =>
              Math.max(...text.split(",").map((part) => Number.parseFloat(part)));
            return (
              longest(transitionDuration) > 0.001 ||
              (animationName !== "none" && longest(animationDuration) > 0.001)
            );
          }).length,
    );
    assert.equal(moving, 0);
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
    await page.keyboard.press("Escape");
    await page.emulateMedia({ reducedMotion: "no-preference" });
  });

  test("28: 390 pixels wide: no screen scrolls sideways, panels stand in one column", async () => {
    const { page } = fixture;
    await page.setViewportSize({ width: 390, height: 844 });
    for (const screen of SCREENS) {
      await open(screen, "lang=en");
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `${screen} is ${over} px too wide`);
    }
    await open(`/admin/${PROJECT}`, "lang=en");
    await page.locator("section.panel").nth(1).waitFor();
    const lefts = await page
      .locator("section.panel")
      .evaluateAll((panels) => panels.map((panel) => Math.round(panel.getBoundingClientRect().left)));
    assert.equal(new Set(lefts).size, 1);
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByRole("grid").waitFor();
    await page.setViewportSize({ width: 1440, height: 900 });
    // A run that ends lets the server stop at once.
    await stream(fixture.server, PROJECT, "r03", { complete: true, exitcode: 0 });
    fixture.checkErrors();
  });
});
