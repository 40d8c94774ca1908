// `npm run example [-- --once]`: train a small network in TypeScript and watch it live. Uses the server that
// WANDB_BASE_URL names, else the one on the usual port, else starts one; a server it started goes on serving until
// Ctrl+C, so that there is something to look at (`--once` ends it with the training).
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildPage, installDependencies, newNode, ROOT, say } from "./toolchain.mjs";

installDependencies();
const once = process.argv.includes("--once");
const port = process.env.STEELYARD_PORT ?? "8080";
const dataDir = process.env.STEELYARD_DATA_DIR ?? join(ROOT, "data");
const env = { ...process.env };

let server;
if (!env.WANDB_BASE_URL) {
  env.WANDB_BASE_URL = `http://127.0.0.1:${port}`;
  if (!(await answers(env.WANDB_BASE_URL))) server = await startServer();
  const keyFile = join(dataDir, "admin-api-key");
  if (!env.WANDB_API_KEY && existsSync(keyFile)) env.WANDB_API_KEY = readFileSync(keyFile, "utf8").trim();
}

const training = spawn(newNode(), [join(ROOT, "examples", "typescript", "train.ts")], {
  stdio: "inherit",
  env,
});
training.on("exit", (code) => {
  if (!server || once || code !== 0) {
    server?.kill("SIGTERM");
    process.exit(code ?? 1);
  }
  say("\nThe server goes on; Ctrl+C stops it.");
});

async function answers(url) {
  try {
    return (await fetch(`${url}/healthz`)).ok;
  } catch {
    return false;
  }
}

function startServer() {
  buildPage();
  const child = spawn(
    newNode(),
    [join(ROOT, "packages", "server", "src", "main.ts"), "--port", port, "--data-dir", dataDir],
    { stdio: ["ignore", "pipe", "inherit"], env },
  );
  process.on("SIGINT", () => child.kill("SIGINT"));
  return new Promise((resolve) => {
    child.stdout.on("data", (text) => {
      process.stdout.write(text);
      if (String(text).includes("WANDB_API_KEY")) resolve(child);
    });
    child.on("exit", (code) => process.exit(code ?? 1));
  });
}
