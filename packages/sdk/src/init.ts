import { closeSync, openSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { appUrl, projectUrl, runUrl, sweepUrl } from "@steelyard/protocol/settings";
import { anonymousKey, linkWithKey } from "./anonymous.ts";
import { stagingPlace } from "./artifacts/staged-artifact.ts";
import { openInBrowser } from "./browser.ts";
import { type Program, programOf, programPath } from "./code/program.ts";
import { codeArtifactName, sourceFiles } from "./code/source-files.ts";
import { configJson } from "./config.ts";
import { branchFacts, ConfigDocument } from "./config-document.ts";
import { firstConfig } from "./config-files.ts";
import { type Credentials, findCredentials } from "./credentials.ts";
import { DebugLog } from "./debug-log.ts";
import { defaultProject } from "./default-project.ts";
import { DisabledRun } from "./disabled-run.ts";
import { metadataOf } from "./environment.ts";
import { gitFacts } from "./git/repository.ts";
import { type Connection, connectionOf, positive } from "./http/connection.ts";
import type { Http } from "./http.ts";
import { type ImportOptions, type InitOptions, settingsOfOptions, unknownOptions } from "./init-options.ts";
import { askForKey } from "./key-prompt.ts";
import { openOffline } from "./local-runs.ts";
import { createLogTurns } from "./log-turns.ts";
import { type LoadedSettings, loadSettings } from "./machine.ts";
import type { WorkerStart } from "./messages.ts";
import { noteNotebook } from "./notebook.ts";
import { type Printer, printerOf, tellSettings } from "./printer.ts";
import { ProgramLog } from "./program-log.ts";
import { createRing } from "./ring.ts";
import { Run } from "./run.ts";
import { placeFiles } from "./run-files/saved-files.ts";
import { forgetUnfinished, makeRunFolder, noteUnfinished, rawIdOf } from "./run-folder.ts";
import { NO_LOG } from "./run-log.ts";
import { type OpenedRun, openRun, type RunFacts } from "./run-opening.ts";
import { tellStart, type Whereabouts } from "./run-report.ts";
import { begun, over, settlePrevious } from "./runs-going.ts";
import { noteOwnRun } from "./sync/sync-state.ts";
import { VERSION } from "./version.ts";
import { RunThread } from "./worker-thread.ts";
import { writerHeaders, writerOf } from "./writer.ts";

const LONGEST_TIMER_S = (2 ** 31 - 1) / 1000;

/** `init` of the module; `onFinish` is called when the run takes no more. */
export async function init(
  options: InitOptions = {},
  onFinish: (run: Run) => void = () => {},
  imported: ImportOptions = {},
): Promise<Run> {
  const loaded = loadSettings({ ...settingsOfOptions(options), ...imported.settings });
  loaded.warnings.push(...unknownOptions(options));
  noteNotebook(loaded);
  await askForKey(loaded);
  const { settings } = loaded;
  const offline = settings.mode === "offline" || settings.mode === "dryrun";
  const previous = settings.mode === "disabled" ? undefined : await settlePrevious(settings);
  if (previous) return previous;
  const { values, locked } = firstConfig(loaded, options.config);
  const config = configJson(values);
  if (settings.mode === "disabled")
    return new DisabledRun(values, onFinish as (run: unknown) => void) as unknown as Run;
  const { baseUrl } = settings;
  const way = connectionOf(loaded, "", (text) => loaded.warnings.push(text));
  const anonymous = offline ? undefined : await askedAnonymous(loaded, way);
  const key = offline
    ? { apiKey: "", source: "" }
    : anonymous === undefined
      ? keyOf(loaded)
      : { apiKey: anonymous, source: "WANDB_ANONYMOUS" };
  const writer = writerOf(loaded);
  const connection = {
    ...way,
    headers: { ...way.headers, ...writerHeaders(writer) },
    apiKey: key.apiKey,
  };

  const now = Date.now();
  const startTimeMs = imported.startTimeMs ?? now;
  const place = makeRunFolder(loaded, now);
  const { root, runId, logFile, filesDir } = place;
  const debug = new DebugLog(place.debugLog);
  tellSettings(debug, settings, config, place);

  const print = printerOf(settings, debug);
  for (const path of loaded.files) print.info(`Loading settings from ${path}`);
  for (const warning of loaded.warnings) print.serious(warning);

  const start: WorkerStart = {
    ring: createRing(),
    done: new SharedArrayBuffer(4),
    mode: offline ? "offline" : "online",
    connection,
    writer,
    sendEveryMs: positive(settings, "fileStreamTransmitInterval") * 1000,
    maxRequestBytes: settings.fileStreamMaxBytes,
    maxLineBytes: settings.fileStreamMaxLineBytes,
    stopOnFatalError: settings.stopOnFatalError,
    runId,
    rawId: rawIdOf(loaded),
    branch: settings.resumeFrom ?? settings.forkFrom,
    // An anonymous account has an entity of its own, and may not write to another.
    entity: anonymous ? "" : (settings.entity ?? ""),
    project: settings.project ?? defaultProject(loaded, dirname(programPath(settings))),
    displayName: settings.name ?? "",
    notes: settings.notes ?? "",
    tags: [...(settings.tags ?? [])],
    group: settings.group ?? "",
    jobType: settings.jobType ?? "",
    host: settings.host ?? (settings.disableMachineInfo ? "" : hostname()),
    sweepId: settings.sweepId ?? "",
    resume: settings.resume ?? "",
    config,
    startTimeMs,
    logFile,
    log: settings.skipTransactionLog ? NO_LOG : openSync(logFile, "wx", 0o666),
    turns: createLogTurns(),
    strict: settings.strict,
    filesDir,
    ignoreGlobs: settings.ignoreGlobs,
    consoleParts: {
      multipart: settings.consoleMultipart,
      maxBytes: settings.consoleChunkMaxBytes,
      maxSeconds: settings.consoleChunkMaxSeconds,
    },
    internalLog: place.internalLog,
    debug: settings.debug,
    crashReport: settings.errorReporting ? place.crashReport : "",
    program: settings.program ?? (process.argv[1] ? resolve(process.argv[1]) : "<interactive>"),
    code: {
      saves: writer.primary && !settings.disableMachineInfo ? settings.saveCode : false,
      folder: settings.codeDir === undefined ? undefined : resolve(settings.codeDir),
      searchesForkPoint: !settings.disableGitForkPoint,
      runs: root,
    },
    job:
      settings.disableJobCreation || settings.disableMachineInfo || !writer.primary
        ? undefined
        : { name: settings.jobName ?? "" },
    staging: stagingPlace(loaded, place.folder),
    version: VERSION,
    flushIntervalMs: settings.flushInterval,
    system: {
      intervalMs:
        settings.disableStats || settings.disableMachineInfo
          ? Number.POSITIVE_INFINITY
          : settings.statsSamplingInterval * 1000,
      gpuIds: settings.statsGpuDeviceIds,
    },
    hardware:
      !writer.primary || settings.disableMeta || settings.disableMachineInfo
        ? undefined
        : {
            docker: settings.docker,
            statsCpuCount: settings.statsCpuCount,
            statsCpuLogicalCount: settings.statsCpuLogicalCount,
            statsGpuCount: settings.statsGpuCount,
            statsGpuType: settings.statsGpuType,
            statsGpuDeviceIds: settings.statsGpuDeviceIds,
            slurmHidden: settings.slurmHidden,
          },
    keepsRequirements: writer.primary && settings.saveRequirements,
    drawnMetrics: settings.maxEndOfRunHistoryMetrics,
  };
  const timeoutMs = settings.initTimeout * 1000;
  let thread: RunThread;
  let opened: OpenedRun;
  let program: Program;
  let log: ProgramLog;
  try {
    const git =
      settings.disableGit || settings.disableMachineInfo
        ? undefined
        : await gitFacts(programPath(settings), settings);
    program = programOf(settings, git?.root);
    const metadata = metadataOf(program, start.host, git, startTimeMs, settings);
    if (start.mode === "online") {
      debug.write("INFO", "init", `opening the run at ${baseUrl}, ${timeoutMs / 1000} s at most`);
      opened = await openOnline(start, { git }, print, timeoutMs);
    } else opened = openOffline(start);
    // Whoever syncs the log of a run that is killed now is to know where its lines begin.
    if (start.log !== NO_LOG && opened.historyLines + opened.eventLines + opened.consoleLines > 0)
      noteOwnRun(logFile, baseUrl, opened);
    log = new ProgramLog(start, opened, git);
    // Nothing waits for it, and it would take the processor from whoever answers.
    thread = new RunThread(start);
    thread.tell({ kind: "open", opened, git, program, metadata });
  } catch (error) {
    const { message, stack = message } = error as Error;
    debug.write("ERROR", "init", settings.debug ? stack : message);
    if (start.log !== NO_LOG) closeSync(start.log);
    // It holds no run, and whoever sends this folder's logs should not stumble over it.
    rmSync(logFile, { force: true });
    throw error;
  }
  const { run: started } = opened;
  debug.write(
    "INFO",
    "init",
    `run ${[started.entity, started.project, started.name].filter(Boolean).join("/")} ${opened.resumed ? `resumed at step ${opened.step}` : "started"}, returning control to the program`,
  );
  if (start.resume === "" && !opened.resumed && opened.historyLines > 0)
    print.serious(
      `the run ${started.name} has ${opened.historyLines} rows already: these are added to them, from step 0. Give resume: "allow" to go on where it stood, or another id`,
    );
  noteUnfinished(root, start.resume, started.name);
  const whereabouts = whereaboutsOf(loaded, place.folder, opened, anonymous);
  tellStart(print, whereabouts, {
    resumed: opened.resumed,
    key: { host: new URL(baseUrl).host, source: key.source },
  });
  if (anonymous)
    print.serious(
      "This run is anonymous: who has its link sees it and can claim it, so keep the link to yourself; unclaimed, it is deleted after seven days",
    );
  if (settings.showRun && whereabouts.urls && !settings.silent)
    openInBrowser(whereabouts.urls.run, loaded.machine);
  const run = new Run(start, opened, thread, log, print, {
    whereabouts,
    maxSummary: settings.maxEndOfRunSummaryMetrics,
    console: settings.console === "off" ? "off" : settings.console === "redirect" ? "children" : "own",
    locked,
    placeFiles: (pattern, options) =>
      placeFiles(pattern, options, {
        filesDir,
        root,
        symlink: settings.symlink ?? process.platform !== "win32",
      }),
    lateSteps: settings.lateSteps,
    onDrop: settings.strict ? "error" : settings.onDrop,
    async codeFiles(codeRoot, codeOptions) {
      const name = codeOptions.name ?? codeArtifactName(started.project, program);
      return { name, files: await sourceFiles(codeRoot, root, codeOptions) };
    },
    finishLimitMs: settings.finishTimeout > 0 ? settings.finishTimeout * 1000 : undefined,
    finishRaises: settings.finishTimeoutRaises,
    startWaitS: Math.min(settings.serviceWait, LONGEST_TIMER_S),
    onFinish(run, exitCode) {
      if (exitCode === 0) forgetUnfinished(root, started.name);
      over(run);
      onFinish(run);
    },
  });
  begun(run, print, settings);
  return run;
}

/** The addresses are of what the server made of the run. */
function whereaboutsOf(
  { settings }: LoadedSettings,
  folder: string,
  { run, displayName }: OpenedRun,
  anonymous: string | undefined,
): Whereabouts {
  const { name: runId, entity, project } = run;
  const where = { ...settings, runId, entity, project };
  const [page, ofProject] = [runUrl(where), projectUrl(where)];
  const isOnline = run.id !== "";
  return {
    folder,
    name: displayName,
    urls:
      isOnline && page && ofProject
        ? {
            run: anonymous ? linkWithKey(page, anonymous) : page,
            project: ofProject,
            sweep: sweepUrl(where),
          }
        : undefined,
  };
}

/** The key of an anonymous account when the settings ask for one; throws when the server does not answer in time. */
async function askedAnonymous(loaded: LoadedSettings, connection: Connection): Promise<string | undefined> {
  const { baseUrl, initTimeout, entity, anonymous, mode } = loaded.settings;
  if (anonymous === "never") return undefined;
  if (mode === "shared") {
    loaded.warnings.push(
      `WANDB_ANONYMOUS=${anonymous} has no effect in shared mode: each process would have an account of its own`,
    );
    return undefined;
  }
  const hasKey = anonymous === "allow" && findCredentials(loaded, () => {}) !== undefined;
  const key = await inTime(
    baseUrl,
    initTimeout * 1000,
    () => {},
    (http) =>
      anonymousKey(loaded.settings, hasKey, { ...http, ...connection }, (text) => loaded.warnings.push(text)),
  );
  if (key !== undefined && entity)
    loaded.warnings.push(`entity "${entity}" does not count: an anonymous run is in an entity of its own`);
  return key;
}

function keyOf(loaded: LoadedSettings): Credentials {
  const warn = (text: string) => loaded.warnings.push(text);
  const credentials = findCredentials(loaded, warn);
  if (credentials) return credentials;
  const { baseUrl } = loaded.settings;
  const unnamed = loaded.origins.baseUrl.kind === "default" ? " (WANDB_BASE_URL names another server)" : "";
  throw new Error(
    `no API key for ${baseUrl}${unnamed}: make one at ${appUrl(loaded.settings)}/authorize and set WANDB_API_KEY, or set WANDB_MODE=offline`,
  );
}

/** Make the run at the server. Throws when it says no, or nothing within the time. */
async function openOnline(
  start: WorkerStart,
  facts: RunFacts,
  print: Printer,
  timeoutMs: number,
): Promise<OpenedRun> {
  const { connection } = start;
  let said = false;
  const onRetry = (why: string) => {
    print.quietly("WARNING", `no answer (${why}), trying again`);
    if (!said) print.serious(`the server at ${connection.baseUrl} does not answer (${why}); trying again`);
    said = true;
  };
  return inTime(connection.baseUrl, timeoutMs, onRetry, (http) =>
    openRun(
      { ...http, ...connection },
      start,
      facts,
      new ConfigDocument(start.config, start.version, branchFacts(start.branch)).json,
    ),
  );
}

/** What is asked of the server before a run can begin, within the time there is for it; 0: no limit. */
async function inTime<T>(
  baseUrl: string,
  timeoutMs: number,
  onRetry: (why: string) => void,
  ask: (http: Pick<Http, "signal" | "onRetry">) => Promise<T>,
): Promise<T> {
  const signal = timeoutMs === 0 ? new AbortController().signal : AbortSignal.timeout(timeoutMs);
  let reason = "";
  try {
    return await ask({
      signal,
      onRetry(why) {
        onRetry(why);
        reason = why;
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error(
      `the server at ${baseUrl} did not answer within ${timeoutMs / 1000} s${reason ? ` (${reason})` : ""}; check WANDB_BASE_URL, or set WANDB_MODE=offline`,
    );
  }
}
