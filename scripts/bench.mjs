// `npm run bench [-- name …]`: every file of bench/, one after the other, nothing else running; what each printed goes to
// docs/performance.md under its name with the date and the machine.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { basename, join } from "node:path";
import { buildPage, installDependencies, newNode, ROOT, say } from "./toolchain.mjs";

installDependencies();
buildPage();
const asked = process.argv.slice(2);
const document = join(ROOT, "docs", "performance.md");
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`;
let failed = 0;

for (const file of readdirSync(join(ROOT, "bench"))
  .filter((name) => name.endsWith(".ts"))
  .sort()) {
  const name = basename(file, ".ts");
  if (asked.length > 0 && !asked.includes(name)) continue;
  say(`── ${name}`);
  const began = Date.now();
  const { status, stdout } = spawnSync(newNode(), ["--expose-gc", join(ROOT, "bench", file)], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 2 ** 20,
  });
  say(stdout.trimEnd());
  if (status === 0) record(name, stdout.trimEnd(), Math.round((Date.now() - began) / 1000));
  else failed++;
}
process.exit(failed > 0 ? 1 : 0);

/** Replace the section of that name, or add it at the end. */
function record(name, output, seconds) {
  const node = spawnSync(newNode(), ["--version"], { encoding: "utf8" }).stdout.trim();
  const section = `<!-- ${name} -->\n\n## ${name}\n\n${new Date().toISOString().slice(0, 10)}, ${machine}, Node ${node}, ${seconds} s\n\n\`\`\`text\n${output}\n\`\`\`\n\n<!-- end ${name} -->`;
  const before = existsSync(document) ? readFileSync(document, "utf8") : "# Performance\n";
  const begin = before.indexOf(`<!-- ${name} -->`);
  const end = before.indexOf(`<!-- end ${name} -->`);
  const after =
    begin >= 0 && end > begin
      ? before.slice(0, begin) + section + before.slice(end + `<!-- end ${name} -->`.length)
      : `${before.trimEnd()}\n\n${section}\n`;
  writeFileSync(document, after);
}
