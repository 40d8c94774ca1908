import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "./command.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { exitOf, readRun, rowsOf, startScript } from "./sdk-runs.ts";
import { type RunningServer, startServer } from "./server.ts";

/** An identity token in place of a key: what the client sends, keeps, and says when it gets no access. */
let server: RunningServer;
let faulty: FaultServer;
let dir: string;
let tokenFile: string;
let credentialsFile: string;
before(async () => {
  server = await startServer();
  faulty = await startFaultServer(server);
  dir = mkdtempSync(join(tmpdir(), "steelyard-identity-"));
  tokenFile = join(dir, "token.jwt");
  credentialsFile = join(dir, "kept", "credentials.json");
  writeFileSync(tokenFile, "head.body+/=.tail\n");
});
after(async () => {
  await faulty.stop();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const exchanges = () => faulty.seen.filter(({ path }) => path === "/oidc/token");
const variables = () => ({
  WANDB_BASE_URL: faulty.url,
  WANDB_API_KEY: "",
  WANDB_IDENTITY_TOKEN_FILE: tokenFile,
  WANDB_CREDENTIALS_FILE: credentialsFile,
});
async function track(id: string): Promise<{ code: number | NodeJS.Signals | null; told: string }> {
  const child = startScript(server, dir, id, "for (let x = 0; x < 3; x++) run.log({ x });", {
    init: "console: false",
    environment: variables(),
  });
  let told = "";
  child.stderr?.on("data", (part) => {
    told += part;
  });
  return { code: await exitOf(child), told };
}

test("WANDB_IDENTITY_TOKEN_FILE, WANDB_CREDENTIALS_FILE: the token is exchanged once, access is kept and renewed before it ends", async () => {
  // What a server with identity tokens would answer; it takes its own keys as bearers.
  faulty.spoil = ({ path }) =>
    path === "/oidc/token"
      ? {
          kind: "status",
          status: 200,
          body: JSON.stringify({ access_token: server.apiKey, expires_in: 3600 }),
        }
      : undefined;
  const { code, told } = await track("identity");
  assert.equal(code, 0, told);
  assert.deepEqual(
    rowsOf(await readRun(server, "identity")).map(({ x }) => x),
    [0, 1, 2],
  );
  const [exchange] = exchanges();
  assert.equal(exchanges().length, 1);
  assert.equal(exchange?.method, "POST");
  assert.equal(exchange?.headers["content-type"], "application/x-www-form-urlencoded");
  assert.equal(exchange?.headers.authorization, undefined);
  assert.equal(
    exchange?.body.toString(),
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=head.body%2B%2F%3D.tail",
  );
  const others = faulty.seen.filter(({ path }) => path === "/graphql" || path.startsWith("/files/"));
  assert.ok(others.length > 3);
  for (const { headers } of others) assert.equal(headers.authorization, `Bearer ${server.apiKey}`);

  const kept = JSON.parse(readFileSync(credentialsFile, "utf8"));
  assert.deepEqual(Object.keys(kept.credentials), [faulty.url]);
  const { access_token, expires_at } = kept.credentials[faulty.url];
  assert.equal(access_token, server.apiKey);
  const leftMs = Date.parse(`${expires_at.replace(" ", "T")}Z`) - Date.now();
  assert.ok(leftMs > 3_400_000 && leftMs <= 3_600_000, expires_at);
  assert.equal(statSync(credentialsFile).mode & 0o777, 0o600);

  // The next process has it, the command line too.
  const main = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;
  const shown = await runCommand(process.execPath, [main, "run", "show", "admin/sdk/identity"], {
    cwd: dir,
    environment: { ...variables(), HOME: dir },
  });
  assert.equal(shown.status, 0, shown.err);
  assert.equal(exchanges().length, 1);

  // Four minutes left: renewed.
  const soon = new Date(Date.now() + 240_000).toISOString().slice(0, 19).replace("T", " ");
  writeFileSync(
    credentialsFile,
    JSON.stringify({
      credentials: {
        [faulty.url]: { access_token: "old", expires_at: soon },
        "http://other": { access_token: "o" },
      },
    }),
  );
  assert.equal((await track("identity-2")).code, 0);
  assert.equal(exchanges().length, 2);
  const renewed = JSON.parse(readFileSync(credentialsFile, "utf8")).credentials;
  assert.deepEqual(
    [renewed[faulty.url].access_token, renewed["http://other"].access_token],
    [server.apiKey, "o"],
  );
});

test("WANDB_IDENTITY_TOKEN_FILE: a server without identity tokens, and a file that is not there, are told in one line", async () => {
  rmSync(credentialsFile, { force: true });
  faulty.spoil = () => undefined;
  const before = exchanges().length;
  const { code, told } = await track("identity-refused");
  assert.equal(code, 1);
  assert.match(
    told,
    /the server gives no access for the identity token of \S+token\.jwt \(400 identity tokens are not configured on this server; use an API key\); unset WANDB_IDENTITY_TOKEN_FILE to use a key/,
  );
  assert.equal(exchanges().length, before + 1);
  assert.equal(existsSync(credentialsFile), false);
  rmSync(tokenFile);
  assert.match(
    (await track("identity-absent")).told,
    /the identity token \S+token\.jwt cannot be read \(ENOENT\); check WANDB_IDENTITY_TOKEN_FILE/,
  );
});
