import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { runCommand } from "./command.ts";
import { type RunningServer, startServer } from "./server.ts";

const MAIN = new URL("../packages/cli/src/main.ts", import.meta.url).pathname;

/** Nothing listens there, and fetch does not refuse the port by itself. */
const NOBODY = "http://127.0.0.1:59997";

let server: RunningServer;
let home: string;
let here: string;
before(async () => {
  server = await startServer();
});
after(() => server.stop());
beforeEach((t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-cli-"));
  home = join(folder, "home");
  here = join(folder, "here");
  for (const path of [home, here]) mkdirSync(path);
  (t as import("node:test").TestContext).after?.(() => rmSync(folder, { recursive: true, force: true }));
});

/** The command in a folder and a home of its own; `environment` is all the WANDB_ variables it has. */
const steelyard = (
  args: string[],
  {
    input,
    environment = {},
    program = MAIN,
  }: { input?: string; environment?: Record<string, string>; program?: string } = {},
) =>
  runCommand(process.execPath, [program, ...args], {
    cwd: here,
    environment: { HOME: home, WANDB_BASE_URL: server.url, ...environment },
    ...(input === undefined ? {} : { input }),
  });
const netrc = () => readFileSync(join(home, ".netrc"), "utf8");

test("login keeps a key that the server knows, and refuses every other", async () => {
  const { host } = new URL(server.url);
  const ok = await steelyard(["login", "--key-stdin"], { input: `${server.apiKey}\n` });
  assert.equal(ok.status, 0, ok.err);
  assert.match(ok.err, /No netrc file found, creating one\./);
  assert.match(ok.err, /Currently logged in as: admin \(admin\) to http/);
  assert.equal(netrc(), `machine ${host}\n  login user\n  password ${server.apiKey}\n`);
  assert.equal(ok.out, "");

  const again = await steelyard(["login"]);
  assert.match(again.err, new RegExp(`Loaded credentials for ${host} from ${home}/.netrc`));
  assert.equal(again.status, 0);

  const short = await steelyard(["login", "abc"]);
  assert.deepEqual([short.status, /API key must have 40\+ characters, has 3\./.test(short.err)], [1, true]);
  const foreign = await steelyard(["login", "x".repeat(40)]);
  assert.equal(foreign.status, 1);
  assert.match(foreign.err, /Failed to verify credentials with http.*API key is not known/);
  assert.equal(netrc(), `machine ${host}\n  login user\n  password ${server.apiKey}\n`);

  assert.match((await steelyard(["logout"])).err, /Removed the key for/);
  assert.equal(netrc(), "");
  assert.match((await steelyard(["logout"])).err, /There is no key for/);
  const nobody = await steelyard(["login"]);
  assert.deepEqual(
    [
      nobody.status,
      /No API key configured, and no terminal to ask at: `steelyard login --key-stdin < FILE`/.test(
        nobody.err,
      ),
    ],
    [1, true],
  );
});

test("login --host remembers the server, and a dead one is told", async () => {
  const environment = { WANDB_BASE_URL: "" };
  const ok = await steelyard(["login", "--host", `${server.url}/`, server.apiKey], { environment });
  assert.equal(ok.status, 0, ok.err);
  const path = join(home, ".config/wandb/settings");
  assert.equal(readFileSync(path, "utf8"), `[default]\nbase_url = ${server.url}\n\n`);
  assert.match((await steelyard(["login"], { environment })).err, /Currently logged in as: admin/);
  const dead = await steelyard(["login", "--host", NOBODY, server.apiKey], { environment });
  assert.equal(dead.status, 1);
  assert.match(dead.err, /no server answers at http:\/\/127\.0\.0\.1:59997 .*steelyard server start/);
  const cloud = await steelyard(["login", "--cloud", "--no-verify", server.apiKey], { environment });
  assert.equal(cloud.status, 0, cloud.err);
  assert.equal(readFileSync(path, "utf8"), "[default]\nbase_url = https://api.wandb.ai\n\n");
  assert.match(
    (await steelyard(["login", "--cloud", "--host", "http://x"])).err,
    /Cannot use --host and --cloud together/,
  );
});

test("init, modes and status write and show the settings of a folder", async () => {
  const local = join(here, "wandb/settings");
  const bad = await steelyard(["init", "-p", "a/b"]);
  assert.deepEqual([bad.status, /--project is "a\/b"; allowed: a project name/.test(bad.err)], [1, true]);
  assert.equal(existsSync(local), false);
  assert.equal((await steelyard(["init", "-p", "digits", "-e", "lab"])).status, 0);
  assert.equal(readFileSync(local, "utf8"), "[default]\nentity = lab\nproject = digits\n\n");
  assert.equal(readFileSync(join(here, "wandb/.gitignore"), "utf8"), "*\n!settings\n");
  assert.match((await steelyard(["offline"])).out, /W&B offline\./);
  assert.match(readFileSync(local, "utf8"), /mode = offline/);
  const status = JSON.parse(
    (await steelyard(["status", "--json"], { environment: { WANDB_API_KEY: server.apiKey } })).out,
  );
  assert.deepEqual(
    [status.entity, status.project, status.mode, status.base_url],
    ["lab", "digits", "offline", server.url],
  );
  assert.equal(status.sources.project, `${here}/wandb/settings:3`);
  assert.equal(status.sources.base_url, "WANDB_BASE_URL");
  assert.ok(!JSON.stringify(status).includes(server.apiKey), "the key is shown");
  assert.match((await steelyard(["online"])).out, /W&B online\./);
  assert.ok(!readFileSync(local, "utf8").includes("mode"));
  assert.equal((await steelyard(["init", "--reset", "-m", "disabled"])).status, 0);
  assert.equal(readFileSync(local, "utf8"), "[default]\nmode = disabled\n\n");
  const asking = await steelyard(["init"]);
  assert.deepEqual([asking.status, /no terminal to ask at/.test(asking.err)], [1, true]);
});

test("settings explain: every source, what it says, and which won", async () => {
  mkdirSync(join(here, "wandb"));
  writeFileSync(join(here, "wandb/settings"), "[default]\nproject = l\nnonsense = 1\n");
  const environment = { WANDB_PROJECT: "e", WANDB_GROUP: "g" };
  const { out, err, status } = await steelyard(["settings", "explain", "WANDB_PROJECT"], { environment });
  assert.equal(status, 0);
  assert.match(out, /^ {3}default +name of the git repository/m);
  assert.match(out, new RegExp(`^   ${here}/wandb/settings:2 +l$`, "m"));
  assert.match(out, /^→ {2}WANDB_PROJECT +e$/m);
  assert.match(err, /settings:3: nonsense is no setting/);
  assert.match(err, /WANDB_GROUP means nothing; did you mean WANDB_RUN_GROUP\?/);
  const key = await steelyard(["settings", "explain", "api_key", "--json"], {
    environment: { WANDB_API_KEY: server.apiKey },
  });
  assert.ok(!key.out.includes(server.apiKey));
  const later = await steelyard(["settings", "explain", "WANDB_AGENT_KILL_DELAY"]);
  assert.match(later.out, /no effect yet: it comes with sweeps/);
  const unknown = await steelyard(["settings", "explain", "WANDB_X"]);
  assert.deepEqual([unknown.status, unknown.out], [1, ""]);
  for (const word of ["WANDB_PROJEKT", "projekt"])
    assert.match((await steelyard(["settings", "explain", word])).err, /did you mean WANDB_PROJECT\?/);
  const bad = await steelyard(["settings", "list"], {
    environment: { WANDB_MODE: "of", WANDB_SILENT: "perhaps" },
  });
  assert.equal(bad.status, 1);
  assert.match(bad.err, /WANDB_MODE is "of"; allowed: one of online/);
  assert.match(bad.err, /WANDB_SILENT is "perhaps"/);
});

test("doctor finds what is wrong and says what to do", async () => {
  const well = await steelyard(["doctor", "--json"], { environment: { WANDB_API_KEY: server.apiKey } });
  const checks = JSON.parse(well.out) as { name: string; result: string; says: string }[];
  assert.deepEqual(
    checks.map(({ name, result }) => `${name} ${result}`),
    [
      "settings ok",
      "mode ok",
      "proxy ok",
      "folder wandb ok",
      "folder cache ok",
      "folder data ok",
      "server ok",
      "clock ok",
      "key ok",
    ],
    well.out,
  );
  assert.equal(well.status, 0);
  const ill = await steelyard(["doctor"], {
    environment: { WANDB_BASE_URL: NOBODY, WANDB_CACHE_DIR: "/dev/null/x" },
  });
  assert.equal(ill.status, 1);
  assert.match(ill.out, /fail +folder cache +\/dev\/null\/x cannot be written .*set WANDB_CACHE_DIR/);
  assert.match(
    ill.out,
    /fail +server +no server answers at http:\/\/127\.0\.0\.1:59997 \(ECONNREFUSED\); start one with/,
  );
});

test("wrong words end with 2, help with 0; called as wandb it speaks as wandb", async () => {
  assert.equal((await steelyard(["nonsense"])).status, 2);
  assert.equal((await steelyard(["login", "--nonsense"])).status, 2);
  assert.equal((await steelyard(["--help"])).status, 0);
  const alias = join(here, "wandb");
  symlinkSync(MAIN, alias);
  const version = await steelyard(["--version"], { program: alias });
  assert.match(version.out, /^wandb, version \d/);
  assert.ok(existsSync(alias));
});
