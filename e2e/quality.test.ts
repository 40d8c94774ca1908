import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { until } from "../conformance/sdk-runs.ts";
import {
  type Fixture,
  makeRun,
  makeTeam,
  openFixture,
  seriousFaults,
  signIn,
  stream,
  upload,
} from "./browser.ts";

/** What every screen has to keep: contrast and names, keyboard, languages, themes, size. */
const PROJECT = "line";
const MAX_PAGE_BYTES = 200_000;

const SCREENS = [
  "/login",
  "/signup",
  "/home",
  "/quickstart",
  "/authorize",
  "/settings",
  "/lab",
  `/admin/${PROJECT}`,
  `/admin/${PROJECT}?group=config.opt`,
  `/admin/${PROJECT}?expr=${encodeURIComponent("log(`val/loss`)")}&expr.train/loss=1+%2B`,
  "/admin/histograms",
  `/admin/${PROJECT}/table?q=r0`,
  `/admin/${PROJECT}/sql?q=${encodeURIComponent('SELECT run, _step, "val/loss" FROM history')}&view=chart`,
  `/admin/${PROJECT}/overview`,
  `/admin/${PROJECT}/runs/r00`,
  `/admin/${PROJECT}/runs/r00/overview`,
  `/admin/${PROJECT}/runs/r00/system`,
  `/admin/${PROJECT}/runs/r00/logs?find=step`,
  `/admin/${PROJECT}/runs/r00/files?file=model.json`,
  // In the trash.
  `/admin/${PROJECT}/runs/r02`,
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
    for (const name of ["h0", "h1"]) {
      await makeRun(server, "histograms", { name, displayName: name, steps: 0, keys: {}, running: true });
      const row = { grads: { _type: "histogram", values: [1, 5, 2], bins: [0, 1, 2, 3] }, _step: 0 };
      const one = { offset: 0, content: [JSON.stringify(row)] };
      await stream(server, "histograms", name, {
        files: { "wandb-history.jsonl": one, "wandb-summary.json": one },
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
    await page.locator("#root :is(h1, h2, .tabs):visible").first().waitFor();
    await page.waitForFunction(() => !document.querySelector("[aria-busy='true']"));
  }

  test("86: no screen has a serious fault of accessibility, in two languages and themes", async () => {
    const { page } = fixture;
    const faults = new Map<string, string>();
    for (const screen of SCREENS) {
      for (const language of ["en", "ko"]) {
        for (const theme of ["light", "dark"]) {
          await open(screen, `lang=${language}&theme=${theme}`);
          const found = await seriousFaults(page);
          // Told once, with the first screen that has it.
          for (const fault of found)
            if (!faults.has(fault)) faults.set(fault, `${screen} ${language} ${theme}`);
        }
      }
    }
    assert.deepEqual([...faults], []);
  });

  test("87: with the keyboard alone: filter, eye, run, log, and back; the focus is never lost", async () => {
    const { page } = fixture;
    await open(`/admin/${PROJECT}`, "lang=en");
    /** From now on: frames in which nothing had the focus, by what the page was. */
    const watch = () =>
      page.evaluate(() => {
        const seen = window as unknown as { lost: string[] };
        seen.lost = [];
        const look = () => {
          const { activeElement, body, title } = document;
          if (activeElement === null || activeElement === body) seen.lost.push(title);
          requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
    const lost = () => page.evaluate(() => (window as unknown as { lost: string[] }).lost);
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        if (!element || element === document.body) return "";
        return element.getAttribute("aria-label") || element.innerText || element.tagName;
      });
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 80; presses++) {
        await page.keyboard.press("Tab");
        if ((await focused()) === name) return;
      }
      assert.fail(`${name} was not reached`);
    };
    await page.keyboard.press("Tab");
    await watch();
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
    await tabTo("Logs");
    await page.keyboard.press("Enter");
    await page.getByText("step 29").waitFor();
    await page.evaluate(() => window.history.back());
    await page.locator("section.panel canvas").first().waitFor();
    await page.evaluate(() => window.history.back());
    await page.getByRole("button", { name: "Show r01" }).waitFor();
    assert.match(page.url(), /q=r0.*hide=r01|hide=r01.*q=r0/);
    assert.deepEqual(await lost(), []);
  });

  test("88: the page follows the system's theme, and never shows the other one first", async () => {
    const { page, server, browser } = fixture;
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.evaluate(() => localStorage.removeItem("steelyard.theme"));
    await page.emulateMedia({ colorScheme: "light" });
    await open(`/admin/${PROJECT}`);
    assert.equal(await ground(), "rgb(251, 252, 253)");
    const canvas = page.locator("section.panel[aria-label='train/loss'] canvas");
    /** Whether the chart has a pixel of that colour: the newest run's, which lies above the others. */
    const has = (colour: readonly number[]) =>
      canvas.evaluate(
        (element, wanted) => {
          const { data } = pixelsOf(element);
          for (let at = 0; at < data.length; at += 4)
            // A hairline covers most of a pixel, hardly ever all of it.
            if (
              (data[at + 3] ?? 0) > 180 &&
              wanted.every((part, channel) => Math.abs((data[at + channel] ?? 0) - part) <= 4)
            )
              return true;
          return false;
        },
        [...colour],
      );
    const colourOf = (text: string) => text.match(/\d+/g)?.map(Number) ?? [];
    const runColour = async () =>
      colourOf(
        await page.getByRole("button", { name: "Hide r00" }).evaluate((eye) => getComputedStyle(eye).color),
      );
    await canvas.waitFor();
    const light = await runColour();
    await until("the chart is drawn", () => has(light));
    await page.evaluate(() => {
      (window as unknown as { same: boolean }).same = true;
    });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForFunction(() => getComputedStyle(document.body).backgroundColor === "rgb(15, 19, 22)");
    const dark = await runColour();
    assert.notDeepEqual(dark, light);
    await until("the chart is dark", async () => (await has(dark)) && !(await has(light)));
    await page.emulateMedia({ colorScheme: "light" });
    await page.waitForFunction(
      () => getComputedStyle(document.body).backgroundColor === "rgb(251, 252, 253)",
    );
    await until("the chart is light again", async () => (await has(light)) && !(await has(dark)));
    assert.ok(
      await page.evaluate(() => (window as unknown as { same?: boolean }).same),
      "it was loaded again",
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

  test("89: every text of the page is from a table of texts, and the Korean one is Korean", async () => {
    const { page } = fixture;
    // What people logged, names, units and addresses are the same in every language; what else has letters is a text.
    const ofAll =
      /\b(r0\d|line|lab|histograms|grads|log|admin|odd|train|val|loss|adam|sgd|lr|opt|cpu|memory_percent|gpu|temp|system|config|summary|model\.json|first administrator|nobody|nothing|Steelyard|Python|TypeScript|English|Git|CUDA|JSON|JSONL|CSV|PARQUET|SQL|API|Ctrl [KM]|g [wro]|\d+s|\d+ k?B|https?:\S*)\b|\/authorize|command line \d\S*|models \d\S*/g;
    const isText = (text: string) => /[A-Za-z]{2,}/.test(text.replace(ofAll, ""));
    const unmarked = new Set<string>();
    for (const screen of SCREENS) {
      await open(screen, "lang=pseudo");
      for (const text of await texts())
        if (!/[⟦⟧]/.test(text) && isText(text)) unmarked.add(`${screen}: ${text}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `with long words ${screen} is ${over} px too wide`);
    }
    assert.deepEqual([...unmarked], []);

    const english = new Set<string>();
    for (const screen of SCREENS) {
      await open(screen, "lang=en");
      for (const text of await texts()) english.add(text);
    }
    assert.ok(english.has("Projects"), "the English words are not read");
    const left = new Set<string>();
    for (const screen of SCREENS) {
      await open(screen, "lang=ko");
      for (const text of await texts()) if (english.has(text) && isText(text)) left.add(`${screen}: ${text}`);
    }
    assert.deepEqual([...left], []);

    async function texts(): Promise<Set<string>> {
      const all = await page.evaluate(() => {
        const found: string[] = [document.title];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
          const parent = walk.currentNode.parentElement;
          if (!parent?.closest("script, style, noscript, pre, .mono, .tree .row, .facts dd, time, .log-line"))
            found.push(walk.currentNode.textContent?.trim() ?? "");
        }
        for (const element of document.querySelectorAll(
          ":is([aria-label], [title], [placeholder]):not(time)",
        ))
          for (const name of ["aria-label", "title", "placeholder"])
            found.push(element.getAttribute(name)?.trim() ?? "");
        return found;
      });
      return new Set(all.filter((text) => text !== ""));
    }
  });

  test("89, 90: half of a syllable is not searched for, and Enter ends a composition, not the form", async () => {
    const { page, context } = fixture;
    const keyboard = await context.newCDPSession(page);
    const compose = (text: string) =>
      keyboard.send("Input.imeSetComposition", {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    const asked: string[] = [];
    page.on("request", (request) => {
      const said = decodeURIComponent(request.url()) + (request.postData() ?? "");
      if (/[ㅎ하한]/.test(said)) asked.push(said);
    });
    for (const [screen, label, parameter] of [
      [`/admin/${PROJECT}/table`, "Search runs", "q"],
      [`/admin/${PROJECT}`, "Search runs", "q"],
      [`/admin/${PROJECT}`, "Search panels (regular expression)", "panels"],
      [`/admin/${PROJECT}/runs/r00/logs`, "Search the log", "find"],
    ] as const) {
      await open(screen, "lang=en");
      await page.waitForLoadState("networkidle");
      const search = page.getByLabel(label);
      await search.focus();
      asked.length = 0;
      for (const part of ["ㅎ", "하", "한"]) await compose(part);
      assert.equal(await search.inputValue(), "한");
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
      assert.equal(
        new URL(page.url()).searchParams.has(parameter),
        false,
        `${label} searched for a syllable`,
      );
      assert.deepEqual(asked, []);
      await keyboard.send("Input.insertText", { text: "한" });
      await page.waitForURL((url) => url.searchParams.get(parameter) === "한");
    }

    await open(`/admin/${PROJECT}/runs/r01`, "lang=en");
    await page.getByRole("heading", { level: 1 }).getByRole("button").click();
    const rename = page.getByLabel("Rename");
    await rename.fill("");
    await rename.evaluate((field) =>
      field.addEventListener("keydown", (event) => {
        const { key, isComposing } = event as KeyboardEvent;
        if (key === "Enter") field.dataset.composing = String(isComposing);
      }),
    );
    const nameNow = async () => {
      const { project } = await fixture.server.query<{ project: { run: { displayName: string } } }>(
        `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "r01") { displayName } } }`,
      );
      return project.run.displayName;
    };
    await compose("글");
    await page.keyboard.press("Enter");
    assert.equal(
      await rename.getAttribute("data-composing"),
      "true",
      "the composition was over before Enter",
    );
    assert.ok(await rename.isVisible());
    assert.equal(await nameNow(), "r01");
    await keyboard.send("Input.insertText", { text: "글" });
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "글" }).waitFor();
    assert.equal(await nameNow(), "글");
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
    for (const [screen, menu] of [
      [`/admin/${PROJECT}`, "Options"],
      [`/admin/${PROJECT}/table`, "Add a filter"],
      [`/admin/${PROJECT}/table`, "Columns"],
      [`/admin/${PROJECT}/runs/r00`, "More"],
    ] as const) {
      await open(screen, "lang=en");
      await page.getByRole("button", { name: menu, exact: true }).click();
      const box = await page.locator(".popover").boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= 390, `the menu ${menu} is at ${box?.x}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `with the menu ${menu} open the page is ${over} px too wide`);
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
