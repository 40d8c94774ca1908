// What `npm test [stage …]` runs once everything is installed; on a Node that runs TypeScript. Stages: check, unit, conformance, browser.
// What cannot run here is said by name and counted as skipped, never passed over in silence.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { prepareChromium } from "./chromium.mjs";
import { buildPage, COMPILE_CACHE, ROOT, say } from "./toolchain.mjs";

const node = process.execPath;
const asked = process.argv.slice(2);
const wants = (stage) => asked.length === 0 || asked.includes(stage);
const total = { passed: 0, failed: 0, skipped: 0 };
const notRun = [];
const began = Date.now();

/** One run of Node's test runner; its counts are added up. Several may run beside one another. */
async function test(title, patterns, { concurrency, timeoutMs = 180_000, env = {} }) {
  const files = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((file) => !file.includes("node_modules"));
  if (files.length === 0) return;
  say(`\n── ${title}: ${files.length} files`);
  const started = Date.now();
  const args = [
    "--test",
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${timeoutMs}`,
    "--test-reporter=dot",
    "--test-reporter-destination=stdout",
  ];
  const summary = join(ROOT, "node_modules", `.test-summary-${title.split(" ")[0]}`);
  args.push("--test-reporter=tap", `--test-reporter-destination=${summary}`);
  const child = spawn(node, [...args, ...files], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...COMPILE_CACHE, ...env },
  });
  const [status] = await once(child, "close");
  const tap = spawnSync("tail", ["-n", "20", summary], { encoding: "utf8" }).stdout;
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  const failed = count("fail") + count("cancelled");
  total.passed += count("pass");
  total.failed += status !== 0 && failed === 0 ? 1 : failed;
  total.skipped += count("skipped") + count("todo");
  say(
    `── ${title}: ${count("pass")} passed, ${failed} failed, ${count("skipped")} skipped in ${Math.round((Date.now() - started) / 1000)} s`,
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
  await test("unit and contract", patterns, { concurrency: 3 });
}
if (wants("conformance") || wants("browser")) buildPage();
// Both wait a good part of the time, for clients and for a browser: one works while the other waits.
const beside = [];
if (installing) {
  const [clients] = await installing;
  if (clients.missing.length > 0) notRun.push(...clients.missing);
  if (spawnSync("nginx", ["-v"]).error)
    notRun.push("the proxy of docs/server.md: no nginx here; install Debian's `nginx-light` package");
  process.env.STEELYARD_TEST_VENVS = clients.folder;
  beside.push(() =>
    test("conformance", ["conformance/**/*.test.ts"], { concurrency: 3, timeoutMs: 600_000 }),
  );
}
if (wants("browser")) {
  const chromium = prepareChromium();
  if (chromium)
    beside.push(() =>
      test("browser", ["e2e/**/*.test.ts"], {
        concurrency: 2,
        timeoutMs: 300_000,
        env: { STEELYARD_TEST_CHROMIUM: chromium },
      }),
    );
  else
    notRun.push(
      "browser tests: no chromium here; install Debian's `chromium` package (as root this script does it)",
    );
}
await Promise.all(beside.map((stage) => stage()));

for (const reason of notRun) say(`NOT RUN  ${reason}`);
say(`\nin ${Math.round((Date.now() - began) / 1000)} s`);
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);
