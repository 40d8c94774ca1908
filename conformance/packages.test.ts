import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { notebookRunner } from "./python.ts";

/** Not waited for in place: a connection to the server that is closed meanwhile has to be noticed. */
const execute = promisify(execFile);

/** Kernels of notebooks: pinned, so that what they lack is known. */
const TSLAB = "tslab@1.0.22";
const DENO = "deno@2.9.6";

/** A Node of the oldest line the SDK promises, 20.19 or newer, when one is in the path. */
function oldNode(): string | undefined {
  const places = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "node"));
  return places.find((node) => {
    if (!existsSync(node)) return false;
    const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(stdout) ?? [];
    return Number(major) === 20 && Number(minor) >= 19;
  });
}

/** The published packages, from their tarballs, in an empty folder: what a user's `npm install` gives. */
suite("packed packages", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-packed-"));
  // The tests' own npm variables (the repository's prefix and workspaces) must not reach the empty folder.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")),
  );
  let server: ReturnType<typeof spawn> | undefined;
  let url = "";

  before(async () => {
    const { stdout: packed } = await execute(
      process.execPath,
      [new URL("../scripts/pack.mjs", import.meta.url).pathname],
      { env },
    );
    const tarballs = packed.split("\n").filter((line) => line.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), '{"name": "empty", "private": true, "type": "module"}');
    await execute("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...tarballs], {
      cwd: folder,
      env,
    });
  });
  after(async () => {
    if (server && server.exitCode === null) {
      const ended = new Promise((resolve) => server?.once("exit", resolve));
      server.kill("SIGTERM");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test("npx steelyard server start serves the page", async () => {
    const child = spawn(
      process.execPath,
      [
        join(folder, "node_modules", ".bin", "steelyard"),
        "server",
        "start",
        "--port",
        "0",
        "--data-dir",
        "data",
      ],
      { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] },
    );
    server = child;
    url = await new Promise((resolve, reject) => {
      let printed = "";
      const read = (text: Buffer) => {
        printed += text.toString();
        const found = /WANDB_BASE_URL=["']?(http:\/\/[^\s"']+)/.exec(printed)?.[1];
        if (found) resolve(found);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("exit", (code) => reject(new Error(`ended with ${code}:\n${printed}`)));
    });
    const page = await fetch(`${url}/login`);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<script type="module"/);
  });

  async function recorded(apiKey: string, id: string): Promise<{ state: string; history: string[] }> {
    const answer = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({
        query: `query ($id: String!) { project(name: "packed") { run(name: $id) { state history(samples: 5) } } }`,
        variables: { id },
      }),
    });
    const { data } = (await answer.json()) as {
      data: { project: { run: { state: string; history: string[] } } };
    };
    return data.project.run;
  }

  const SCRIPT =
    "const run = await steelyard.init({ project: 'packed', id: RUN }); run.log({ loss: 0.5 }); run.log({ text: '한글' }); await run.finish();";
  const old = oldNode();
  for (const [line, node] of [
    ["this Node", process.execPath],
    ["Node 20", old],
  ] as const) {
    test(`the command line speaks on ${line}`, {
      skip: node ? false : "no Node 20.19 or newer of that line in the path",
    }, async () => {
      const command = async (...args: string[]) => {
        const main = join(folder, "node_modules", ".bin", "steelyard");
        const ended = await execute(node ?? "", [main, ...args], {
          cwd: folder,
          env: { ...env, WANDB_BASE_URL: url },
        });
        return ended.stdout;
      };
      assert.match(await command("--help"), /sync/);
      assert.equal(JSON.parse(await command("status", "--json")).base_url, url);
      assert.deepEqual(JSON.parse(await command("sync", "--json", "none/*/*.wandb")), []);
    });
    for (const [kind, file, code] of [
      ["an ES module", "script.mjs", `import * as steelyard from "steelyard";\n${SCRIPT}`],
      ["CommonJS", "script.cjs", `const steelyard = require("steelyard");\n(async () => { ${SCRIPT} })();`],
      ["the default export of old", "old.mjs", `import steelyard from "steelyard";\n${SCRIPT}`],
    ] as const) {
      test(`the SDK tracks a run from ${kind}, ${line}`, {
        skip: node ? false : "no Node 20.19 or newer of that line in the path",
      }, async () => {
        const id = `${file}-${line}`.replace(/\W/g, "-");
        writeFileSync(join(folder, file), code.replace("RUN", JSON.stringify(id)));
        const apiKey = readFileSync(join(folder, "data", "admin-api-key"), "utf8").trim();
        await execute(node ?? "", [file], {
          cwd: folder,
          env: { ...env, WANDB_BASE_URL: url, WANDB_API_KEY: apiKey },
        });
        const { state, history } = await recorded(apiKey, id);
        assert.equal(state, "finished");
        const [first = "{}", second = "{}"] = history;
        assert.equal(JSON.parse(first).loss, 0.5);
        assert.equal(JSON.parse(second).text, "한글");
      });
    }
  }

  // The real kernels, driven as Jupyter drives them.
  const python = notebookRunner();
  for (const [kernel, language, argv] of [
    ["tslab", "typescript", ["tslab", "kernel", "--config-path={connection_file}"]],
    ["deno", "typescript", ["deno", "jupyter", "--kernel", "--conn", "{connection_file}"]],
  ] as const) {
    test(`a notebook of ${kernel} is a run with its program, rows and output`, {
      skip: python ? false : "the runner of notebooks is not installed",
    }, async () => {
      const name = kernel === "deno" ? DENO : TSLAB;
      await execute("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", name], {
        cwd: folder,
        env,
      });
      const [command = "", ...args] = argv;
      const spec = join(folder, "jupyter", "kernels", kernel);
      mkdirSync(spec, { recursive: true });
      writeFileSync(
        join(spec, "kernel.json"),
        JSON.stringify({
          argv: [join(folder, "node_modules", ".bin", command), ...args],
          display_name: kernel,
          language,
        }),
      );
      const notebook = join(folder, `${kernel}.ipynb`);
      const apiKey = readFileSync(join(folder, "data", "admin-api-key"), "utf8").trim();
      const { stdout: shown } = await execute(
        python ?? "",
        [
          new URL("scripts/notebook.py", import.meta.url).pathname,
          kernel,
          notebook,
          'import { init } from "steelyard";',
          `const run = await init({ project: "packed", id: "${kernel}" }); run.log({ loss: 0.5 }); console.log("said in", run.dir);`,
          "await run.finish();",
        ],
        {
          cwd: folder,
          env: {
            ...env,
            JUPYTER_PATH: join(folder, "jupyter"),
            JPY_SESSION_NAME: notebook,
            WANDB_BASE_URL: url,
            WANDB_API_KEY: apiKey,
          },
        },
      );
      assert.match(shown, /View run at/);
      const { state, history } = await recorded(apiKey, kernel);
      assert.equal(state, "finished");
      assert.equal(JSON.parse(history[0] ?? "{}").loss, 0.5);
      const [, dir = ""] = /said in (.*)/.exec(shown) ?? [];
      assert.match(readFileSync(join(dir, "output.log"), "utf8"), /said in/);
      const { program, python: runtime } = JSON.parse(readFileSync(join(dir, "wandb-metadata.json"), "utf8"));
      assert.equal(program, notebook);
      assert.match(runtime, kernel === "deno" ? /^deno / : /^node /);
    });
  }
});
