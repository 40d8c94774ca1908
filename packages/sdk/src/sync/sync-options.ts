import type { RunAddress } from "../run-transport.ts";

/** What the run is to be at the server, in place of what its log says. */
export interface RunOverrides {
  entity?: string | undefined;
  project?: string | undefined;
  runId?: string | undefined;
  displayName?: string | undefined;
  group?: string | undefined;
  jobType?: string | undefined;
  notes?: string | undefined;
  tags?: readonly string[] | undefined;
  /** Old tag → new tag. */
  replaceTags?: ReadonlyMap<string, string> | undefined;
}

export interface LogSyncOptions extends RunOverrides {
  /** Where the log names no project. */
  defaultProject: string;
  /** Where it names no user or team; undefined: whom the key is of. */
  defaultEntity?: string | undefined;
  /** False: nothing is to say that the log was sent. */
  markSynced?: boolean | undefined;
  /** Everything, also what was noted as sent. */
  again?: boolean | undefined;
  /** Behind what the run has at the server. */
  append?: boolean | undefined;
  skipConsole?: boolean | undefined;
  /** Patterns of files that are not uploaded. */
  ignoreGlobs?: readonly string[] | undefined;
  /** Where files of artifacts wait for their upload, as copies that nobody else needs. */
  stagingFolder?: string | undefined;
  /** Goes on until the log says that its run has ended, or its process is gone. */
  follow?: boolean | undefined;
  onOpen?: ((run: RunAddress, displayName: string) => void) | undefined;
  onProgress?: ((progress: SyncProgress) => void) | undefined;
}

export interface SyncProgress {
  /** Of the log, read and sent. */
  bytes: number;
  /** Length of the log now. */
  ofBytes: number;
  /** Rows of history among them. */
  rows: number;
}

export interface Synced {
  run: RunAddress;
  displayName: string;
  historyLines: number;
  files: number;
  /** What of the log did not get to the server, and why; empty when everything did. */
  losses: string[];
  /** Of these some could be sent another time. */
  incomplete: boolean;
}
