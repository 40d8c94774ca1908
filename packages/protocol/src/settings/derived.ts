import type { Settings } from "./table.ts";

/** What follows from the settings: addresses of the page, folders and files. Pure: what a machine knows is given. */

/** As the official client derives the page's address from the API's: `api.` becomes `app.`, `api.wandb.` loses its `api.` */
export function appUrl({ baseUrl, appUrl: given }: Pick<Settings, "baseUrl" | "appUrl">): string {
  if (given !== undefined) return given;
  if (baseUrl.includes("://api.wandb.test")) return baseUrl.replace("://api.", "://app.");
  if (baseUrl.includes("://api.wandb.")) return baseUrl.replace("://api.", "://");
  return baseUrl.replace("://api.", "://app.");
}

/** UTF-8 percent-encoding that leaves letters, digits, `_ . - ~` and the characters of `kept`. */
function escaped(text: string, kept: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%[0-9A-F]{2}/g, (code) => {
      const letter = String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return kept.includes(letter) ? letter : code;
    });
}

type Address = Pick<Settings, "baseUrl" | "appUrl" | "entity" | "project">;

/** Undefined while entity or project are not known. */
export function projectUrl(settings: Address): string | undefined {
  const { entity, project } = settings;
  if (!entity || !project) return undefined;
  return `${appUrl(settings)}/${escaped(entity, "/")}/${escaped(project, "/")}`;
}

export function runUrl(settings: Address & Pick<Settings, "runId">): string | undefined {
  const project = projectUrl(settings);
  return project && settings.runId && `${project}/runs/${escaped(settings.runId, "=+&$@")}`;
}

export function sweepUrl(settings: Address & Pick<Settings, "sweepId">): string | undefined {
  const project = projectUrl(settings);
  return project && settings.sweepId && `${project}/sweeps/${escaped(settings.sweepId, "/")}`;
}

/** What paths depend on besides settings. */
export interface Machine {
  platform: "linux" | "darwin" | "win32";
  /** Absolute; "" where a process has none. */
  home: string;
  /** Absolute. */
  workingDirectory: string;
  environment: Readonly<Record<string, string | undefined>>;
  exists(path: string): boolean;
}

export function joined({ platform }: Pick<Machine, "platform">, ...parts: readonly string[]): string {
  const separator = platform === "win32" ? "\\" : "/";
  return parts
    .map((part, at) =>
      at < parts.length - 1 ? part.replace(platform === "win32" ? /[\\/]+$/ : /\/+$/, "") : part,
    )
    .join(separator);
}

/** `~` is the home folder; what is relative is so to the working directory. */
export function absolute(machine: Machine, path: string): string {
  const { platform, home, workingDirectory } = machine;
  if (path === "~") return home;
  if (path.startsWith("~/") || (platform === "win32" && path.startsWith("~\\")))
    return joined(machine, home, path.slice(2));
  const isAbsolute = platform === "win32" ? /^(?:[A-Za-z]:)?[\\/]/.test(path) : path.startsWith("/");
  return isAbsolute ? path : joined(machine, workingDirectory, path.replace(/^\.\//, ""));
}

const said = (text: string | undefined) => (text?.trim() ? text : undefined);

function wandbFolder(machine: Machine, root: string, useDotWandb: boolean | undefined): string {
  const dotted = joined(machine, root, ".wandb");
  return useDotWandb || machine.exists(dotted) ? dotted : joined(machine, root, "wandb");
}

function configFolder(machine: Machine): string {
  const given = said(machine.environment.WANDB_CONFIG_DIR);
  return given ? absolute(machine, given) : joined(machine, machine.home, ".config", "wandb");
}

/** Where settings files are looked for, the one that counts most last: the user's, the working directory's, WANDB_DIR's. */
export function settingsFilePaths(machine: Machine): string[] {
  const dir = said(machine.environment.WANDB_DIR) ?? said(machine.environment.WANDB_ROOT_DIR);
  const roots = [machine.workingDirectory, ...(dir ? [absolute(machine, dir)] : [])];
  return [
    joined(machine, configFolder(machine), "settings"),
    ...new Set(roots.map((root) => joined(machine, wandbFolder(machine, root, undefined), "settings"))),
  ];
}

export interface Folders {
  /** Of `wandb/` (or `.wandb/`) itself. */
  wandb: string;
  settingsFile: string;
  globalSettingsFile: string;
  resumeFile: string;
  credentialsFile: string;
  /** Downloaded artifacts. */
  artifacts: string;
  cache: string;
  data: string;
}

export function foldersOf(
  settings: Pick<
    Settings,
    "dir" | "useDotWandb" | "credentialsFile" | "artifactDir" | "cacheDir" | "dataDir"
  >,
  machine: Machine,
): Folders {
  const root = absolute(machine, settings.dir ?? machine.workingDirectory);
  const wandb = wandbFolder(machine, root, settings.useDotWandb);
  const config = configFolder(machine);
  const oldCredentials = joined(machine, machine.home, ".config", "wandb", "credentials.json");
  const credentials = joined(machine, config, "credentials.json");
  return {
    wandb,
    settingsFile: joined(machine, wandb, "settings"),
    globalSettingsFile: joined(machine, config, "settings"),
    resumeFile: joined(machine, wandb, "wandb-resume.json"),
    credentialsFile: settings.credentialsFile
      ? absolute(machine, settings.credentialsFile)
      : // Before, this folder did not move it.
        !machine.exists(credentials) && machine.exists(oldCredentials)
        ? oldCredentials
        : credentials,
    artifacts: absolute(machine, settings.artifactDir ?? "artifacts"),
    cache: settings.cacheDir ? absolute(machine, settings.cacheDir) : defaultFolder(machine, CACHE),
    data: settings.dataDir ? absolute(machine, settings.dataDir) : defaultFolder(machine, DATA),
  };
}

interface DefaultFolder {
  variable: string;
  linux: readonly string[];
  darwin: readonly string[];
  win32: readonly string[];
}
const CACHE: DefaultFolder = {
  variable: "XDG_CACHE_HOME",
  linux: [".cache"],
  darwin: ["Library", "Caches", "wandb"],
  win32: ["wandb", "wandb", "Cache"],
};
const DATA: DefaultFolder = {
  variable: "XDG_DATA_HOME",
  linux: [".local", "share"],
  darwin: ["Library", "Application Support", "wandb"],
  win32: ["wandb", "wandb"],
};

function defaultFolder(machine: Machine, { variable, linux, darwin, win32 }: DefaultFolder): string {
  const { platform, home, environment } = machine;
  const asOnLinux = joined(machine, said(environment[variable]) ?? joined(machine, home, ...linux), "wandb");
  // The page names one folder for all; who has it already keeps it.
  if (platform === "linux" || machine.exists(asOnLinux)) return asOnLinux;
  if (platform === "darwin") return joined(machine, home, ...darwin);
  const local = said(environment.LOCALAPPDATA) ?? joined(machine, home, "AppData", "Local");
  return joined(machine, local, ...win32);
}

/** `[offline-]run-YYYYMMDD_HHMMSS-ID` of a start time given as local. */
export function runFolderName(
  { mode }: Pick<Settings, "mode">,
  start: { year: number; month: number; day: number; hour: number; minute: number; second: number },
  runId: string,
): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${start.year}${two(start.month)}${two(start.day)}_${two(start.hour)}${two(start.minute)}${two(start.second)}`;
  return `${mode === "offline" || mode === "dryrun" ? "offline-run" : "run"}-${time}-${runId}`;
}
