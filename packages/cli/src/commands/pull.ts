import { realpathSync } from "node:fs";
import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { download, isThere, placeOf } from "../download.ts";
import { EXIT } from "../exit-status.ts";
import { RunClient } from "../run-client.ts";
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
    if (await isThere(file, place)) {
      print(`File ${file.name} is up to date`);
      continue;
    }
    print(`File ${file.name} (${at + 1} of ${files.length}, ${file.sizeBytes} bytes)`);
    await download((url) => client.content(url), file, place);
  }
}
