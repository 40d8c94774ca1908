import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Command } from "commander";
import { COMPILE_CACHE } from "../../../scripts/toolchain.mjs";
import { makeRun } from "../../server/src/http/doors.test-part.ts";
import { ELSEWHERE_DESCRIPTION } from "./commands/elsewhere.ts";
import { EXIT } from "./exit-status.ts";
import { steelyardProgram } from "./program.ts";
import { openWorld, type World } from "./world.test-part.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
let world: World;
before(async () => {
  world = await openWorld();
  const { doors } = world;
  await makeRun(doors, doors.admin, { project: "p", name: "r" });
  await world.stream("admin/p/r", { files: { "output.log": { offset: 0, content: ["a line"] } } });
});
after(() => world.close());

/** Commands that tell something, with what they need to be asked. */
const READING: Record<string, string[]> = {
  status: [],
  "settings list": [],
  "settings explain": ["WANDB_PROJECT"],
  doctor: [],
  projects: [],
  "artifact ls": ["p"],
  "run ls": ["-p", "p"],
  "run show": ["p/r"],
  "run logs": ["p/r"],
  "run verify": [],
  verify: [],
  "server status": [],
  "server upgrade-check": [],
  "admin user ls": [],
  "admin team ls": [],
  "admin organization ls": [],
};

const leaves = (command: Command, path: string[] = []): [string, Command][] =>
  command.commands.length === 0
    ? [[path.join(" "), command]]
    : command.commands.flatMap((part) => leaves(part, [...path, part.name()]));

test("every command that tells something takes --json, and then prints JSON alone", async () => {
  const all = new Map(leaves(steelyardProgram()));
  for (const name of Object.keys(READING))
    assert.ok(
      all.get(name)?.options.some(({ long }) => long === "--json"),
      `${name} has no --json`,
    );
  const telling = [...all].flatMap(([name, command]) =>
    /(^| )(ls|list|show|logs|status|explain|verify|doctor|projects|.*-check)$/.test(name) &&
    command.description() !== ELSEWHERE_DESCRIPTION
      ? [name]
      : [],
  );
  assert.deepEqual(
    telling.filter((name) => !READING[name]),
    [],
    "commands that are missing in this test",
  );
  // Those of one log or data folder have tests of their own.
  const asked = Object.entries(READING).filter(([name]) => !/verify|upgrade/.test(name));
  await Promise.all(
    asked.map(async ([name, more]) => {
      const { out, err } = await world.steelyard([...name.split(" "), ...more, "--json"]);
      assert.doesNotThrow(() => JSON.parse(out), `${name}: ${out}${err}`);
    }),
  );
  const { out } = await world.steelyard(["projects"]);
  assert.equal(out, 'Latest projects for "admin"\np\n');
});

test("every command and option says what it is", () => {
  for (const [name, command] of leaves(steelyardProgram())) {
    assert.ok(command.description(), `${name} has no description`);
    for (const { flags, description, hidden } of command.options)
      assert.ok(hidden || description, `${name} ${flags} has no description`);
  }
});

test("exit statuses are those of the documentation", async () => {
  const page = readFileSync(new URL("../../../docs/command-line.md", import.meta.url), "utf8");
  const table = /\| exit status \| means \|\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(page)?.[1] ?? "";
  const documented = Array.from(table.matchAll(/^\| ([\d, ]+) \|/gm), ([, text = ""]) =>
    text.split(", ").map(Number),
  ).flat();
  assert.deepEqual(documented, [...Object.values(EXIT), 130, 143]);

  const status = async (...args: string[]) => (await world.steelyard(args)).status;
  assert.equal(await status("run", "show", "p/r"), EXIT.done);
  assert.equal(await status("run", "show", "p/none"), EXIT.failed);
  assert.equal(await status("run", "show"), EXIT.usage);
  assert.equal(await status("run", "nonsense"), EXIT.usage);
  assert.equal(await status("run", "rm", "-p", "p", "--tag", "none", "--fail-empty"), EXIT.nothing);
  for (const key of ["", "x".repeat(40)])
    for (const verb of [["run", "ls"], ["projects"], ["admin", "user", "ls"]]) {
      const ended = await world.steelyard(verb, { environment: { WANDB_API_KEY: key } });
      assert.equal(ended.status, EXIT.notAuthenticated, `${verb.join(" ")}: ${ended.err}`);
    }
  // A shell says 128 and the signal's number of a process that a signal ended.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child = spawn(process.execPath, [MAIN, "run", "logs", "-f", "p/r"], {
      cwd: world.here,
      env: {
        PATH: process.env.PATH,
        ...COMPILE_CACHE,
        HOME: world.here,
        WANDB_BASE_URL: world.url,
        WANDB_API_KEY: world.doors.admin,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.once("data", () => child.kill(signal));
    assert.deepEqual(await once(child, "close"), [null, signal]);
  }
});

test("colour is for terminals: none in a pipe, none with NO_COLOR", async (t) => {
  const piped = await world.steelyard(["run", "ls", "-p", "p"]);
  const failed = await world.steelyard(["run", "show", "p/none"]);
  const sequence = "\u001b[";
  for (const text of [piped.out, failed.err]) assert.ok(text !== "" && !text.includes(sequence), text);
  const shown = await world.onTerminal("run ls -p p");
  if (!shown) return t.skip("no `script` here to make a terminal with");
  assert.ok(shown.out.includes(sequence), shown.out);
  const plain = await world.onTerminal("run ls -p p", { environment: { NO_COLOR: "1" } });
  assert.ok(plain?.out && !plain.out.includes(sequence));
});
