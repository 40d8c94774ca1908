import { editDistance, type GivenSettings } from "@steelyard/protocol/settings";

/** Everything may be left out; what is not given comes from the variables, then from settings files. */
export interface InitOptions {
  /**
   * Project; made by its first run.
   *
   * @default the name of the git repository, else `uncategorized`
   */
  project?: string;
  /** User or team that owns the project. */
  entity?: string;
  /**
   * What the run was made with: any object that can be written as JSON, or the path of a YAML file of keys and values. NaN
   * and infinities become null.
   */
  config?: Record<string, unknown> | string;
  /** Name shown on the page. */
  name?: string;
  /** Free text about the run. */
  notes?: string;
  /** Tags of the run; a list, each at most 64 characters. */
  tags?: readonly string[];
  /** Group that brings runs of one experiment together. */
  group?: string;
  /** Kind of work, such as `training` or `evaluation`. */
  jobType?: string;
  /**
   * Id of the run within the project, at most 64 characters, none of `: ; , # ? / '`. In the variable, what is no letter,
   * digit, `_` or `-` becomes a dash.
   *
   * @setting runId
   */
  id?: string;
  /**
   * What happens when the run is there already: `allow`: go on, or start it; `must`: go on, or fail; `never`: fail;
   * `auto` or `true`: go on with the run last started here, unless it ended with exit code 0.
   */
  resume?: "allow" | "must" | "never" | "auto" | boolean;
  /**
   * Take a run back to a step and go on from there, `RUN?_step=NUMBER`: its later rows are gone. Not together with `resume`
   * or `forkFrom`.
   */
  resumeFrom?: string;
  /** Begin a new run with the history of another up to a step, `RUN?_step=NUMBER`. */
  forkFrom?: string;
  /** Folder in which `wandb/` is made. */
  dir?: string;
  /**
   * `offline`: the log only, sent later with `steelyard sync` or `wandb sync`; `disabled`: no file, no thread, no network,
   * every call does nothing; `shared`: online, as one of several processes that write the run of this id, each with its own
   * rows: the server numbers them.
   */
  mode?: "online" | "offline" | "disabled" | "shared";
  /**
   * Name of this process before its console lines and behind its system metrics.
   *
   * @setting label
   * @default in shared mode `rank<RANK>` where that variable is set, else the host and 8 characters
   */
  label?: string;
  /**
   * `false`: leave config, summary and metadata files, packages and code to another process.
   *
   * @setting primary
   */
  primary?: boolean;
  /**
   * `false`: when this process is through, the run is not.
   *
   * @setting updateFinishState
   */
  updateFinishState?: boolean;
  /** Address of the server. */
  baseUrl?: string;
  /**
   * Key of the server.
   *
   * @default the entry of the server's host in `~/.netrc`
   */
  apiKey?: string;
  /**
   * Record standard output and error; `false` leaves them alone; `redirect` also records child processes that inherit
   * them.
   *
   * @default `true`
   */
  console?: boolean | "redirect";
  /**
   * Make a private run that only its printed link opens, till somebody claims it: `allow`: when there is no key; `must`:
   * always. Where the server offers it.
   */
  anonymous?: "never" | "allow" | "must";
  /**
   * Every row is in the log before `log` returns (some 2 microseconds more), and what would be a warning about lost or
   * mixed data is an error: a late step, a row for a finished run, a log that cannot be written, an id that is taken.
   */
  strict?: boolean;
  /**
   * What becomes of a row for a step that is past: `send`: it is recorded, and shown at its step; `drop`: it is not, as with
   * the official client.
   */
  lateSteps?: "drop" | "send";
  /**
   * How it is told that something is lost, or does not get to the server: `warn` prints it, `event` tells the listeners of
   * `run.on("dropped", …)` alone, `error` throws DroppedError: from the call that loses it, or from `finish`.
   *
   * @default `warn`; `error` in a strict run
   */
  onDrop?: "warn" | "event" | "error";
  /**
   * Store the program, what git says is not committed, and with WANDB_CODE_DIR the source files of that folder.
   *
   * @default as your account on the server says
   */
  saveCode?: boolean;
  /**
   * What becomes of the runs of this process that go on: `create_new`: they go on, and the current one stays it;
   * `finish_previous` or `true`: they are finished first; `return_previous` or `false`: no run is made, the last one is
   * given back.
   *
   * @default they go on, and the new one becomes the current one; in a notebook `finish_previous`
   */
  reinit?: "default" | "return_previous" | "finish_previous" | "create_new" | boolean;
  /** Print nothing. */
  silent?: boolean;
  /**
   * How long to wait for the server, in milliseconds (the variable: in seconds); 0: no limit.
   *
   * @setting initTimeout
   * @default `90000`
   */
  initTimeoutMs?: number;
}

/** Of a run whose rows are of another time and machine: what an importer makes. */
export interface ImportOptions {
  /** Zero of the run's clock. */
  startTimeMs?: number | undefined;
  settings?: GivenSettings;
}

/** As the settings' table has them. */
export function settingsOfOptions(options: InitOptions): GivenSettings {
  return {
    project: options.project,
    entity: options.entity,
    name: options.name,
    notes: options.notes,
    tags: options.tags,
    group: options.group,
    jobType: options.jobType,
    runId: options.id,
    resume: typeof options.resume === "boolean" ? String(options.resume) : options.resume,
    resumeFrom: options.resumeFrom,
    forkFrom: options.forkFrom,
    dir: options.dir,
    mode: options.mode,
    baseUrl: options.baseUrl,
    apiKey: options.apiKey,
    anonymous: options.anonymous,
    silent: options.silent,
    strict: options.strict,
    lateSteps: options.lateSteps,
    onDrop: options.onDrop,
    label: options.label,
    primary: options.primary,
    updateFinishState: options.updateFinishState,
    saveCode: options.saveCode,
    reinit: options.reinit,
    console: typeof options.console === "boolean" ? (options.console ? "wrap" : "off") : options.console,
    initTimeout: options.initTimeoutMs === undefined ? undefined : options.initTimeoutMs / 1000,
  };
}

/** Those whose name is another one in the table. */
const OWN_NAMES: Record<string, keyof InitOptions> = { runId: "id", initTimeout: "initTimeoutMs" };

/** A line for each word that is no option: JavaScript checks none, and a run goes to the wrong project by `projet`. */
export function unknownOptions(options: InitOptions): string[] {
  const known = ["config", ...Object.keys(settingsOfOptions({})).map((name) => OWN_NAMES[name] ?? name)];
  return Object.entries(options).flatMap(([word, value]) => {
    if (value === undefined || known.includes(word)) return [];
    const meant = OWN_NAMES[word] ?? nearest(word, known);
    return [`init({ ${word} }) is no option and does not count${meant ? `; did you mean ${meant}?` : ""}`];
  });
}

/** `job_type` is jobType to whom the Python client is known. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.replaceAll("_", "").toLowerCase();
  const distance = (name: string) => editDistance(plain(word), plain(name), 3);
  const [best] = known.toSorted((a, b) => distance(a) - distance(b));
  return best !== undefined && distance(best) < 3 ? best : undefined;
}
