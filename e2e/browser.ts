import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { type RunningServer, startServer } from "../conformance/server.ts";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  // A canvas through a software GPU is ten times slower and can hang.
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What any page waits for, at most: on a machine with much else to do it takes its time. */
const PATIENCE_MS = 60_000;

declare global {
  /** In the page: what a canvas shows, from (x, y) on, in its own pixels. */
  function pixelsOf(element: Element, x?: number, y?: number, width?: number, height?: number): ImageData;
}

export interface Fixture {
  server: RunningServer;
  browser: Browser;
  /** A page of someone signed in; errors of the page fail `checkErrors`. */
  page: Page;
  context: BrowserContext;
  checkErrors(): void;
  close(): Promise<void>;
}

/** A real server with an empty data folder, or the one given, a real browser signed in as its administrator. */
export async function openFixture(
  options: { width?: number; height?: number; serverFlags?: readonly string[]; dataDir?: string } = {},
): Promise<Fixture> {
  const { serverFlags = [], dataDir } = options;
  const server = await startServer({ flags: serverFlags, ...(dataDir === undefined ? {} : { dataDir }) });
  const browser = await chromium.launch({
    executablePath: process.env.STEELYARD_TEST_CHROMIUM ?? "/usr/bin/chromium",
    args: ARGUMENTS,
  });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    context.setDefaultTimeout(PATIENCE_MS);
    // A canvas that is handed images cannot be asked for its pixels: a copy of it can.
    await context.addInitScript(() => {
      globalThis.pixelsOf = (element, x = 0, y = 0, width, height) => {
        const canvas = element as HTMLCanvasElement;
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
        if (!copy) throw new Error("no canvas to copy it to");
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(x, y, width ?? canvas.width, height ?? canvas.height);
      };
    });
    return context;
  };
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
  });
  const errors: string[] = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A refused request, or a script that the sandbox stopped, is what a test asked for, not a fault of the page.
    if (message.type() !== "error" || /Failed to load resource|Blocked script execution/.test(message.text()))
      return;
    errors.push(message.text());
  });
  return {
    server,
    browser,
    page,
    context,
    checkErrors() {
      if (errors.length > 0) throw new Error(`the page reported:\n${errors.join("\n")}`);
    },
    async close() {
      await browser.close();
      await server.stop();
    },
  };
}

/** As the administrator, or as whom the key belongs to. */
export async function signIn(
  { page, server }: Pick<Fixture, "page" | "server">,
  apiKey = server.apiKey,
): Promise<void> {
  await page.goto(`${server.url}/login`);
  await page.getByLabel("API key").fill(apiKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/home");
}

/** A new user; answers their key. */
export async function makeUser(server: RunningServer, username: string): Promise<string> {
  const response = await server.fetch("/api/v1/admin/users", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username }),
  });
  return ((await response.json()) as { apiKey: string }).apiKey;
}

export async function makeTeam(
  server: RunningServer,
  name: string,
  members: { username: string; role: string }[],
): Promise<void> {
  const response = await server.fetch("/api/v1/admin/teams", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, members }),
  });
  if (!response.ok) throw new Error(await response.text());
}

export interface MadeRun {
  name: string;
  displayName: string;
  keys: Record<string, (step: number) => number>;
  steps: number;
  config?: Record<string, unknown>;
  tags?: string[];
  console?: string[];
  /** Whose project; the administrator's unless said otherwise. */
  entity?: string;
  /** Leave it running. */
  running?: boolean;
  exitCode?: number;
}

/** A run through the same doors as a client's. */
export async function makeRun(server: RunningServer, project: string, run: MadeRun): Promise<void> {
  const config = Object.fromEntries(Object.entries(run.config ?? {}).map(([key, value]) => [key, { value }]));
  await server.query(
    `mutation M($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }`,
    {
      input: {
        name: run.name,
        displayName: run.displayName,
        modelName: project,
        entityName: run.entity ?? "admin",
        config: JSON.stringify(config),
        tags: run.tags,
      },
    },
  );
  const startS = Date.now() / 1000 - run.steps;
  const lines: string[] = [];
  const last: Record<string, number> = {};
  for (let step = 0; step < run.steps; step++) {
    const row: Record<string, number> = {};
    for (const [key, value] of Object.entries(run.keys)) row[key] = value(step);
    Object.assign(last, row);
    lines.push(JSON.stringify({ ...row, _step: step, _runtime: step, _timestamp: startS + step }));
  }
  const body = {
    files: {
      "wandb-history.jsonl": { offset: 0, content: lines },
      "wandb-events.jsonl": {
        offset: 0,
        content: Array.from({ length: 40 }, (_, at) =>
          JSON.stringify({
            _wandb: true,
            _timestamp: startS + at * 15,
            _runtime: at * 15,
            "system.cpu": 40 + 20 * Math.sin(at / 4),
            "system.memory_percent": 30 + at / 2,
            "system.gpu.0.temp": 60 + 5 * Math.sin(at / 6),
            "system.gpu.1.temp": 63 + 5 * Math.cos(at / 6),
          }),
        ),
      },
      "wandb-summary.json": { offset: 0, content: [JSON.stringify({ ...last, _step: run.steps - 1 })] },
      ...(run.console ? { "output.log": { offset: 0, content: run.console } } : {}),
    },
    ...(run.running ? {} : { complete: true, exitcode: run.exitCode ?? 0 }),
  };
  await stream(server, project, run.name, body, run.entity);
}

export async function stream(
  server: RunningServer,
  project: string,
  run: string,
  body: unknown,
  entity = "admin",
): Promise<unknown> {
  const response = await server.fetch(`/files/${entity}/${encodeURIComponent(project)}/${run}/file_stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

/** Upload as the client does: reserve, PUT. */
export async function upload(
  server: RunningServer,
  project: string,
  run: string,
  files: Record<string, string>,
): Promise<void> {
  const { createRunFiles } = await server.query<{
    createRunFiles: { files: { name: string; uploadUrl: string }[] };
  }>(
    `mutation U($project: String!, $run: String!, $files: [String!]!) {
      createRunFiles(input: {entityName: "admin", projectName: $project, runName: $run, files: $files}) { files { name uploadUrl } }
    }`,
    { project, run, files: Object.keys(files) },
  );
  for (const { name, uploadUrl } of createRunFiles.files) {
    const response = await fetch(uploadUrl, { method: "PUT", body: files[name] ?? "" });
    if (!response.ok) throw new Error(`PUT ${name}: ${response.status}`);
  }
}

/** Faults of accessibility that axe finds on the page as it stands and calls serious or critical. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
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
}

/** The median, the upper one of two. */
export function middleOf(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** Noise that is the same in every run of the tests. */
export function noise(seed: number): (step: number) => number {
  return (step) => {
    const value = Math.sin(step * 12.9898 + seed * 78.233) * 43_758.5453;
    return value - Math.floor(value) - 0.5;
  };
}

/**
 * The pictures of docs/images, when they are asked for: STEELYARD_WRITE_IMAGES=1. `pointAt`: the middle of it is pointed
 * at. A `sharp` one has two pixels for each of the page's.
 */
export async function picture(
  page: Page,
  name: string,
  { pointAt, sharp = false }: { pointAt?: string; sharp?: boolean } = {},
): Promise<void> {
  if (process.env.STEELYARD_WRITE_IMAGES !== "1") return;
  const folder = new URL("../docs/images/", import.meta.url).pathname;
  mkdirSync(folder, { recursive: true });
  const context =
    sharp &&
    (await page
      .context()
      .browser()
      ?.newContext({
        deviceScaleFactor: 2,
        viewport: { width: 1440, height: 1010 },
        storageState: await page.context().storageState(),
      }));
  const shown = context ? await context.newPage() : page;
  if (context) {
    await shown.goto(page.url());
    await shown.waitForLoadState("networkidle").catch(() => {});
  }
  const box = pointAt ? await shown.locator(pointAt).first().boundingBox() : null;
  await shown.mouse.move(box ? box.x + box.width / 2 : 0, box ? box.y + box.height / 2 : 0);
  await shown.waitForTimeout(600);
  await shown.screenshot({ path: join(folder, `${name}.png`) });
  await shown.mouse.move(0, 0);
  if (context) await context.close();
}

/** Runs were made at once; as if each had taken its time, one after the other, the last one just now. */
export function ageRuns(server: RunningServer, project: string, minutes: number): void {
  const catalog = new DatabaseSync(join(server.dataDir, "catalog.sqlite"));
  try {
    catalog.exec("PRAGMA busy_timeout = 5000");
    const runs = catalog
      .prepare(
        "SELECT runs.id AS id, state FROM runs JOIN projects ON projects.id = project_id WHERE projects.name = ? ORDER BY runs.id DESC",
      )
      .all(project);
    const change = catalog.prepare("UPDATE runs SET created_at = ?, heartbeat_at = ? WHERE id = ?");
    let endMs = Date.now() - 4 * 60_000;
    for (const [at, { id, state }] of runs.entries()) {
      const startMs = endMs - (minutes + ((at * 7) % 5)) * 60_000;
      change.run(startMs, state === "running" ? Date.now() : endMs, Number(id));
      endMs = startMs - 9 * 60_000;
    }
  } finally {
    catalog.close();
  }
}
