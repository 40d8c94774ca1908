import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { init, type Run } from "steelyard/command-line";
import { CommandError } from "../terminal.ts";

export interface ImportOptions {
  project?: string;
  entity?: string;
  name?: string;
  id?: string;
  group?: string;
  jobType?: string;
  tags?: string;
  notes?: string;
}

/**
 * A run made of rows that another tool wrote. It is written to a log, as an offline run is, and sent when it is whole: what
 * cannot be read leaves nothing at the server, and a broken sending is taken up again by `sync`.
 */
export class ImportedRun {
  readonly #run: Run;
  rows = 0;

  private constructor(run: Run) {
    this.#run = run;
  }

  /** `startTimeMs`: zero of the run's clock, for rows that have times of their own. */
  static async begin(options: ImportOptions, startTimeMs?: number): Promise<ImportedRun> {
    const { project, entity, name, id, group, jobType, tags, notes } = options;
    try {
      const run = await init({ mode: "offline", console: false }, undefined, {
        startTimeMs,
        settings: {
          project,
          entity,
          name,
          group,
          jobType,
          notes,
          runId: id,
          tags: tags
            ?.split(",")
            .map((tag) => tag.trim())
            .filter(Boolean),
          quiet: true,
          // It is offline until its log is whole, and is sent then.
          showInfo: false,
          // Of the machine that imports, not of the one the rows are from.
          disableGit: true,
          disableCode: true,
          disableMeta: true,
          disableStats: true,
          saveRequirements: false,
        },
      });
      return new ImportedRun(run);
    } catch (error) {
      throw new CommandError((error as Error).message);
    }
  }

  get id(): string {
    return this.#run.id;
  }

  get log(): string {
    return join(this.#folder, `run-${this.#run.id}.wandb`);
  }

  get #folder(): string {
    return dirname(this.#run.dir);
  }

  /** Rows of one step are one row; without a step a row is the next. */
  add(values: Record<string, unknown>, step?: number): void {
    this.rows++;
    if (step === undefined) this.#run.log(values);
    else this.#run.log(values, { step });
  }

  configure(values: Record<string, unknown>): void {
    this.#run.config.update(values);
  }

  /** The axis of the keys that `keys` means is this key of theirs. */
  stepBy(key: string, keys = "*"): void {
    this.#run.defineMetric(key);
    this.#run.defineMetric(keys, { stepMetric: key, stepSync: false });
  }

  async end(): Promise<void> {
    await this.#run.finish();
  }

  /** As if it had never been. */
  async discard(): Promise<void> {
    await this.#run.finish(1);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
