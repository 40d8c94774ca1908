import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = new URL("../..", import.meta.url).pathname;

/**
 * Makes the packages and puts the SDK, compiled as users have it, into the folder's `node_modules`; answers its address.
 * From the tree's TypeScript each thread of a run would strip the types of every file first.
 */
export function installSdk(folder: string): string {
  const packed = execFileSync(process.execPath, [join(ROOT, "scripts/pack.mjs")], { encoding: "utf8" });
  for (const tarball of packed
    .split("\n")
    .filter((line) => /steelyard-(protocol-)?\d[^/]*\.tgz$/.test(line))) {
    const name = /steelyard-protocol-/.test(tarball) ? "@steelyard/protocol" : "steelyard";
    const place = join(folder, "node_modules", name);
    mkdirSync(place, { recursive: true });
    execFileSync("tar", ["xzf", tarball, "-C", place, "--strip-components=1"]);
  }
  return pathToFileURL(join(folder, "node_modules/steelyard/dist/index.js")).href;
}
