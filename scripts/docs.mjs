// `node scripts/docs.mjs`: the generated documents and parts of docs/, from the tables they describe. A test fails when
// they are stale.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PICTURES, performanceDocument, pictures } from "../bench/report/document.ts";
import { allowedValues, SETTING_NAMES, settingOf } from "../packages/protocol/src/settings/index.ts";
import { OPTIONS } from "../packages/server/src/config.ts";
import { table, withGenerated } from "./generated.mjs";
import { sdkReference } from "./sdk-reference.mjs";
import { ROOT } from "./toolchain.mjs";

/** Every document with what it should say: `{path, before, text}`. */
export function documents() {
  return [
    serverDocument(),
    variablesDocument("en"),
    variablesDocument("ko"),
    sdkDocument(),
    ...performanceDocuments(),
  ];
}

/** docs/performance.md and its pictures, from what the benchmarks kept. */
function performanceDocuments() {
  const results = globSync("bench/results/*.json", { cwd: ROOT })
    .sort()
    .map((file) => JSON.parse(readFileSync(join(ROOT, file), "utf8")));
  const made = (path, text) => {
    const before = existsSync(path) ? readFileSync(path, "utf8") : "";
    return { path, before, text: text(before) };
  };
  return [
    made(join(ROOT, "docs", "performance.md"), (before) => performanceDocument(before, results)),
    ...[...pictures(results)].map(([file, svg]) => made(join(ROOT, "docs", PICTURES, file), () => svg)),
  ];
}

function serverDocument() {
  const code = (text) => (text ? `\`${text}\`` : "–");
  const rows = Object.values(OPTIONS).map(({ variable, flag, default: value, text }) => [
    code(variable),
    code(flag),
    code(value),
    text,
  ]);
  return made("server.md", { settings: table(["variable", "flag", "default", ""], rows) });
}

function sdkDocument() {
  return made("sdk.md", { reference: sdkReference((setting) => defaultOf(setting, "en") ?? WORDS.en.none) });
}

const WORDS = {
  en: {
    head: ["variable", "values", "default", "effect", "held by"],
    settings: "code",
    none: "–",
    later: {
      sweeps: "no effect yet; comes with sweeps",
      tables: "no effect yet; comes with tables",
      media: "no effect yet; comes with media",
      registries: "no effect yet; comes with registries",
    },
  },
  ko: {
    head: ["변수", "값", "기본값", "효과", "검증하는 테스트"],
    settings: "코드",
    none: "–",
    later: {
      sweeps: "아직 효과 없음; 스윕과 함께 제공",
      tables: "아직 효과 없음; 테이블과 함께 제공",
      media: "아직 효과 없음; 미디어와 함께 제공",
      registries: "아직 효과 없음; 레지스트리와 함께 제공",
    },
  },
};

function variablesDocument(language) {
  const words = WORDS[language];
  const tests = testsByVariable();
  const row = (name) => {
    const setting = settingOf(name);
    const [variable, ...others] = setting.variables;
    return [
      [`\`${variable}\``, ...others.map((other) => `\`${other}\``)].join("<br>"),
      allowedValues(setting),
      defaultOf(setting, language) ?? words.none,
      `${setting[language]}<br>${words.settings}: \`${name}\``,
      (tests.get(variable) ?? []).join("<br>") || (words.later[setting.later] ?? words.none),
    ];
  };
  const page = SETTING_NAMES.filter((name) => settingOf(name).page);
  const more = SETTING_NAMES.filter((name) => !page.includes(name));
  return made(language === "en" ? "environment-variables.md" : "environment-variables.ko.md", {
    page: table(words.head, page.map(row)),
    more: table(words.head, more.map(row)),
  });
}

function defaultOf(setting, language) {
  if (setting.otherwise) return setting.otherwise[language];
  if (setting.default === undefined || setting.default === "" || setting.default.length === 0)
    return undefined;
  return `\`${setting.default}\``;
}

/** Variable → where tests are that have it in the beginning of their name: `test("WANDB_TAGS: …`. */
function testsByVariable() {
  const tests = new Map();
  for (const file of globSync(
    ["conformance/**/*.test.ts", "packages/*/src/**/*.test.ts", "e2e/**/*.test.ts"],
    {
      cwd: ROOT,
    },
  ).sort()) {
    const text = readFileSync(join(ROOT, file), "utf8");
    for (const [, name] of text.matchAll(
      /\btest\(\s*["'`]((?:WANDB|STEELYARD)_[A-Z_]+(?:, (?:WANDB|STEELYARD)_[A-Z_]+)*)[: ]/g,
    )) {
      for (const variable of name.split(", ")) {
        const link = `[${file.split("/").at(-1)}](../${file})`;
        const known = tests.get(variable) ?? [];
        if (!known.includes(link)) tests.set(variable, [...known, link]);
      }
    }
  }
  return tests;
}

/** The document with its generated parts made anew. */
function made(file, parts) {
  const path = join(ROOT, "docs", file);
  const before = readFileSync(path, "utf8");
  const text = Object.entries(parts).reduce(
    (so, [name, part]) => withGenerated(so, name, () => part),
    before,
  );
  return { path, before, text };
}

if (process.argv[1] === import.meta.filename) {
  for (const { path, text } of documents()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
