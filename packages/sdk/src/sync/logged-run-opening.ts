import { REWIND_RUN, UPSERT_RUN } from "@steelyard/protocol/documents";
import { graphql, type Http } from "../http.ts";
import type { LoggedRunReader } from "../logged-run.ts";
import { type Bucket, existing, type RunAddress, sendConfig } from "../run-transport.ts";
import { firstPlaces } from "./first-places.ts";
import type { LogFile } from "./log-file.ts";
import { settledStep } from "./resumed-logs.ts";
import { hasFirstRow, type SharedLog } from "./shared-log.ts";
import type { LogSyncOptions } from "./sync-options.ts";
import { type FirstPlaces, readSyncState, type SyncState } from "./sync-state.ts";

/** What the server had before this sync. */
export interface Before {
  first: FirstPlaces;
  /** So many records of the log. */
  sent: number;
  /** So many of its artifacts. */
  artifacts: number;
  /** The run is there by a sync alone: nobody has been told of its alerts yet. */
  made: boolean;
}

interface Upserted {
  inserted: boolean | null;
  bucket: {
    id: string;
    name: string;
    displayName: string;
    project: { name: string; entity: { name: string } };
  };
}

/** A log's run at the server: what is there of it, and what the log says of the run itself. */
export class LoggedRunOpening {
  readonly #file: LogFile;
  readonly #http: Http;
  readonly #options: LogSyncOptions;
  readonly #reader: LoggedRunReader;
  readonly #shared: SharedLog | undefined;
  /** Of the reader, when they were last told. */
  #toldRun = 0;
  #toldConfig = 0;

  /** Once the reader has met the run. */
  constructor(
    file: LogFile,
    http: Http,
    options: LogSyncOptions,
    reader: LoggedRunReader,
    shared: SharedLog | undefined,
  ) {
    this.#shared = shared;
    this.#file = file;
    this.#http = http;
    this.#options = options;
    this.#reader = reader;
  }

  get #where() {
    const { runId = "", project, entity } = this.#reader.run ?? {};
    const options = this.#options;
    return {
      runId: options.runId ?? runId,
      project: options.project ?? (project || options.defaultProject),
      entity: options.entity ?? (entity || (options.defaultEntity ?? null)),
    };
  }

  /** What the server has of the run, and how much of that is of this log. What cannot be placed is added to `unsent`. */
  async lookUp(unsent: string[]): Promise<Before> {
    const { entity, ...where } = this.#where;
    const bucket = await existing(this.#http, { ...where, entity: entity ?? "" });
    const none = { first: { history: 0, events: 0, console: 0 }, sent: 0, artifacts: 0 };
    const { resumed, unsettled, writer } = this.#reader.run ?? {};
    if (unsettled) this.#reader.stepShift = settledStep(this.#file.path, bucket);
    if (!bucket) return { ...none, made: true };
    const state = readSyncState(this.#file.path);
    if (state && state.server === this.#http.baseUrl && state.run === bucket.id)
      return this.#noted(state, bucket);
    // Of several writers each counts its own lines.
    if (!writer && (resumed || unsettled || this.#options.append))
      return { ...none, first: firstPlaces(this.#file.path, bucket, unsent), made: false };
    // Lines of others must not be written over: whoever went on with the run has its rows where these would come.
    if (
      !writer &&
      bucket.historyLineCount > 0 &&
      firstPlaces(this.#file.path, bucket, []).console !== undefined
    )
      throw new Error(
        `the run ${where.runId} at the server has rows of another process behind those of this log, or in their place; --append puts the log's rows behind them, --id NEW makes a run of its own`,
      );
    if (
      this.#shared &&
      !this.#shared.known &&
      (await hasFirstRow(this.#http, this.#shared, { ...where, entity }, bucket))
    )
      throw new Error(
        `the log does not say which of the writers of ${where.runId} it is of (the official client does so from 0.22 on, and with x_primary), and the server has rows of it already: --append sends all of them once more, --id NEW makes a run of its own`,
      );
    return { ...none, made: false };
  }

  #noted({ first, bytes, rows, records, artifacts, made }: SyncState, bucket: Bucket): Before {
    const isThere = bytes <= this.#file.bytes && bucket.historyLineCount >= first.history + rows;
    const goesOn = isThere && !this.#options.again;
    return goesOn ? { first, sent: records, artifacts, made } : { first, sent: 0, artifacts: 0, made: false };
  }

  /** The run at the server, with what the log says of it up to here. */
  async open({ sent, made }: Before): Promise<{ run: RunAddress; displayName: string; made: boolean }> {
    const where = this.#where;
    const branch = this.#reader.run?.branch;
    if (branch?.run === where.runId && sent === 0)
      await graphql(this.#http, REWIND_RUN, {
        runName: where.runId,
        project: where.project,
        entity: where.entity,
        metricName: branch.metric || "_step",
        metricValue: branch.value,
      });
    const { inserted, bucket } = await this.#upsert();
    return {
      run: {
        id: bucket.id,
        name: bucket.name,
        entity: bucket.project.entity.name,
        project: bucket.project.name,
      },
      displayName: bucket.displayName,
      // Servers of old say nothing of it.
      made: made && (sent > 0 || inserted !== false),
    };
  }

  async #upsert(): Promise<Upserted> {
    const { run, environment, config } = this.#reader;
    const options = this.#options;
    const where = this.#where;
    const tags = (options.tags ?? run?.tags ?? []).map((tag) => options.replaceTags?.get(tag) ?? tag);
    const program = environment?.program;
    const { upsertBucket } = await graphql<{ upsertBucket: Upserted }>(this.#http, UPSERT_RUN, {
      name: where.runId,
      project: where.project,
      entity: where.entity,
      groupName: options.group ?? (run?.group || null),
      displayName: options.displayName ?? (run?.displayName || null),
      notes: options.notes ?? (run?.notes || null),
      tags: tags.length > 0 ? tags : null,
      jobType: options.jobType ?? (run?.jobType || null),
      sweep: run?.sweepId || null,
      host: run?.host || null,
      program: typeof program === "string" ? program : null,
      repo: run?.git?.remote || null,
      commit: run?.git?.commit || null,
      config: config.json,
    });
    this.#toldRun = this.#reader.runChanges;
    this.#toldConfig = this.#reader.configChanges;
    return upsertBucket;
  }

  /** What the log has said of the run since it was last told. */
  async tellChanges(run: RunAddress): Promise<void> {
    if (this.#toldRun !== this.#reader.runChanges) await this.#upsert();
    else if (this.#toldConfig !== this.#reader.configChanges) {
      await sendConfig(this.#http, run, this.#reader.config.json);
      this.#toldConfig = this.#reader.configChanges;
    }
  }
}
