import { createHash, randomUUID } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { EXIT } from "../exit-status.ts";
import { RunClient, type RunFile } from "../run-client.ts";
import { CommandError, print } from "../terminal.ts";

export function pullCommand(): Command {
  return new Command("pull")
    .description("download the files of a run into this folder")
    .argument("[run]", "id, project/id or entity/project/id; WANDB_RUN_ID when none is given")
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .action(pull);
}

async function pull(text: string | undefined, options: { project?: string; entity?: string }): Promise<void> {
  const loaded = settingsOf();
  const named = text ?? loaded.settings.runId;
  if (!named) throw new CommandError("name a run, or set WANDB_RUN_ID", EXIT.usage);
  const client = new RunClient(loaded);
  const path = await client.path(named, options);
  await client.run(path);
  const files = await client.files(path);
  print(`Downloading: ${path.project}/${path.run}`);
  if (files.length === 0) throw new CommandError("Run has no files");
  const root = realpathSync(process.cwd());
  // Before the first byte: a server that names one place outside is not to be trusted with the others.
  for (const { name } of files) placeOf(root, name);
  for (const [at, file] of files.entries()) {
    const place = placeOf(root, file.name);
    if (file.md5 !== null && (await md5Of(place)) === file.md5) {
      print(`File ${file.name} is up to date`);
      continue;
    }
    print(`File ${file.name} (${at + 1} of ${files.length}, ${file.sizeBytes} bytes)`);
    await download(client, file, place);
  }
}

/** Where a file goes: in `root`, also when folders there are links to elsewhere. Throws CommandError for any other place. */
function placeOf(root: string, name: string): string {
  const parts = name.split("/");
  const inside = root.endsWith(sep) ? root : root + sep;
  const bad = /[\\\0]|^[A-Za-z]:/.test(name) || parts.some((part) => ["", ".", ".."].includes(part));
  if (!bad) {
    const place = join(root, ...parts);
    let known = dirname(place);
    while (!existsSync(known)) known = dirname(known);
    if (`${realpathSync(known)}${sep}`.startsWith(inside)) return place;
  }
  throw new CommandError(
    `the file "${name}" would be written outside of this folder; nothing was downloaded of it`,
  );
}

/** Base64, as the wire has it; undefined where there is no file. */
async function md5Of(path: string): Promise<string | undefined> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const hash = createHash("md5");
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest("base64");
}

/** The whole file or nothing: what is there stays until the new one has come. The address is signed, so the key stays here. */
async function download(client: RunClient, { name, url, md5 }: RunFile, place: string): Promise<void> {
  if (url === null)
    throw new CommandError(`the server has no content of ${name}; was it uploaded to its end?`);
  const partial = join(dirname(place), `.${randomUUID()}.part`);
  try {
    const response = await client.content(url);
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    mkdirSync(dirname(place), { recursive: true });
    await pipeline(response.body, createWriteStream(partial));
    if (md5 !== null && (await md5Of(partial)) !== md5)
      throw new Error("what came is not what the server has");
    renameSync(partial, place);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new CommandError(`${name} could not be downloaded: ${(error as Error).message}; run it again`);
  }
}
