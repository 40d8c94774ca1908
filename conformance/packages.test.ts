import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";

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

  before(() => {
    const packed = execFileSync(
      process.execPath,
      [new URL("../scripts/pack.mjs", import.meta.url).pathname],
      {
        encoding: "utf8",
        env,
      },
    );
    const tarballs = packed.split("\n").filter((line) => line.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), '{"name": "empty", "private": true, "type": "module"}');
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...tarballs], {
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

  const SCRIPT =
    "const run = await steelyard.init({ project: 'packed', id: RUN }); run.log({ loss: 0.5 }); run.log({ text: '한글' }); await run.finish();";
  const old = oldNode();
  for (const [line, node] of [
    ["this Node", process.execPath],
    ["Node 20", old],
  ] as const) {
    test(`the command line speaks on ${line}`, {
      skip: node ? false : "no Node 20.19 or newer of that line in the path",
    }, () => {
      const command = (...args: string[]) =>
        execFileSync(node ?? "", [join(folder, "node_modules", ".bin", "steelyard"), ...args], {
          cwd: folder,
          env: { ...env, WANDB_BASE_URL: url },
          encoding: "utf8",
        });
      assert.match(command("--help"), /sync/);
      assert.equal(JSON.parse(command("status", "--json")).base_url, url);
      assert.deepEqual(JSON.parse(command("sync", "--json", "none/*/*.wandb")), []);
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
        execFileSync(node ?? "", [file], {
          cwd: folder,
          env: { ...env, WANDB_BASE_URL: url, WANDB_API_KEY: apiKey },
        });
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
        assert.equal(data.project.run.state, "finished");
        const [first = "{}", second = "{}"] = data.project.run.history;
        assert.equal(JSON.parse(first).loss, 0.5);
        assert.equal(JSON.parse(second).text, "한글");
      });
    }
  }
});
