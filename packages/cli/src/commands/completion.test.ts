import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "../../../../conformance/command.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "steelyard-completion-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const CASES: [words: string[], offered: string[]][] = [
  [["ru"], ["run"]],
  [
    ["run", "s"],
    ["show", "stop"],
  ],
  [["run", "ls", "--j"], ["--json"]],
  [["server", "bac"], ["backup"]],
  // What is no command there is passed over.
  [["run", "show", "p/r", "--js"], ["--json"]],
  [["completion", "z"], ["zsh"]],
  [["launc"], []],
];

/** What each shell is asked, in its own words. */
const SHELLS: Record<string, (file: string, words: string[]) => string[]> = {
  bash: (file, words) => [
    "-c",
    `source ${file}; COMP_WORDS=(steelyard ${words.join(" ")}); COMP_CWORD=${words.length}; _steelyard; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  zsh: (file, words) => [
    "-f",
    "-c",
    `compdef() {}; _files() {}; _describe() { print -l -- "\${all[@]%%:*}" }; source ${file}
words=(steelyard ${words.join(" ")}); CURRENT=${words.length + 1}; _steelyard`,
  ],
  fish: (file, words) => ["--no-config", "-c", `source ${file}; complete -C "steelyard ${words.join(" ")}"`],
};

for (const [shell, asked] of Object.entries(SHELLS))
  test(`completion ${shell} offers the commands and options of the place`, async (t) => {
    const script = await runCommand(process.execPath, [MAIN, "completion", shell], {
      cwd: folder,
      environment: { HOME: folder },
    });
    assert.equal(script.status, 0, script.err);
    const file = join(folder, shell);
    writeFileSync(file, script.out);
    for (const [words, offered] of CASES) {
      let said: string;
      try {
        said = execFileSync(shell, asked(file, words), {
          encoding: "utf8",
          env: { PATH: process.env.PATH, HOME: folder },
        });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        return t.skip(`no ${shell} here`);
      }
      const typed = words.at(-1) ?? "";
      const found = said
        .split("\n")
        .map((line) => line.split("\t")[0] ?? "")
        // zsh itself leaves those that begin so.
        .filter((word) => word !== "" && word.startsWith(typed));
      assert.deepEqual(found.sort(), offered, `${words.join(" ")}: ${said}`);
    }
  });
