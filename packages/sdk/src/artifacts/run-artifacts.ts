import { rmSync } from "node:fs";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { artifactRecord, configRecord, type FileItem } from "@steelyard/protocol/records";
import { saveCode } from "../code/code-saving.ts";
import { type JobSource, jobOf } from "../code/job.ts";
import { codeArtifactName } from "../code/source-files.ts";
import type { ConfigDocument } from "../config-document.ts";
import type { InternalLog } from "../debug-log.ts";
import type { Entry, FromWorker, ToWorker, WorkerStart } from "../messages.ts";
import type { RunLog } from "../run-log.ts";
import type { Summary } from "../summary.ts";
import type { Uplink } from "../uplink.ts";
import { type NewFile, type StagedArtifact, stageArtifact } from "./staged-artifact.ts";

type Open = Extract<ToWorker, { kind: "open" }>;

interface RunParts {
  log: RunLog;
  config: ConfigDocument;
  summary: Summary;
  uplink: Uplink;
  internal: InternalLog;
}

/** The artifacts that a run makes of itself, its code and its job: into the log first, then to the server. */
export class RunArtifacts {
  /** Resolves when those on their way are there; one after the other: of one name each is a version of its own. */
  sent: Promise<unknown> = Promise.resolve();
  readonly #start: WorkerStart;
  readonly #run: RunParts;
  readonly #tell: (message: FromWorker) => void;
  readonly #takeFiles: (files: readonly FileItem[]) => void;
  /** The run's code, at the server. */
  #code: JobSource["code"];
  #closed = false;
  /** The program has given code itself. */
  #isGiven = false;

  constructor(
    start: WorkerStart,
    run: RunParts,
    tell: (message: FromWorker) => void,
    takeFiles: (files: readonly FileItem[]) => void,
  ) {
    this.#start = start;
    this.#run = run;
    this.#tell = tell;
    this.#takeFiles = takeFiles;
  }

  /** The log takes no more. */
  close(): void {
    this.#closed = true;
  }

  /** What the program gives: whoever looks for the run's code finds it, under its name in the config. */
  takeCode(name: string, files: NewFile[]): void {
    this.#storeCode(name, files, () => {
      this.#isGiven = true;
      this.#noteCodePath(name);
    });
  }

  #storeCode(name: string, files: NewFile[], stored: () => void): void {
    if (files.length === 0 || this.#closed) return;
    try {
      this.#take(stageArtifact(this.#start.staging, { type: "code", name }, files));
      stored();
    } catch (error) {
      this.#tell({
        kind: "notice",
        serious: true,
        text: `the code is not stored: ${(error as Error).message}`,
      });
    }
  }

  /** Beside the run: none of it needs to be waited for, but for its end. */
  async storeCode({ program, git }: Open): Promise<void> {
    const { filesDir, code } = this.#start;
    const { uplink, internal } = this.#run;
    try {
      await saveCode(
        code,
        { program, git, filesDir, artifactName: codeArtifactName(uplink.run.project, program) },
        {
          accountSaves: () => uplink.savesCode(),
          files: (names) => this.#takeFiles(names.map((path) => ({ path, policy: "now", type: "wandb" }))),
          codePath: (path) => this.#noteFoundPath(path),
          artifact: (name, files) => this.#storeCode(name, files, () => this.#noteFoundPath(name)),
        },
      );
    } catch (error) {
      internal.write("WARNING", "the code is not stored", { reason: (error as Error).message });
    }
  }

  /** At the end, when it is known what went in and came out. */
  makeJob({ program, git, metadata }: Open): void {
    const { job: asked, filesDir, staging } = this.#start;
    const { config, summary, internal } = this.#run;
    if (!asked) return;
    try {
      const values = (entries: readonly Entry[]) =>
        Object.fromEntries(entries.map(([key, json]) => [key, parseExtendedJson(json)]));
      const job = jobOf(
        {
          program,
          git,
          code: this.#code,
          filesDir,
          executable: process.execPath,
          runtime: String(metadata.python),
          config: values(config.items.map(([[key = ""], json]) => [key, json])),
          summary: values(summary.entries),
        },
        asked.name || undefined,
      );
      if (job) this.#take(stageArtifact(staging, job.artifact, job.files));
      else internal.write("INFO", "no job is made: the run's code is neither at a remote nor an artifact");
    } catch (error) {
      internal.write("WARNING", "no job is made", { reason: (error as Error).message });
    }
  }

  /** What is found beside the run comes late: code that the program has given meanwhile is meant. */
  #noteFoundPath(path: string): void {
    if (!this.#isGiven) this.#noteCodePath(path);
  }

  #noteCodePath(path: string): void {
    if (this.#closed) return;
    const { config, log } = this.#run;
    config.note("code_path", path);
    log.append((num) => configRecord(num, [[["_wandb", "code_path"], JSON.stringify(path)]]));
  }

  #take({ artifact, folder }: StagedArtifact): void {
    const { log, uplink, internal } = this.#run;
    const { name: runId, entity, project } = uplink.run;
    const whole = { ...artifact, runId, entity, project };
    log.append((num) => artifactRecord(num, whole));
    if (uplink.live)
      this.sent = this.sent.then(async () => {
        // What waited for it may go; of what the server has not, the log says where it lies.
        const written = await uplink.write(whole);
        if (!written) return;
        if (artifact.type === "code") this.#code = { id: written.id, name: artifact.name };
        try {
          rmSync(folder, { recursive: true, force: true });
        } catch (error) {
          internal.write("WARNING", "files that are sent stay here", {
            folder,
            reason: (error as Error).message,
          });
        }
      });
  }
}
