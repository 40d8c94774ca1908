/** What the command line shares with the SDK: settings with their sources, keys, and requests to the server. */
export { isGlob } from "@steelyard/protocol/globs";
export { writeArtifact } from "./artifacts/artifact-writer.ts";
export { keepInCache } from "./artifacts/file-cache.ts";
export { type FileOnDisk, fileEntries, filesBelow } from "./artifacts/file-entries.ts";
export { referenceEntries } from "./artifacts/reference-entries.ts";
export {
  artifactName,
  makeStagingFolder,
  newVersion,
  STAGING,
  stagingPlace,
} from "./artifacts/staged-artifact.ts";
export { openInBrowser } from "./browser.ts";
export { apiKeyProblem, type Credentials, findCredentials } from "./credentials.ts";
export { defaultProject } from "./default-project.ts";
export { globPaths } from "./glob.ts";
export { type Connection, connectionOf } from "./http/connection.ts";
export { proxyFor, RouteError, shownProxy } from "./http/proxy.ts";
export { exchange, type Http } from "./http.ts";
export { init } from "./init.ts";
export type { ImportOptions, InitOptions } from "./init-options.ts";
export { type LoggedRun, readLoggedRun } from "./logged-run.ts";
export { type LoadedSettings, loadSettings, thisMachine } from "./machine.ts";
export { makeFolder } from "./make-folder.ts";
export { editNetrc, netrcPassword, netrcPath, writeNetrc } from "./netrc.ts";
export { askUser, canAsk } from "./question.ts";
export type { Run } from "./run.ts";
export { writeGitignore } from "./run-folder.ts";
export { isSynced, type SelectedLogs, selectLogs } from "./sync/log-selection.ts";
export { LogsSync, type LogsSyncOptions, StoppedError } from "./sync/logs-sync.ts";
export { missingUploads } from "./sync/missing-uploads.ts";
export type { Synced, SyncProgress } from "./sync/sync-options.ts";
export { VERSION } from "./version.ts";
