import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { until } from "../conformance/sdk-runs.ts";
import {
  ageRuns,
  type Fixture,
  makeRun,
  noise,
  openFixture,
  picture,
  signIn,
  stream,
  upload,
} from "./browser.ts";

/** What a person does with the page, on a real server. The parts follow each other: one server, one browser. */
const PROJECT = "digits";
const SPIKE_STEP = 1234;

suite("the page", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await openFixture();
  });
  after(() => fixture.close());

  test("a wrong key is told, the right one signs in", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/home`);
    await page.waitForURL("**/login?returnTo=*");
    await picture(page, "login");
    await page.getByLabel("API key").fill("x".repeat(40));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "not known" }).waitFor();
    await signIn(fixture);
  });

  test("3: /authorize makes a key that works", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/authorize?ref=models`);
    await page.getByRole("button", { name: "Create the key" }).waitFor();
    // Before there is a key: none belongs into a picture.
    await picture(page, "authorize");
    await page.getByRole("button", { name: "Create the key" }).click();
    const field = page.getByLabel("API key");
    await field.waitFor();
    const key = await field.inputValue();
    assert.match(key, /^[A-Za-z0-9]{40}$/);
    const answer = await fetch(`${server.url}/api/v1/session`, {
      headers: { authorization: `Bearer ${key}` },
    });
    assert.equal(answer.status, 200);
  });

  test("an empty server waits for the first run and becomes it", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/home`);
    await page.getByText("Waiting for the first run").waitFor();
    await picture(page, "first-run");
    await makeRun(server, PROJECT, {
      name: "first",
      displayName: "first light",
      keys: { loss: (step) => 1 / (step + 1) },
      steps: 3,
      running: true,
    });
    await page.waitForURL(`**/admin/${PROJECT}/runs/first`);
    await page.getByRole("heading", { name: "first light" }).waitFor();
  });

  test("the workspace has a panel for every key, in sections", async () => {
    const { page, server } = fixture;
    for (let index = 0; index < 11; index++) {
      const shake = noise(index);
      const rate = 0.002 + index * 0.0004;
      await makeRun(server, PROJECT, {
        name: `run${index}`,
        displayName: `mlp-${64 * (index + 1)}`,
        steps: 2000,
        config: { lr: 0.001 * (index + 1), width: 64 * (index + 1), optimizer: index % 2 ? "adam" : "sgd" },
        tags: index % 3 === 0 ? ["baseline"] : [],
        exitCode: index === 4 ? 1 : 0,
        keys: {
          "train/loss": (step) =>
            2.3 * Math.exp(-step * rate) +
            0.08 +
            shake(step) * 0.06 +
            (index === 2 && step === SPIKE_STEP ? 3 : 0),
          "train/accuracy": (step) => 0.98 - 0.88 * Math.exp(-step * rate) + shake(step + 7) * 0.02,
          "held_out/loss": (step) => 2.3 * Math.exp(-step * rate * 0.9) + 0.15 + shake(step + 3) * 0.03,
          "held_out/accuracy": (step) => 0.96 - 0.86 * Math.exp(-step * rate * 0.9) + shake(step + 5) * 0.01,
          lr: (step) => 0.001 * (index + 1) * 0.5 * (1 + Math.cos((Math.PI * step) / 2000)),
          gradient_norm: (step) =>
            Math.exp(-step * (0.0012 - index * 0.00006)) * (1 + shake(step + 11) * 0.16) * 4 + 0.4,
        },
        console: [
          "\u001b[1mepoch 1\u001b[0m \u001b[32mheld-out accuracy 0.91\u001b[0m",
          JSON.stringify({
            level: "error",
            ts: "2026-08-01T10:00:00.000",
            content: "warning: learning rate is high",
          }),
          ...Array.from({ length: 3000 }, (_, line) => `step ${line} loss ${(1 / (line + 1)).toFixed(4)}`),
        ],
      });
    }
    ageRuns(server, PROJECT, 37);
    await page.goto(`${server.url}/admin/${PROJECT}`);
    for (const key of ["train/loss", "train/accuracy", "held_out/loss", "lr"])
      await page.getByRole("region", { name: key, exact: true }).waitFor();
    await page.locator("section.panel[aria-label='train/loss'] canvas").waitFor();
    await picture(page, "workspace-light", {
      pointAt: "section.panel[aria-label='held_out/accuracy'] .line-chart",
      sharp: true,
    });
    await until("the canvas of train/loss is drawn on", () => hasInk(fixture, "train/loss"));
  });

  test("a spike of one step stays in the drawn range", async () => {
    const { page } = fixture;
    const label = await page
      .locator("section.panel[aria-label='train/loss'] .line-chart")
      .getAttribute("aria-label");
    assert.match(label ?? "", /buckets/);
    const { server } = fixture;
    const answer = await server.fetch("/api/v1/series", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        entity: "admin",
        project: PROJECT,
        runs: ["run2"],
        questions: [{ keys: ["train/loss"], buckets: 100 }],
      }),
    });
    const { decodeSeries } = await import("@steelyard/protocol/series");
    const [series] = decodeSeries(await answer.arrayBuffer()).questions[0]?.series ?? [];
    assert.ok(series && Math.max(...series.max) > 3, "the spike is not in any bucket's maximum");
  });

  test("zooming asks for exact points, stays in the address, and a reload shows the same", async () => {
    const { page } = fixture;
    const chart = page.locator("section.panel[aria-label='train/loss'] .line-chart");
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/zoom\./);
    await page.waitForFunction(() =>
      document
        .querySelector("section.panel[aria-label='train/loss'] .line-chart")
        ?.getAttribute("aria-label")
        ?.includes("every point"),
    );
    const zoomed = page.url();
    await page.reload();
    await page.waitForFunction(() =>
      document
        .querySelector("section.panel[aria-label='train/loss'] .line-chart")
        ?.getAttribute("aria-label")
        ?.includes("every point"),
    );
    assert.equal(page.url(), zoomed);
    await page.locator("section.panel[aria-label='train/loss'] .line-chart").dblclick();
    await page.waitForURL((url) => !url.search.includes("zoom"));
  });

  test("hiding a run, searching panels, log axis and smoothing are in the address", async () => {
    const { page } = fixture;
    await page.getByRole("button", { name: "Hide mlp-704" }).click();
    await page.waitForURL(/hide=run10/);
    await page.getByLabel("Search panels (regular expression)").fill("held_out");
    await page.getByRole("region", { name: "train/loss", exact: true }).waitFor({ state: "detached" });
    await page.getByRole("region", { name: "held_out/loss", exact: true }).waitFor();
    await page.getByRole("button", { name: "Log y" }).click();
    await page.getByRole("slider").fill("0.6");
    await page.waitForURL(/smooth=0.6/);
    await page.reload();
    await page.getByRole("button", { name: "Show mlp-704" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Log y" }).getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByRole("region", { name: "train/loss", exact: true }).count(), 0);
  });

  test("rows that arrive while the page is open appear by themselves", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}/runs/first`);
    await page.locator("section.panel[aria-label='loss'] canvas").waitFor();
    const content = Array.from({ length: 5 }, (_, at) =>
      JSON.stringify({
        loss: 5,
        arrived: at,
        _step: 3 + at,
        _runtime: 3 + at,
        _timestamp: Date.now() / 1000,
      }),
    );
    await stream(server, PROJECT, "first", { files: { "wandb-history.jsonl": { offset: 3, content } } });
    await page.getByRole("region", { name: "arrived", exact: true }).waitFor();
  });

  test("the runs table", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}/table`);
    await page.getByRole("row").nth(3).waitFor();
    await picture(page, "runs-table-light");
  });

  test("the run page: overview, rename, notes", async () => {
    const { page, server } = fixture;
    await upload(server, PROJECT, "run2", {
      "wandb-metadata.json": JSON.stringify({
        os: "Linux-6.8.0-x86_64-with-glibc2.39",
        python: "CPython 3.12.4",
        host: "trainer-2",
        program: "/srv/digits/train.py",
        codePath: "train.py",
        executable: "/usr/bin/python3",
        args: ["--width", "192", "--learning-rate", "0.003", "--optimizer", "sgd"],
        git: {
          remote: "https://example.org/lab/digits.git",
          commit: "8f14e45fceea167a5a36dedd4bea2543c2b1a9d0",
        },
        docker: "lab/digits@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        cpu_count: 16,
        gpu: "NVIDIA H100",
        gpu_count: 2,
      }),
      "requirements.txt": ["numpy==2.1.0", "torch==2.5.1", "torchvision==0.20.1", "wandb==0.31.0"].join("\n"),
    });
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2/overview`);
    await page.getByText("2 × NVIDIA H100").waitFor();
    await page.getByRole("region", { name: "Config" }).getByText("width").waitFor();
    await page.getByRole("region", { name: "Summary" }).getByText("train/loss").waitFor();
    await picture(page, "run-overview");
    await page.getByRole("heading", { level: 1 }).getByRole("button").click();
    await page.getByLabel("Rename").fill("renamed 한글");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "renamed 한글" }).waitFor();
  });

  test("the console: colours, search, a hundred thousand lines", async () => {
    const { page, server } = fixture;
    const content = Array.from({ length: 97_000 }, (_, line) => `line ${line + 3002} of a long log`);
    await stream(server, PROJECT, "run2", { files: { "output.log": { offset: 3002, content } } });
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2/logs`);
    await page.getByText("line 100001 of a long log").waitFor();
    await page.getByLabel("Search the log").fill("learning rate is high");
    await page.getByText("1 of 1").waitFor();
    await page.getByLabel("Next").click();
    await page.locator(".log-line.error", { hasText: "learning rate" }).waitFor();
    const colour = await page
      .locator(".log-line span[style*='color']", { hasText: "held-out accuracy" })
      .first()
      .evaluate((element) => getComputedStyle(element).color);
    assert.notEqual(colour, "rgb(20, 24, 29)");
    await picture(page, "run-logs");
  });

  test("files: a tree, previews, and HTML that cannot run in our origin", async () => {
    const { page, server } = fixture;
    await upload(server, PROJECT, "run2", {
      "report/table.csv": 'name,score\n"a, b",0.5\n',
      "report/model.json": '{"layers": [64, 10]}',
      "evil.html":
        "<script>parent.document.title = 'owned'; document.body.textContent = document.domain</script>",
      "notes 한글.txt": "hello",
    });
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2/files`);
    await page.getByRole("button", { name: "report/" }).click();
    await page.getByRole("button", { name: "table.csv" }).click();
    await page.getByRole("cell", { name: "a, b" }).waitFor();
    await page.getByRole("button", { name: "model.json" }).click();
    await page.getByText('"layers"').waitFor();
    await picture(page, "run-files");
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2/files?file=evil.html`);
    await page.locator("iframe").waitFor();
    await page.waitForLoadState("networkidle");
    assert.notEqual(await page.title(), "owned");
    const { project } = await server.query<{
      project: { run: { files: { edges: { node: { directUrl: string } }[] } } };
    }>(
      `{ project(name: "${PROJECT}", entityName: "admin") { run(name: "run2") { files(names: ["evil.html"]) { edges { node { directUrl } } } } } }`,
    );
    const answer = await fetch(project.run.files.edges[0]?.node.directUrl ?? "");
    assert.match(answer.headers.get("content-security-policy") ?? "", /sandbox/);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  });

  test("charts and system metrics of one run", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2`);
    await page.locator("section.panel[aria-label='train/loss'] canvas").waitFor();
    await picture(page, "run-charts", { pointAt: "section.panel[aria-label='held_out/loss'] .line-chart" });
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2/system`);
    // Two devices, one chart.
    await page
      .getByRole("region", { name: "gpu.temp", exact: true })
      .getByText("system.gpu.1.temp")
      .waitFor();
    // Said in words and with its unit; the name is in the tooltip.
    for (const [name, title] of [
      ["cpu", "Process CPU (% of all processors)"],
      ["gpu.temp", "GPU temperature (°C)"],
    ] as const)
      await page
        .getByRole("region", { name, exact: true })
        .getByRole("heading", { name: title, exact: true })
        .waitFor();
    await picture(page, "run-system");
  });

  test("28: Korean, dark, and 390 pixels wide", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}?lang=ko`);
    await page.getByRole("link", { name: "실행 목록" }).waitFor();
    await page.locator("section.panel canvas").first().waitFor();
    await picture(page, "workspace-ko", {
      pointAt: "section.panel[aria-label='held_out/loss'] .line-chart",
    });
    await page.goto(`${server.url}/admin/${PROJECT}?theme=dark`);
    await page.locator("section.panel canvas").first().waitFor();
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      "rgb(15, 19, 22)",
    );
    await picture(page, "workspace-dark", {
      pointAt: "section.panel[aria-label='held_out/accuracy'] .line-chart",
    });
    for (const [project, runs] of [
      ["translation", ["transformer-base", "transformer-big"]],
      ["speech", ["conformer-s"]],
    ] as const) {
      for (const run of runs)
        await makeRun(server, project, { name: run, displayName: run, steps: 1, keys: { loss: () => 1 } });
      ageRuns(server, project, 95);
    }
    await page.goto(`${server.url}/home`);
    await page.getByRole("link", { name: /digits/ }).waitFor();
    await picture(page, "home-light");
    await page.setViewportSize({ width: 390, height: 800 });
    for (const path of [
      "/home",
      `/admin/${PROJECT}`,
      `/admin/${PROJECT}/table`,
      `/admin/${PROJECT}/runs/run2`,
      `/admin/${PROJECT}/runs/run2/overview`,
    ]) {
      await page.goto(server.url + path);
      await page.waitForLoadState("networkidle").catch(() => {});
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`);
    }
    await page.goto(`${server.url}/admin/${PROJECT}/runs/run2`);
    await page.locator("section.panel canvas").first().waitFor();
    await picture(page, "run-mobile");
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test("keys: g r opens the table, / the search, ? the list", async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}/admin/${PROJECT}`);
    await page.locator("section.panel canvas").first().waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.waitForURL("**/table");
    await page.getByLabel("Search runs").waitFor();
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Search runs");
    await page.keyboard.press("Escape");
    await page.locator("body").click({ position: { x: 700, y: 700 } });
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    fixture.checkErrors();
  });
});

/** Whether anything but the ground was drawn. */
async function hasInk({ page }: Fixture, key: string): Promise<boolean> {
  return page.locator(`section.panel[aria-label='${key}'] canvas`).evaluate((element) => {
    const { data } = pixelsOf(element);
    for (let at = 3; at < data.length; at += 4) if ((data[at] as number) > 0) return true;
    return false;
  });
}
