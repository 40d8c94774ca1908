import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { init, type LoadedSettings, type Run } from "steelyard/command-line";
import { type Api, openApi, settingsOf, viewerOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { RunClient, type RunPath } from "../run-client.ts";
import { print, printJson, styled } from "../terminal.ts";

const PROJECT = "verify";
const FILE = "test with_special-characters.txt";
const CONTENT = "test";
/** As the official client's check: what a proxy before the server must let through. */
const LARGE_BYTES = 10_000_000;
/** Column of the results. */
const WIDTH = 72;

interface Check {
  text: string;
  /** It does not make the server unusable. */
  mild?: true;
  /** Throws what is wrong. */
  ask(): Promise<void>;
}

interface Options {
  host?: string;
  json?: boolean;
}

export function verifyCommand(): Command {
  return new Command("verify")
    .description("check a server from the outside: sign-in, uploads, large requests, rows, files")
    .option("--host <url>", "address of the server")
    .option("--json", "as JSON")
    .action(verify);
}

async function verify(options: Options): Promise<void> {
  const loaded = settingsOf({ baseUrl: options.host });
  if (!options.json) print(`Default host selected: ${loaded.settings.baseUrl}`);
  const folder = mkdtempSync(join(tmpdir(), "steelyard-verify-"));
  const verification = new Verification(loaded, folder);
  const results: { check: string; result: "ok" | "warn" | "fail"; says?: string }[] = [];
  try {
    for (const { text, mild, ask } of verification.checks) {
      const says = await ask().then(
        () => undefined,
        (error: Error) => error.message,
      );
      const result = says === undefined ? "ok" : mild ? "warn" : "fail";
      results.push({ check: text, result, ...(says === undefined ? {} : { says }) });
      if (!options.json) {
        print(`${text.padEnd(WIDTH, ".")}${result === "ok" ? "✅" : "❌"}`);
        if (says) print(styled(mild ? "yellow" : "red", says, process.stdout));
      }
      // Nothing else can work then.
      if (result === "fail" && results.length === 1) break;
    }
  } finally {
    await verification.clear();
    rmSync(folder, { recursive: true, force: true });
  }
  const ok = results.every(({ result }) => result !== "fail");
  if (options.json) printJson({ host: loaded.settings.baseUrl, ok, checks: results });
  if (!ok) process.exitCode = EXIT.failed;
}

class Verification {
  readonly #loaded: LoadedSettings;
  readonly #folder: string;
  readonly #runs: RunPath[] = [];
  #api: Api | undefined;

  constructor(loaded: LoadedSettings, folder: string) {
    this.#loaded = loaded;
    this.#folder = folder;
  }

  get checks(): Check[] {
    const { baseUrl } = this.#loaded.settings;
    return [
      { text: "Checking if logged in", ask: async () => void (await viewerOf(this.#open())) },
      { text: "Checking signed URL upload", ask: () => this.#upload() },
      { text: "Checking ability to send large payloads through proxy", ask: () => this.#large() },
      {
        text: "Checking requests to base url",
        mild: true,
        ask: async () => {
          if (!baseUrl.startsWith("https:"))
            throw new Error(
              "Connections are not made over https: others on the way can read the key and the data.",
            );
        },
      },
      { text: "Checking logged metrics", ask: () => this.#rows() },
      { text: "Checking that a run is found, changed and ended", ask: () => this.#state() },
    ];
  }

  #open(): Api {
    this.#api ??= openApi(this.#loaded);
    return this.#api;
  }

  get #client(): RunClient {
    return new RunClient(this.#loaded, this.#open());
  }

  async #run(
    work: (run: Run) => void | Promise<void>,
    config: Record<string, unknown> = {},
  ): Promise<RunPath> {
    const run = await init(
      {
        project: PROJECT,
        name: "steelyard verify",
        config,
        dir: this.#folder,
        silent: true,
        console: false,
        mode: "online",
      },
      () => {},
      { settings: { baseUrl: this.#loaded.settings.baseUrl } },
    );
    const path = { entity: run.entity, project: run.project, run: run.id };
    this.#runs.push(path);
    await work(run);
    await run.finish();
    return path;
  }

  async #upload(): Promise<void> {
    const file = join(this.#folder, FILE);
    writeFileSync(file, CONTENT);
    const path = await this.#run((run) => void run.save(file, { basePath: this.#folder }));
    const found = (await this.#client.files(path)).find(({ name }) => name === FILE);
    if (!found?.url) throw new Error(`the server has no content of "${FILE}", which was uploaded`);
    const response = await this.#client.content(found.url);
    const text = await response.text();
    if (!response.ok || text !== CONTENT)
      throw new Error(`its address answers ${response.status} with ${JSON.stringify(text.slice(0, 100))}`);
  }

  async #large(): Promise<void> {
    await this.#open().graphql(
      `query Project($entity: String, $name: String!, $runName: String!, $desc: String!) {
        project(entityName: $entity, name: $name) { run(name: $runName, desc: $desc) { name summaryMetrics } } }`,
      { entity: null, name: PROJECT, runName: this.#runs.at(-1)?.run ?? "", desc: "a".repeat(LARGE_BYTES) },
    );
  }

  async #rows(): Promise<void> {
    const config = { epochs: 4, text: "a text", nested: { value: 2 }, list: [0, "one"] };
    const path = await this.#run((run) => {
      for (let step = 1; step <= 10; step++) run.log({ loss: 1 / step }, { step });
      run.log({ nested: { value: 1 } }, { step: 11 });
    }, config);
    const found = await this.#client.run(path);
    const rows: Record<string, unknown>[] = [];
    for await (const line of this.#client.rows(path)) rows.push(JSON.parse(line) as Record<string, unknown>);
    expectSame("the config", found.config, config);
    expectSame(
      "the rows",
      rows.slice(0, 10).map(({ loss }) => loss),
      Array.from({ length: 10 }, (_, at) => 1 / (at + 1)),
    );
    expectSame("the summary", found.summary.loss, 0.1);
  }

  async #state(): Promise<void> {
    const path = this.#runs.at(-1);
    if (!path) throw new Error("no run could be made");
    const { globalId } = await this.#client.run(path);
    await this.#client.setTags(globalId, ["verified"]);
    const { state, tags } = await this.#client.run(path);
    expectSame("the state", state, "finished");
    expectSame("the tags", tags, ["verified"]);
  }

  /** What was made for the checks goes. */
  async clear(): Promise<void> {
    for (const path of this.#runs) {
      try {
        await this.#client.remove((await this.#client.run(path)).globalId, false);
      } catch {
        // What is wrong with the server was told.
      }
    }
  }
}

function expectSame(what: string, found: unknown, sent: unknown): void {
  const [is, was] = [found, sent].map((value) => JSON.stringify(value));
  if (is !== was) throw new Error(`${what} is not what was sent: ${is} instead of ${was}`);
}
