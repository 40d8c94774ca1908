/**
 * From start to ready, and what a waiting server costs: the second run of the script behind `npm start` on an installed
 * tree (it checks that nothing is stale, then serves), the server alone (its modules compiled before), its memory after ten idle seconds, and the
 * page's JavaScript.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { COMPILE_CACHE } from "../scripts/toolchain.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const ROUNDS = process.argv.includes("--quick") ? 2 : 5;

/** Milliseconds from spawn to the first 200 of /readyz, and the resident megabytes of the listening process after a rest. */
async function measure(
  command: string,
  args: string[],
  restMs: number,
): Promise<{ readyMs: number; residentMb: number }> {
  const dataDir = mkdtempSync(join(tmpdir(), "steelyard-bench-"));
  const began = performance.now();
  const child = spawn(command, [...args, "--port", "0", "--data-dir", dataDir], {
    cwd: ROOT,
    env: { ...process.env, ...COMPILE_CACHE },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await new Promise<string>((resolve) => {
    let printed = "";
    child.stdout.on("data", (text: Buffer) => {
      printed += text.toString();
      const found = /WANDB_BASE_URL=["']?(http:\/\/[^\s"']+)/.exec(printed)?.[1];
      if (found) resolve(found);
    });
  });
  while (!(await fetch(`${url}/readyz`).catch(() => undefined))?.ok)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const readyMs = performance.now() - began;
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const resident = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1] ?? Number.NaN);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
  rmSync(dataDir, { recursive: true, force: true });
  return { readyMs, residentMb: resident / 2 ** 20 };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const npm: number[] = [];
const alone: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  npm.push((await measure(process.execPath, [join(ROOT, "scripts/start.mjs")], 0)).readyMs);
  alone.push((await measure(process.execPath, [join(ROOT, "packages/server/src/main.ts")], 0)).readyMs);
}
const { residentMb } = await measure(process.execPath, [join(ROOT, "packages/server/src/main.ts")], 10_000);
console.log(`start script (second time) to ready ${median(npm).toFixed(0)} ms   goal < 2000`);
console.log(`server process to ready, empty     ${median(alone).toFixed(0)} ms   goal < 1000`);
console.log(`resident after 10 idle seconds     ${residentMb.toFixed(0)} MB   goal < 140`);

const assets = join(ROOT, "packages/web/assets");
const html = readFileSync(join(assets, "index.html"), "utf8");
const first = [...html.matchAll(/(?:src|href)="\/?([^"]+\.js)"/g)].map((match) => match[1] ?? "");
const gz = (name: string) => gzipSync(readFileSync(join(assets, name)), { level: 9 }).length / 1000;
const all = readdirSync(assets, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".js"));
console.log(
  `JavaScript the shell asks for      ${first.reduce((sum, name) => sum + gz(name), 0).toFixed(1)} kB gzipped`,
);
console.log(
  `JavaScript of every screen         ${all.reduce((sum, name) => sum + gz(name), 0).toFixed(1)} kB gzipped   goal < 200 before the first chart`,
);
