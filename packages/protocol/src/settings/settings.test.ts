import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  appUrl,
  editSettingsFile,
  foldersOf,
  type GivenSettings,
  type Machine,
  parseSettingsFile,
  projectUrl,
  type Resolved,
  resolveSettings,
  runFolderName,
  runUrl,
  SETTING_NAMES,
  type SettingName,
  SettingsError,
  settingOf,
  settingOfKey,
  settingsFilePaths,
  sweepUrl,
} from "./index.ts";

const HOME = "/home/ann";
const HERE = "/work/here";

interface Vector {
  id: string;
  env: Record<string, string>;
  files?: Record<string, string>;
  setup?: Record<string, unknown>;
  init?: Record<string, unknown>;
  key: string;
  ours: unknown;
}

const placed = (text: string) => text.replaceAll("$H", HOME).replaceAll("$C", HERE);
const named = (given: Record<string, unknown> = {}) =>
  Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      settingOfKey(key) ?? assert.fail(`no setting ${key}`),
      value,
    ]),
  ) as GivenSettings;

function machineOf(environment: Record<string, string>, files: Record<string, string> = {}): Machine {
  const paths = Object.keys(files).map(placed);
  return {
    platform: "linux",
    home: HOME,
    workingDirectory: HERE,
    environment,
    exists: (path) => paths.some((known) => known === path || known.startsWith(`${path}/`)),
  };
}

function load({ env, files = {}, setup, init }: Partial<Vector>): { resolved: Resolved; machine: Machine } {
  const environment = Object.fromEntries(
    Object.entries(env ?? {}).map(([name, value]) => [name, placed(value)]),
  );
  const machine = machineOf(environment, files);
  const texts = new Map(Object.entries(files).map(([path, text]) => [placed(path), text]));
  const found = settingsFilePaths(machine).flatMap((path) => {
    const text = texts.get(path);
    return text === undefined ? [] : [{ path, text }];
  });
  return {
    resolved: resolveSettings({ files: found, environment, setup: named(setup), init: named(init) }),
    machine,
  };
}

/** The setting or what follows from it, by the official client's name for it. */
function read({ resolved: { settings }, machine }: ReturnType<typeof load>, key: string): unknown {
  const folders = foldersOf(settings, machine);
  const derived: Record<string, unknown> = {
    _offline: settings.mode === "offline" || settings.mode === "dryrun",
    app_url: appUrl(settings),
    project_url: projectUrl(settings),
    run_url: runUrl(settings),
    sweep_url: sweepUrl(settings),
    wandb_dir: folders.wandb,
    resume_fname: folders.resumeFile,
    settings_system: folders.globalSettingsFile,
    credentials_file: folders.credentialsFile,
    root_dir: settings.dir ?? machine.workingDirectory,
    "fork_from.value": settings.forkFrom?.value,
  };
  if (Object.hasOwn(derived, key)) return derived[key] ?? null;
  return settings[settingOfKey(key) as SettingName] ?? null;
}

const vectors = readFileSync(new URL("./vectors.test.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Vector);
for (const vector of vectors) {
  test(`vector ${vector.id}`, () => {
    if (vector.ours === "E") {
      assert.throws(() => load(vector), { name: "SettingsError" });
      // Never half loaded: the same error again.
      assert.throws(() => load(vector), SettingsError);
      return;
    }
    const expected = typeof vector.ours === "string" ? placed(vector.ours) : vector.ours;
    assert.deepEqual(read(load(vector), vector.key), expected);
  });
}

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    load({ env });
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
  }
  return [];
};
const warningsOf = (given: Partial<Vector>) => load(given).resolved.warnings;

test("an error names the variable, the value, and what is allowed; all of them at once; never a secret", () => {
  const problems = problemsOf({
    WANDB_MODE: "of",
    WANDB_SILENT: "maybe",
    WANDB_BASE_URL: "localhost:8080",
    WANDB_INIT_TIMEOUT: "-1",
    WANDB_API_KEY: " secret ",
  });
  assert.deepEqual(problems, [
    'WANDB_MODE is "of"; allowed: one of online, offline, disabled, shared, dryrun, run',
    'WANDB_SILENT is "maybe"; allowed: true or false (also 1, t, yes, y, on and 0, f, no, n, off)',
    'WANDB_BASE_URL is "localhost:8080"; allowed: an address that begins with http:// or https://; did you mean http://localhost:8080?',
    'WANDB_INIT_TIMEOUT is "-1"; allowed: a number from 0',
    "WANDB_API_KEY is a secret of 8 characters; allowed: a key that does not begin or end with a blank",
  ]);
});

test("warnings: changed ids, two names that differ, words nobody knows, lines that do not count", () => {
  assert.deepEqual(warningsOf({ env: { WANDB_RUN_ID: "a/b c" } }), [
    'WANDB_RUN_ID: the run id "a/b c" becomes "a-b-c"',
  ]);
  assert.deepEqual(warningsOf({ env: { WANDB_RUN_NAME: "b", WANDB_NAME: "a" } }), [
    "WANDB_RUN_NAME and WANDB_NAME differ; WANDB_NAME counts",
  ]);
  assert.deepEqual(warningsOf({ env: { WANDB_RUN_NAME: "a", WANDB_NAME: "a" } }), []);
  assert.deepEqual(warningsOf({ env: { WANDB_GROUP: "g" } }), [
    "WANDB_GROUP means nothing; did you mean WANDB_RUN_GROUP?",
  ]);
  assert.deepEqual(warningsOf({ env: { WANDB_RUNID: "x" } }), [
    "WANDB_RUNID means nothing; did you mean WANDB_RUN_ID?",
  ]);
  assert.deepEqual(warningsOf({ env: { WANDB_SERVICE: "x", WANDB_NONSENSE: "y", WANDB_CONFIG_0: "z" } }), []);
  const file = "[default]\nproject=l\nfoo=1\nsilent=maybe\nroot_dir=/x\n";
  assert.deepEqual(warningsOf({ env: {}, files: { "$C/wandb/settings": file } }), [
    `${HERE}/wandb/settings:3: foo is no setting; this line does not count`,
    `${HERE}/wandb/settings:4 is "maybe"; allowed: true or false (also 1, t, yes, y, on and 0, f, no, n, off)`,
    `${HERE}/wandb/settings:5: root_dir cannot be set in a file; set WANDB_DIR. This line does not count`,
  ]);
  assert.deepEqual(warningsOf({ env: {}, files: { "$C/wandb/settings": "project=l\n" } }), [
    `${HERE}/wandb/settings:1: a line before the first section; begin with [default]; the file does not count`,
  ]);
});

test("who said what is kept, the winner last", () => {
  const { resolved } = load({
    env: { WANDB_PROJECT: "e" },
    files: {
      "$H/.config/wandb/settings": "[default]\nproject=g\n",
      "$C/wandb/settings": "[default]\n\nproject=l\n",
    },
    init: { project: "i" },
  });
  assert.deepEqual(
    resolved.candidates.get("project")?.map(({ origin, value }) => [origin.name, value]),
    [
      [`${HOME}/.config/wandb/settings:2`, "g"],
      [`${HERE}/wandb/settings:3`, "l"],
      ["WANDB_PROJECT", "e"],
      ["init({ project })", "i"],
    ],
  );
  assert.deepEqual(resolved.origins.project, { kind: "init", name: "init({ project })" });
  assert.deepEqual(resolved.origins.mode, { kind: "default", name: "default" });
});

test("the nearest of resume, resume_from and fork_from counts", () => {
  const { resolved } = load({ env: { WANDB_RESUME: "allow" }, init: { fork_from: "a?_step=3" } });
  assert.equal(resolved.settings.resume, undefined);
  assert.deepEqual(resolved.settings.forkFrom, { run: "a", metric: "_step", value: 3 });
  assert.match(resolved.warnings.join(), /WANDB_RESUME does not count/);
});

test("disableCode has the last word, unless code takes it back", () => {
  const { resolved } = load({ env: { WANDB_DISABLE_CODE: "true" }, init: { save_code: true } });
  assert.equal(resolved.settings.saveCode, false);
  assert.match(resolved.warnings.join(), /init\(\{ saveCode \}\) does not count: WANDB_DISABLE_CODE/);
  const lifted = load({
    env: { WANDB_DISABLE_CODE: "true" },
    init: { save_code: true, disable_code: false },
  });
  assert.equal(lifted.resolved.settings.saveCode, true);
});

test("a key from a mounted file may end with a newline", () => {
  assert.equal(
    load({ env: { WANDB_API_KEY: `${"k".repeat(40)}\n` } }).resolved.settings.apiKey,
    "k".repeat(40),
  );
});

test("Singularity: what is left when the prefix is stripped means the same", () => {
  const outside = { SINGULARITYENV_WANDB_MODE: "offline", SINGULARITYENV_WANDB_TAGS: "a,b" };
  assert.equal(load({ env: outside }).resolved.settings.mode, "online");
  const inside = Object.fromEntries(
    Object.entries(outside).map(([name, value]) => [name.slice("SINGULARITYENV_".length), value]),
  );
  assert.deepEqual(
    load({ env: inside }).resolved.settings,
    load({ env: { WANDB_MODE: "offline", WANDB_TAGS: "a,b" } }).resolved.settings,
  );
});

test("addresses are encoded as the official client does", () => {
  const settings = {
    ...load({ env: { WANDB_BASE_URL: "http://h:1", WANDB_ENTITY: "my team", WANDB_PROJECT: "p q" } }).resolved
      .settings,
    sweepId: "s 1/x",
    runId: "a b+c=d&e$f@g~h%i(ü)!",
  };
  assert.equal(sweepUrl(settings), "http://h:1/my%20team/p%20q/sweeps/s%201/x");
  assert.equal(runUrl(settings), "http://h:1/my%20team/p%20q/runs/a%20b+c=d&e$f@g~h%25i%28%C3%BC%29%21");
});

test("folders by platform, and what moves them", () => {
  const { settings } = load({ env: {} }).resolved;
  const at = (platform: Machine["platform"], environment: Record<string, string> = {}) =>
    foldersOf(settings, {
      ...machineOf(environment),
      platform,
      home: platform === "win32" ? "C:\\Users\\ann" : HOME,
    });
  assert.equal(at("linux").cache, `${HOME}/.cache/wandb`);
  assert.equal(at("linux").data, `${HOME}/.local/share/wandb`);
  assert.equal(at("linux", { XDG_CACHE_HOME: "/c", XDG_DATA_HOME: "/d" }).cache, "/c/wandb");
  assert.equal(at("darwin").cache, `${HOME}/Library/Caches/wandb`);
  assert.equal(at("win32", { LOCALAPPDATA: "C:\\L" }).cache, "C:\\L\\wandb\\wandb\\Cache");
  assert.equal(at("linux").artifacts, `${HERE}/artifacts`);
  const moved = load({ env: { WANDB_ARTIFACT_DIR: "~/dl", WANDB_CACHE_DIR: "/c", WANDB_DATA_DIR: "d" } });
  const folders = foldersOf(moved.resolved.settings, moved.machine);
  assert.deepEqual([folders.artifacts, folders.cache, folders.data], [`${HOME}/dl`, "/c", `${HERE}/d`]);
});

test("a run's folder says when it began and who it is", () => {
  const start = { year: 2023, month: 11, day: 14, hour: 22, minute: 13, second: 20 };
  assert.equal(runFolderName({ mode: "online" }, start, "abc"), "run-20231114_221320-abc");
  assert.equal(runFolderName({ mode: "dryrun" }, start, "abc"), "offline-run-20231114_221320-abc");
});

test("a settings file is edited in place: comments and other sections stay", () => {
  const before = "# mine\n[default]\nbase_url = x\n; note\nproject = p\n  q\n\n[other]\nmode = kept\n";
  const after = editSettingsFile(before, { base_url: undefined, mode: "offline", project: "50%\nr" });
  assert.equal(
    after,
    "# mine\n[default]\n; note\nproject = 50%%\n\tr\nmode = offline\n\n[other]\nmode = kept\n\n",
  );
  assert.deepEqual(
    parseSettingsFile(after).map(({ key, value }) => [key, value]),
    [
      ["project", "50%\nr"],
      ["mode", "offline"],
    ],
  );
  assert.equal(editSettingsFile("", { base_url: "y" }), "[default]\nbase_url = y\n\n");
  assert.equal(editSettingsFile("[default]\na = 1\n", { a: undefined }), "[default]\n\n");
});

test("the table: every name once, both languages, defaults that their own rules allow", () => {
  const seen = new Map<string, string>();
  for (const name of SETTING_NAMES) {
    const setting = settingOf(name);
    for (const word of [...setting.variables, setting.key]) {
      assert.equal(seen.get(word), undefined, `${word} is of ${seen.get(word)} and ${name}`);
      seen.set(word, name);
    }
    assert.ok(setting.en.endsWith(".") || setting.en.endsWith(":"), `${name}: English`);
    assert.match(setting.ko, /[가-힣]/, `${name}: Korean`);
    if (setting.default !== undefined && setting.default !== "" && !Array.isArray(setting.default))
      assert.deepEqual(
        resolveSettings({ setup: { [name]: setting.default } }).settings[name],
        setting.default,
      );
  }
});
