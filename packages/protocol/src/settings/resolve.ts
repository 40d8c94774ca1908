import { probablyMeant, settingOfKey, settingOfVariable } from "./names.ts";
import type { Branch, Origin, Setting } from "./setting.ts";
import { parseSettingsFile, SettingsFileError } from "./settings-file.ts";
import { type GivenSettings, SETTING_NAMES, type SettingName, type Settings, settingOf } from "./table.ts";
import { type Parsed, parseGiven, parseText, ValueError } from "./values.ts";

/** Where settings may come from; of those that say something the later one wins, file by file. */
export interface Sources {
  files?: readonly { path: string; text: string }[];
  environment?: Readonly<Record<string, string | undefined>>;
  /** Given for the whole process. */
  setup?: GivenSettings;
  /** Given for one run. */
  init?: GivenSettings;
}

/** What one source says of a setting. */
export interface Candidate {
  origin: Origin;
  value: unknown;
}

export interface Resolved {
  settings: Settings;
  /** Where each value comes from. */
  origins: Record<SettingName, Origin>;
  /** All that was said of each setting, the winner last; settings nobody spoke of are not in it. */
  candidates: ReadonlyMap<SettingName, readonly Candidate[]>;
  /** For the user to read: words that were changed, keys that do not count. */
  warnings: string[];
}

/** Every value that is not allowed, each with its name, where it came from and what is. Nothing was set. */
export class SettingsError extends Error {
  /** "SettingsError". */
  override readonly name = "SettingsError";
  /** One sentence each; `message` has them a line each. */
  readonly problems: readonly string[];
  /** @internal Made where settings are resolved. */
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/**
 * Defaults, then settings files, variables, `setup()`, `init()`. A bad line of a file costs that line and a warning; a bad
 * variable or argument throws SettingsError, and the same sources throw the same error again: there is no half-loaded state.
 */
export function resolveSettings(sources: Sources): Resolved {
  const round = new Round();
  for (const { path, text } of sources.files ?? []) round.file(path, text);
  round.environment(sources.environment ?? {});
  round.given(sources.setup ?? {}, "setup");
  round.given(sources.init ?? {}, "init");
  return round.result();
}

/** As code calls it. */
const optionOf = (name: SettingName) => (name === "runId" ? "id" : name);

class Round {
  readonly #candidates = new Map<SettingName, Candidate[]>();
  readonly #warnings: string[] = [];
  readonly #problems: string[] = [];

  file(path: string, text: string): void {
    let entries: ReturnType<typeof parseSettingsFile>;
    try {
      entries = parseSettingsFile(text);
    } catch (error) {
      if (!(error instanceof SettingsFileError)) throw error;
      this.#warnings.push(`${path}:${error.line}: ${error.message}; the file does not count`);
      return;
    }
    for (const { key, value, line } of entries) {
      const where = `${path}:${line}`;
      const name = settingOfKey(key);
      if (!name) {
        this.#warnings.push(`${where}: ${key} is no setting; this line does not count`);
        continue;
      }
      const setting = settingOf(name);
      if (setting.notInFiles) {
        this.#warnings.push(
          `${where}: ${key} cannot be set in a file; set ${setting.variables[0]}. This line does not count`,
        );
        continue;
      }
      if (setting.secret)
        this.#warnings.push(`${where}: ${key} is a secret; keep it out of files that are shared`);
      const said = this.#parse(
        setting,
        where,
        value,
        () => parseText(setting, value, "file"),
        this.#warnings,
      );
      this.#add(name, { kind: "file", name: where }, said);
    }
  }

  environment(environment: Readonly<Record<string, string | undefined>>): void {
    const said = new Map<SettingName, { variable: string; rank: number; parsed: Parsed }[]>();
    for (const [variable, text] of Object.entries(environment)) {
      if (text === undefined) continue;
      const meaning = settingOfVariable(variable);
      if (!meaning) {
        const meant = probablyMeant(variable);
        if (meant) this.#warnings.push(`${variable} means nothing; did you mean ${meant}?`);
        continue;
      }
      const setting = settingOf(meaning.name);
      const parsed = this.#parse(
        setting,
        variable,
        text,
        () => parseText(setting, text, "environment"),
        this.#problems,
      );
      if (parsed?.value === undefined) continue;
      const all = said.get(meaning.name) ?? [];
      all.push({ variable, rank: meaning.rank, parsed });
      said.set(meaning.name, all);
    }
    for (const [name, all] of said) {
      // The one that counts comes last.
      all.sort((a, b) => b.rank - a.rank);
      const winner = all.at(-1);
      for (const { variable, parsed } of all) {
        this.#add(name, { kind: "environment", name: variable }, parsed);
        if (winner && JSON.stringify(parsed.value) !== JSON.stringify(winner.parsed.value))
          this.#warnings.push(`${variable} and ${winner.variable} differ; ${winner.variable} counts`);
      }
    }
  }

  given(given: GivenSettings, kind: "setup" | "init"): void {
    for (const name of SETTING_NAMES) {
      const value = given[name];
      if (value === undefined || value === null) continue;
      const setting = settingOf(name);
      const where = `${kind}({ ${optionOf(name)} })`;
      const said = this.#parse(setting, where, value, () => parseGiven(setting, value), this.#problems);
      this.#add(name, { kind, name: where }, said);
    }
  }

  result(): Resolved {
    this.#settleBranches();
    this.#settleSweep();
    const settings: Record<string, unknown> = {};
    const origins: Partial<Record<SettingName, Origin>> = {};
    for (const name of SETTING_NAMES) {
      const winner = this.#winner(name);
      settings[name] = winner ? winner.value : settingOf(name).default;
      origins[name] = winner?.origin ?? { kind: "default", name: "default" };
    }
    this.#checkTogether(settings as Settings);
    this.#settleCode(settings as Settings, origins as Record<SettingName, Origin>);
    if (this.#problems.length > 0) throw new SettingsError(this.#problems);
    return {
      settings: settings as Settings,
      origins: origins as Record<SettingName, Origin>,
      candidates: this.#candidates,
      warnings: this.#warnings,
    };
  }

  /** Undefined when the value cannot be; why is told in `told`. */
  #parse(
    setting: Setting,
    where: string,
    given: unknown,
    parse: () => Parsed,
    told: string[],
  ): Parsed | undefined {
    try {
      const parsed = parse();
      if (parsed.warning) this.#warnings.push(`${where}: ${parsed.warning}`);
      return parsed;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      if (setting.falseWhenUnknown) {
        this.#warnings.push(
          `${where} is ${shown(setting, given)}, which counts as false; allowed: ${error.message}`,
        );
        return { value: false };
      }
      told.push(`${where} is ${shown(setting, given)}; allowed: ${error.message}`);
      return undefined;
    }
  }

  #add(name: SettingName, origin: Origin, said: Parsed | undefined): void {
    if (said?.value === undefined) return;
    const all = this.#candidates.get(name) ?? [];
    all.push({ origin, value: said.value });
    this.#candidates.set(name, all);
  }

  #winner(name: SettingName): Candidate | undefined {
    return this.#candidates.get(name)?.at(-1);
  }

  /** Only one of these can be meant. The nearest source decides; two of one source contradict each other. */
  #settleBranches(): void {
    const said = (["resume", "resumeFrom", "forkFrom"] as const).flatMap((name) => {
      const winner = this.#winner(name);
      return winner ? [{ name, origin: winner.origin, rank: RANK[winner.origin.kind] }] : [];
    });
    const nearest = Math.max(...said.map(({ rank }) => rank));
    const meant = said.filter(({ rank }) => rank === nearest);
    if (meant.length > 1)
      this.#problems.push(
        `${meant.map(({ origin }) => origin.name).join(" and ")} contradict each other; give one of them`,
      );
    for (const { name, origin, rank } of said) {
      if (rank === nearest) continue;
      this.#candidates.delete(name);
      this.#warnings.push(`${origin.name} does not count: ${meant[0]?.origin.name} says how the run begins`);
    }
  }

  /** Where a trial goes is the sweep's affair: an agent has set it for the whole process. */
  #settleSweep(): void {
    const sweep = this.#winner("sweepId")?.origin;
    if (!sweep || sweep.kind === "init") return;
    for (const name of ["project", "entity", "runId"] as const) {
      const all = this.#candidates.get(name) ?? [];
      const others = all.filter(({ origin }) => origin.kind !== "init");
      if (others.length === all.length) continue;
      this.#candidates.set(name, others);
      this.#warnings.push(
        `init({ ${optionOf(name)} }) does not count: ${sweep.name} makes the run a trial of a sweep; unset it for a run of its own`,
      );
    }
  }

  #checkTogether({
    runId,
    forkFrom,
    resumeFrom,
    mode,
    skipTransactionLog,
    strict,
    apiKey,
    identityTokenFile,
  }: Settings) {
    const problem = (text: string) => this.#problems.push(text);
    const { run: parent } = (forkFrom ?? {}) as Partial<Branch>;
    if (runId !== undefined && runId === parent)
      problem(`a run cannot be forked from itself: WANDB_RUN_ID and WANDB_FORK_FROM both name ${runId}`);
    if (runId !== undefined && resumeFrom && runId !== resumeFrom.run)
      problem(
        `WANDB_RESUME_FROM takes back the run ${resumeFrom.run}, but the run's id is ${runId}; give one of them`,
      );
    if ((mode === "offline" || mode === "dryrun") && skipTransactionLog)
      problem("an offline run is its log: WANDB_X_SKIP_TRANSACTION_LOG cannot be true then");
    if (strict && skipTransactionLog)
      problem("a strict run has every row in its log: WANDB_X_SKIP_TRANSACTION_LOG cannot be true then");
    if (apiKey !== undefined && identityTokenFile !== undefined)
      problem("WANDB_API_KEY and WANDB_IDENTITY_TOKEN_FILE are both set; unset one of them");
  }

  /** `disableCode` is the last word, also against `saveCode` from code. */
  #settleCode(settings: Settings, origins: Record<SettingName, Origin>): void {
    if (settings.disableCode !== true) return;
    if (settings.saveCode === true)
      this.#warnings.push(
        `${origins.saveCode.name} does not count: ${origins.disableCode.name} forbids storing code`,
      );
    settings.saveCode = false;
    origins.saveCode = origins.disableCode;
  }
}

const RANK: Record<Origin["kind"], number> = { default: 0, file: 1, environment: 2, setup: 3, init: 4 };
const MAX_SHOWN = 100;

/** A value as messages show it; of a secret only its length. */
export function shown(setting: Setting, value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  if (setting.secret) return `a secret of ${text.length} characters`;
  const told = withoutLogin(text);
  return JSON.stringify(told.length > MAX_SHOWN ? `${told.slice(0, MAX_SHOWN)}…` : told);
}

/** A value as may be shown and kept: of a secret only that it is there, of an address no user and no password. */
export function tellable(setting: Setting, value: unknown): unknown {
  if (value === undefined || value === null) return value;
  if (setting.secret) return "(given)";
  return typeof value === "string" ? withoutLogin(value) : value;
}

function withoutLogin(text: string): string {
  return text.replace(/(\/\/)[^/?#\s]*@/g, "$1");
}
