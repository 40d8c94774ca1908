import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { exitOf, runWhen, startScript, until } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

const nginx = spawnSync("nginx", ["-v"]).status === 0;

/** The configuration as docs/server.md says it, before a real server. */
suite("behind nginx", { skip: nginx ? false : "nginx is not installed" }, () => {
  let server: RunningServer;
  let proxy: ChildProcess;
  let place: string;
  let url = "";
  before(async () => {
    server = await startServer();
    place = mkdtempSync(join(tmpdir(), "steelyard-nginx-"));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const documented = /```nginx\n([^`]*)```/.exec(
      readFileSync(new URL("../docs/server.md", import.meta.url), "utf8"),
    )?.[1];
    const location = (documented ?? "").replace("http://127.0.0.1:8080", server.url);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((kind) => `${kind}_temp_path ${place}/${kind};`)
      .join("\n");
    mkdirSync(join(place, "logs"));
    writeFileSync(
      join(place, "nginx.conf"),
      `worker_processes 1; daemon off; pid ${place}/pid; error_log ${place}/logs/error.log;
events { worker_connections 256; }
http { access_log ${place}/logs/access.log; ${temporary}
server { listen 127.0.0.1:${port};
${location}
} }`,
    );
    proxy = spawn("nginx", ["-p", place, "-c", join(place, "nginx.conf")], { stdio: "ignore" });
    for (;;) {
      const ready = await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (ready) break;
    }
  });
  after(async () => {
    const ended = new Promise((resolve) => proxy.once("exit", resolve));
    proxy.kill("SIGTERM");
    await ended;
    await server.stop();
    rmSync(place, { recursive: true, force: true });
  });
  const authorization = () => ({ authorization: `Bearer ${server.apiKey}` });

  test("a run is logged through it, and each change is told at once", async () => {
    const stream = await fetch(`${url}/api/v1/live?entity=admin&project=sdk`, { headers: authorization() });
    assert.equal(stream.status, 404, "there is no project yet");
    const first = startScript(server, place, "first", "await run.finish();", {
      environment: { WANDB_BASE_URL: url },
    });
    assert.equal(await exitOf(first), 0);
    const live = await fetch(`${url}/api/v1/live?entity=admin&project=sdk`, { headers: authorization() });
    const reader = live.body?.pipeThrough(new TextDecoderStream()).getReader();
    const child = startScript(
      server,
      place,
      "proxied",
      `run.log({ loss: 1 });
await new Promise((resolve) => process.once("SIGUSR2", resolve));
await run.finish();`,
      { environment: { WANDB_BASE_URL: url } },
    );
    // The run goes on until its row was told of: a proxy that holds the stream back would wait for ever.
    for (let told = ""; !/"kind":"rows".*"run":"proxied".*history/.test(told); ) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      assert.ok(!done, told);
      told += value ?? "";
    }
    child.kill("SIGUSR2");
    assert.equal(await exitOf(child), 0);
    await runWhen(
      server,
      "proxied",
      ({ state, historyLineCount }) => state === "finished" && historyLineCount === 1,
    );
    await reader?.cancel();
  });

  test("100 MB go up and come down, by links that lead through it", async () => {
    const { createRunFiles } = await ask<{ createRunFiles: { files: { uploadUrl: string }[] } }>(
      `mutation { upsertBucket(input: {modelName: "sdk", name: "files"}) { bucket { id } }
        createRunFiles(input: {entityName: "admin", projectName: "sdk", runName: "files", files: ["big.bin"]}) { files { uploadUrl } } }`,
    );
    const uploadUrl = createRunFiles.files[0]?.uploadUrl ?? "";
    assert.ok(uploadUrl.startsWith(`${url}/`), uploadUrl);
    const content = randomBytes(100_000_000);
    assert.equal((await fetch(uploadUrl, { method: "PUT", body: content })).status, 200);
    const { project } = await ask<{
      project: { run: { files: { edges: { node: { directUrl: string } }[] } } };
    }>(
      `{ project(name: "sdk", entityName: "admin") { run(name: "files") { files { edges { node { directUrl } } } } } }`,
    );
    const directUrl = project.run.files.edges[0]?.node.directUrl ?? "";
    assert.ok(directUrl.startsWith(`${url}/`), directUrl);
    assert.ok(content.equals(Buffer.from(await (await fetch(directUrl)).arrayBuffer())));
  });

  test("wrong sign-ins count by the address they come from", async () => {
    const signIn = () =>
      fetch(`${url}/api/v1/session`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-forwarded-for": "203.0.113.1" },
        body: JSON.stringify({ username: "admin", password: "wrong" }),
      });
    for (let tried = 0; tried < 10; tried++) assert.equal((await signIn()).status, 401);
    assert.equal((await signIn()).status, 429);
    // What a client writes in the header itself means nothing: nginx appends where it is.
    await until("a line in the log", () => /"address":"127\.0\.0\.1"/.test(server.log()));
  });

  async function ask<T>(query: string): Promise<T> {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { ...authorization(), "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    return ((await response.json()) as { data: T }).data;
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
