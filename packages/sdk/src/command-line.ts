/** What the command line shares with the SDK: settings with their sources, keys, and requests to the server. */
export { isGlob } from "@steelyard/protocol/globs";
export { openInBrowser } from "./browser.ts";
export { apiKeyProblem, type Credentials, findCredentials } from "./credentials.ts";
export { defaultProject } from "./default-project.ts";
export { globPaths } from "./glob.ts";
export { type Connection, connectionOf } from "./http/connection.ts";
export { proxyFor, RouteError, shownProxy } from "./http/proxy.ts";
export { exchange } from "./http.ts";
export { type ImportOptions, type InitOptions, init } from "./init.ts";
export { type LoggedRun, readLoggedRun } from "./logged-run.ts";
export { type LoadedSettings, loadSettings, thisMachine } from "./machine.ts";
export { editNetrc, netrcPassword, netrcPath, writeNetrc } from "./netrc.ts";
export type { Run } from "./run.ts";
export { isSynced, type SelectedLogs, selectLogs } from "./sync/log-selection.ts";
export { LogsSync, type LogsSyncOptions, StoppedError } from "./sync/logs-sync.ts";
export { missingUploads } from "./sync/missing-uploads.ts";
export type { Synced, SyncProgress } from "./sync/sync-log.ts";
export { VERSION } from "./version.ts";
