import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { say } from "./toolchain.mjs";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Path of a Chromium for the browser tests; Debian's is installed when we are root and it is missing. */
export function prepareChromium() {
  const given = process.env.STEELYARD_TEST_CHROMIUM;
  if (given) return given;
  const found = PLACES.find((path) => existsSync(path));
  if (found) return found;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return undefined;
  say("Installing Debian's chromium (once) …");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["update", "-qq"], { stdio: "inherit", env });
  // Noto CJK: without it the Korean screenshots are empty boxes.
  spawnSync(
    "apt-get",
    ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-noto-cjk", "fonts-dejavu-core"],
    { stdio: ["ignore", "ignore", "inherit"], env },
  );
  return PLACES.find((path) => existsSync(path));
}
