// What `npm test [stage …]` runs once everything is installed; on a Node that runs TypeScript. Stages: check, unit, conformance, browser.
// What cannot run here is said by name and counted as skipped, never passed over in silence.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";
import { Worker } from "node:worker_threads";
import { prepareChromium } from "./chromium.mjs";
import { buildPage, COMPILE_CACHE, ROOT, say } from "./toolchain.mjs";

const node = process.execPath;
const asked = process.argv.slice(2);
const wants = (stage) => asked.length === 0 || asked.includes(stage);
const total = { passed: 0, failed: 0, skipped: 0 };
const notRun = [];
const began = Date.now();
Object.assign(process.env, COMPILE_CACHE);

/** What takes longest, begun first: a file that takes minutes must not be alone at the end. */
const LONGEST = [
  "conformance/clients",
  "conformance/packages",
  "e2e/quality",
  "conformance/lives",
  "e2e/many-runs",
  "conformance/integrations",
  "e2e/workspace",
  "conformance/faults",
  "conformance/sdk-process",
  "conformance/kill",
  "e2e/charts",
  "conformance/sdk.test",
  "conformance/terminal",
  "conformance/variables.test",
  "conformance/sdk-code",
  "e2e/run.test",
  "e2e/page",
  "conformance/outage",
  "conformance/transport",
  "e2e/table",
  "cli/src/commands/import",
  "cli/src/commands/run.test",
  "server/src/sql",
  "query/run-list",
  "segments/store",
  "commands/restore",
  "runs/graphql",
  "commands/admin",
  "cli/src/alias",
];
/** Against what hangs for ever; how long a test takes says nothing on a machine with much else to do. */
const TIMEOUT_MS = 20 * 60_000;

/** One run of Node's test runner; its counts are added up. */
async function test(title, patterns, concurrency) {
  const rank = (file) => (LONGEST.findIndex((part) => file.includes(part)) + 1 || LONGEST.length + 1) - 1;
  const files = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((file) => !file.includes("node_modules"))
    .sort((one, other) => rank(one) - rank(other));
  if (files.length === 0) return;
  say(`\n── ${title}: ${files.length} files`);
  const started = Date.now();
  const running = run({ files: files.map((file) => join(ROOT, file)), concurrency, timeout: TIMEOUT_MS });
  let all = { success: false, counts: {} };
  running.on("test:summary", (summary) => {
    if (summary.file === undefined) all = summary;
  });
  // Told as each file ends; what failed is told in the order of the files, so that of those begun first comes late.
  running.on("test:complete", ({ name, file, details }) => {
    if (name === file) say(`   ${Math.round(details.duration_ms / 1000)} s  ${relative(ROOT, name)}`);
  });
  running.on("test:fail", ({ name, file = "", details }) => {
    const { error } = details;
    if (error.failureType === "subtestsFailed") return;
    say(`✖ ${relative(ROOT, file)}: ${name}\n${inspect(error.cause ?? error)}\n`);
  });
  running.resume();
  await once(running, "end");
  const { passed = 0, failed = 0, cancelled = 0, skipped = 0, todo = 0 } = all.counts;
  const bad = failed + cancelled;
  total.passed += passed;
  total.failed += !all.success && bad === 0 ? 1 : bad;
  total.skipped += skipped + todo;
  say(
    `── ${title}: ${passed} passed, ${bad} failed, ${skipped} skipped in ${Math.round((Date.now() - started) / 1000)} s`,
  );
}

/** A tool that passes or fails as a whole. */
function check(title, command, args) {
  say(`── ${title}`);
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit" });
  total[status === 0 ? "passed" : "failed"]++;
}

// Downloads and disks are waited for most of the time: the first stages go on meanwhile.
const installing =
  wants("conformance") &&
  once(new Worker(new URL("./python-clients-thread.mjs", import.meta.url)), "message");
const tool = (...path) => join(ROOT, "node_modules", ...path);
if (wants("check")) {
  check("types", node, [tool("typescript", "bin", "tsc"), "-p", "."]);
  check("types of the page", node, [tool("typescript", "bin", "tsc"), "-p", "packages/web"]);
  check("lint, format, who may import whom", tool(".bin", "biome"), ["check", "."]);
}
if (wants("unit")) {
  const patterns = ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"];
  await test("unit and contract", patterns, 3);
}
if (wants("conformance") || wants("browser")) buildPage();
// Both wait a good part of the time, for clients and for a browser: of one queue, one works while the other waits.
const beside = [];
let concurrency = 0;
if (installing) {
  const [clients] = await installing;
  if (clients.missing.length > 0) notRun.push(...clients.missing);
  if (spawnSync("nginx", ["-v"]).error)
    notRun.push("the proxy of docs/server.md: no nginx here; install Debian's `nginx-light` package");
  process.env.STEELYARD_TEST_VENVS = clients.folder;
  beside.push("conformance");
  concurrency += 3;
}
if (wants("browser")) {
  const chromium = prepareChromium();
  if (chromium) {
    process.env.STEELYARD_TEST_CHROMIUM = chromium;
    beside.push("e2e");
    concurrency += 2;
  } else
    notRun.push(
      "browser tests: no chromium here; install Debian's `chromium` package (as root this script does it)",
    );
}
const names = { conformance: "conformance", e2e: "browser" };
await test(
  beside.map((folder) => names[folder]).join(" and "),
  beside.map((folder) => `${folder}/**/*.test.ts`),
  concurrency,
);

for (const reason of notRun) say(`NOT RUN  ${reason}`);
say(`\nin ${Math.round((Date.now() - began) / 1000)} s`);
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);
