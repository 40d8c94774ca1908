import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Command } from "commander";
import { runCommand } from "../../../conformance/command.ts";
import { makeRun } from "../../server/src/http/doors.test-part.ts";
import { steelyardProgram } from "./program.ts";
import { openWorld, type World } from "./world.test-part.ts";

/** What scripts written for the official client say, and what they may rely on. */
let world: World;
let wandb: string;
before(async () => {
  world = await openWorld();
  await makeRun(world.doors, world.doors.admin, { project: "p", name: "r" });
  wandb = join(world.here, "../wandb");
  symlinkSync(new URL("./main.ts", import.meta.url).pathname, wandb);
});
after(() => world.close());

/** Verbs and options of `wandb` 0.31; `=`: takes a value. Commands that pass on whatever comes are not in it. */
const OFFICIAL: Record<string, string> = {
  login: "--cloud --host= --base-url= --relogin --anonymously --verify --no-verify",
  init: "--project= -p= --entity= -e= --reset --mode= -m=",
  online: "",
  offline: "",
  on: "",
  off: "",
  enabled: "--service",
  disabled: "--service",
  status: "--settings --no-settings",
  projects: "--entity= -e=",
  pull: "--project= -p= --entity= -e=",
  restore: "--no-git --branch --no-branch --project= -p= --entity= -e=",
  verify: "--host=",
  "purge-cache": "--age= --force",
  clean: "--min-hours= --include-unsynced --force",
  sync: `--verbose -v --yes --id= --project= -p= --entity= -e= --job-type= --include-online --no-include-online --skip-online
    --no-skip-online --include-synced --no-include-synced --skip-synced --no-skip-synced --replace-tags= --dry-run -n=
    --sync-tensorboard --include-globs= --exclude-globs= --include-offline --no-include-offline --clean --clean-old-hours=
    --clean-force --mark-synced --no-mark-synced --sync-all --skip-console --legacy`,
  "beta sync": `--live -e= --entity= -p= --project= --id= --job-type= --replace-tags= --skip-synced --no-skip-synced --skip-online
    --no-skip-online --dry-run --yes -v --verbose -n=`,
  "artifact put": `--name= -n= --description= -d= --type= -t= --alias= -a= --id= --resume --skip_cache --policy=`,
  "artifact get": "--root= --type=",
  "artifact ls": "--type= -t=",
  "artifact cache cleanup": "--remove-temp --no-remove-temp",
  docker:
    "--nvidia --no-nvidia --digest --jupyter --no-jupyter --dir= --no-dir --shell= --port= --cmd= --no-tty",
};

const commandAt = (path: string) =>
  path
    .split(" ")
    .reduce<Command | undefined>(
      (at, word) => at?.commands.find((command) => [command.name(), ...command.aliases()].includes(word)),
      steelyardProgram(),
    );

for (const [path, options] of Object.entries(OFFICIAL))
  test(`wandb ${path} takes what the official client's does`, () => {
    const command = commandAt(path);
    assert.ok(command, "there is no such command");
    const missing = options
      .split(/\s+/)
      .filter((flag) => flag !== "")
      .filter((flag) => {
        const word = flag.replace("=", "");
        const option = command.options.find(({ long, short }) => long === word || short === word);
        return option === undefined || (option.required || option.optional) !== flag.endsWith("=");
      });
    assert.deepEqual(missing, []);
  });

/** Words, exit status, standard output, standard error. */
const SAID: [words: string, status: number, out: RegExp, err: RegExp][] = [
  ["--version", 0, /^wandb, version \d+\.\d+\.\d+\n$/, /^$/],
  ["", 0, /^Usage: wandb /, /^$/],
  ["nonsense", 2, /^$/, /unknown command 'nonsense'/],
  ["status --nonsense", 2, /^$/, /unknown option '--nonsense'/],
  ["status", 0, /^Current Settings\n\{\n {2}"_extra_http_headers"/, /^$/],
  ["status --no-settings", 0, /^$/, /^$/],
  ["status --show-origin", 0, /^WANDB_BASE_URL +http\S+ +WANDB_BASE_URL$/m, /^$/],
  ["offline", 0, /^W&B offline\. .*`wandb disabled`/, /^wandb: Updated settings file .*\/wandb\/settings\n$/],
  ["off", 0, /^W&B offline\./, /^$/],
  ["disabled --service", 0, /^W&B disabled\.\n$/, /Updated settings file/],
  ["enabled", 0, /^W&B enabled\.\n$/, /Updated settings file/],
  ["on", 0, /^W&B online\./, /Updated settings file/],
  ["projects", 0, /^Latest projects for "admin"\np\n$/, /^$/],
  ["pull -p p r", 1, /^Downloading: p\/r\n$/, /ERROR Run has no files\n$/],
  ["restore -p p r --no-git", 0, /^$/, /Restored config variables to .*wandb\/config\.yaml\n$/],
  [
    "login --no-verify",
    0,
    /^$/,
    /Loaded credentials for \S+ from WANDB_API_KEY\.\n.*Use `wandb login --relogin`/,
  ],
  ["login --cloud --host http://x", 1, /^$/, /ERROR Cannot use --host and --cloud together\.\n$/],
  ["sync --yes", 0, /^$/, /No runs to sync\.\n$/],
  ["beta sync --yes", 0, /^$/, /No runs to sync\.\n$/],
  ["purge-cache --force", 0, /^$/, /Deleted 0 file\(s\)/],
  ["artifact put none -n p/n", 1, /^$/, /^wandb: ERROR Path argument must be a file or directory/],
  ["artifact ls p", 0, /^$/, /No artifacts found in admin\/p\n$/],
  ["artifact cache cleanup 10GB --no-remove-temp", 0, /^$/, /^wandb: Reclaimed 0\.0B of space\n$/],
  ["launch -q queue -j job", 1, /^$/, /^wandb: ERROR launch is a part of W&B Launch/],
  ["job list -p p", 1, /^$/, /^wandb: ERROR job is a part of W&B Launch/],
  ["beta core start", 1, /^$/, /^wandb: ERROR core is not there: wandb needs no service/],
  ["leet .", 1, /^$/, /^wandb: ERROR leet is not there/],
  ["local --help", 0, /--data-dir/, /^wandb: local is `wandb server start` now\n$/],
];

test("called as wandb it ends, and speaks, as scripts expect it", async () => {
  const cwd = world.here;
  for (const [words, status, out, err] of SAID) {
    const ended = await runCommand(process.execPath, [wandb, ...words.split(" ").filter(Boolean)], {
      cwd,
      environment: {
        HOME: join(cwd, "../home"),
        WANDB_BASE_URL: world.url,
        WANDB_API_KEY: world.doors.admin,
      },
    });
    const all = `wandb ${words}: ${ended.status}\n${ended.out}\n---\n${ended.err}`;
    assert.equal(ended.status, status, all);
    assert.match(ended.out, out, all);
    assert.match(ended.err, err, all);
  }
});

test("WANDB_DEBUG: an error tells where it was thrown", async () => {
  const usual = await world.steelyard(["run", "show", "p/none"]);
  const more = await world.steelyard(["run", "show", "p/none"], { environment: { WANDB_DEBUG: "true" } });
  assert.doesNotMatch(usual.err, /\n +at /);
  assert.match(more.err, /there is no run admin\/p\/none.*\n +at /);
  assert.equal(more.status, 1);
});
