import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CREATE_RUN_FILES } from "@steelyard/protocol/documents";
import { type Ended, runCommand } from "../../../conformance/command.ts";
import { type Doors, openDoors } from "../../server/src/http/doors.test-part.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;

/** A real server, and the command line as a person has it: a process in a folder, with a home, signed in. */
export interface World {
  doors: Doors;
  url: string;
  /** The folder the commands run in; empty at first. */
  here: string;
  /** Signed in as the administrator unless `environment` says otherwise. */
  steelyard(
    args: string[],
    more?: { input?: string; environment?: Record<string, string>; cwd?: string },
  ): Promise<Ended>;
  /** Words of a command on a terminal, with somebody who types; undefined where no terminal can be made. */
  onTerminal(
    words: string,
    more?: { input?: string; environment?: Record<string, string> },
  ): Promise<Ended | undefined>;
  /** Lines of the file stream, as a client sends them. */
  stream(run: string, body: object): Promise<void>;
  /** Files of a run, `entity/project/run`. */
  upload(run: string, files: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const doors = await openDoors();
  const folder = mkdtempSync(join(tmpdir(), "steelyard-cli-"));
  const [home, here] = [join(folder, "home"), join(folder, "here")] as const;
  for (const path of [home, here]) mkdirSync(path);
  const { url } = doors.server;
  const own = {
    HOME: home,
    WANDB_BASE_URL: url,
    WANDB_API_KEY: doors.admin,
  };
  return {
    doors,
    url,
    here,
    steelyard: (args, { input, environment = {}, cwd = here } = {}) =>
      runCommand(process.execPath, [MAIN, ...args], {
        cwd,
        environment: { ...own, ...environment },
        ...(input === undefined ? {} : { input }),
      }),
    // util-linux; other systems' `script` takes other words.
    onTerminal: async (words, { input, environment = {} } = {}) =>
      process.platform === "linux"
        ? runCommand("script", ["-qec", `"${process.execPath}" "${MAIN}" ${words}`, "/dev/null"], {
            cwd: here,
            environment: { ...own, TERM: "xterm", ...environment },
            ...(input === undefined ? {} : { input }),
          }).catch(() => undefined)
        : undefined,
    async stream(run, body) {
      const { status, text } = await doors.ask(doors.admin, "POST", `/files/${run}/file_stream`, body);
      if (status !== 200) throw new Error(`${status} ${text}`);
    },
    async upload(path, files) {
      const [entity, project, run] = path.split("/");
      const variables = { entity, project, run, files: Object.keys(files) };
      const { text } = await doors.ask(doors.admin, "POST", "/graphql", {
        query: CREATE_RUN_FILES,
        variables,
      });
      const { data } = JSON.parse(text) as {
        data: { createRunFiles: { files: { name: string; uploadUrl: string }[] } };
      };
      for (const { name, uploadUrl } of data.createRunFiles.files) {
        const { ok } = await fetch(new URL(uploadUrl, url), { method: "PUT", body: files[name] ?? "" });
        if (!ok) throw new Error(`${name} could not be uploaded`);
      }
    },
    async close() {
      await doors.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
