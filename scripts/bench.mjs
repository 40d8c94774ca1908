// `npm run bench [-- options] [name …]`: the files of bench/, one after the other, nothing else running. What each found is
// kept in bench/results/ with its date and machine, and docs/performance.md is made of that.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { prepareChromium } from "./chromium.mjs";
import { buildPage, installDependencies, newNode, ROOT, run, say } from "./toolchain.mjs";

const USAGE = `npm run bench [-- options] [name …]
  --list        name the benchmarks and end
  --only NAME   only that one, or those that begin so: "peers" is all of other trackers; may be given again
  --quick       small sizes, all of them in a few minutes; a quick figure never replaces a whole one
  --json FILE   write what was measured to FILE too`;
const BENCH = join(ROOT, "bench");
const RESULTS = join(BENCH, "results");
const { list, quick, json, names } = readArguments();
const benchmarks = readdirSync(BENCH)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => basename(file, ".ts"))
  .sort();
const named = (name) => benchmarks.filter((one) => one === name || one.startsWith(`${name}-`));
const unknown = names.filter((name) => named(name).length === 0);
if (unknown.length > 0)
  end(`no benchmark is called ${unknown.join(", ")}; they are: ${benchmarks.join(", ")}`);
if (list) {
  for (const name of benchmarks) say(`${name.padEnd(25)} ${firstSentence(name)}`);
  process.exit(0);
}

installDependencies();
buildPage();
const chromium = prepareChromium();
if (chromium) process.env.STEELYARD_TEST_CHROMIUM = chromium;
const measured = [];
const failed = [];

for (const name of names.length > 0 ? new Set(names.flatMap(named)) : benchmarks) {
  say(`── ${name}`);
  const result = measure(name);
  if (!result) failed.push(name);
  else {
    measured.push(result);
    keep(result);
  }
}
if (json) writeFileSync(json, `${JSON.stringify(measured, null, 1)}\n`);
run(newNode(), [join(ROOT, "scripts", "docs.mjs")]);
if (failed.length > 0) end(`failed: ${failed.join(", ")}`);

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        list: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        quick: { type: "boolean", default: false },
        json: { type: "string" },
      },
    });
    return { ...values, names: [...new Set([...values.only, ...positionals])] };
  } catch (error) {
    return end(`${error.message}\n${USAGE}`);
  }
}

/** Run it; undefined when it failed. Its report is what it wrote to STEELYARD_BENCH_REPORT, else what it printed. */
function measure(name) {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-bench-report-"));
  const written = join(folder, "report.json");
  const began = Date.now();
  const load = loadavg()[0];
  const { status, stdout } = spawnSync(
    newNode(),
    ["--expose-gc", join(BENCH, `${name}.ts`), ...(quick ? ["--quick"] : [])],
    {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, STEELYARD_BENCH_REPORT: written },
    },
  );
  say(stdout.trimEnd());
  const parts = existsSync(written)
    ? JSON.parse(readFileSync(written, "utf8")).parts
    : [{ kind: "printed", text: stdout.trimEnd() }];
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) return undefined;
  return {
    name,
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    load: Number(load.toFixed(1)),
    node: spawnSync(newNode(), ["--version"], { encoding: "utf8" }).stdout.trim(),
    command: `npm run bench -- ${name}${quick ? " --quick" : ""}`,
    quick,
    seconds: Math.round((Date.now() - began) / 1000),
    parts,
  };
}

/** A quick figure is for trying things; a whole one that is there stays. */
function keep(result) {
  const path = join(RESULTS, `${result.name}.json`);
  if (quick && existsSync(path) && JSON.parse(readFileSync(path, "utf8")).quick === false)
    return say(`   (quick: docs/performance.md keeps the whole figures of ${result.name})`);
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
}

/** Of the comment that a benchmark's file begins with. */
function firstSentence(name) {
  const text = readFileSync(join(BENCH, `${name}.ts`), "utf8");
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1].replaceAll(/\n \*/g, "").trim() ?? "";
  return /^.*?[.:](?=\s|$)/.exec(comment)?.[0] ?? comment;
}

function end(text) {
  say(text);
  process.exit(1);
}
