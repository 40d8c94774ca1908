/**
 * THE table of settings: every variable that means something to us, once. Types, parsing, documentation and tests come
 * from it.
 */
export interface Setting {
  variable: string;
  kind: "string" | "boolean" | "list" | "number" | "choice";
  choices?: readonly string[];
  /** What holds when nothing is said; "" = none. */
  default: string;
  en: string;
  ko: string;
}

export const SETTINGS = {
  apiKey: {
    variable: "WANDB_API_KEY",
    kind: "string",
    default: "",
    en: "Key that says who you are; else the entry of the server's host in ~/.netrc.",
    ko: "사용자를 나타내는 키. 없으면 ~/.netrc 에서 서버 호스트의 항목을 씁니다.",
  },
  baseUrl: {
    variable: "WANDB_BASE_URL",
    kind: "string",
    default: "https://api.wandb.ai",
    en: "Address of the server.",
    ko: "서버 주소.",
  },
  project: {
    variable: "WANDB_PROJECT",
    kind: "string",
    default: "uncategorized",
    en: "Project of the run.",
    ko: "실행이 속할 프로젝트.",
  },
  entity: {
    variable: "WANDB_ENTITY",
    kind: "string",
    default: "",
    en: "User or team the run belongs to; yourself when not given.",
    ko: "실행이 속할 사용자 또는 팀. 없으면 본인.",
  },
  runId: {
    variable: "WANDB_RUN_ID",
    kind: "string",
    default: "",
    en: "Id of the run, at most 64 characters; every non-word character becomes a dash.",
    ko: "실행 ID, 64자 이하. 단어 문자가 아닌 것은 대시로 바뀝니다.",
  },
  name: {
    variable: "WANDB_NAME",
    kind: "string",
    default: "",
    en: "Name shown for the run.",
    ko: "표시할 실행 이름.",
  },
  notes: {
    variable: "WANDB_NOTES",
    kind: "string",
    default: "",
    en: "Notes on the run.",
    ko: "실행에 대한 메모.",
  },
  tags: {
    variable: "WANDB_TAGS",
    kind: "list",
    default: "",
    en: "Tags, separated by commas.",
    ko: "쉼표로 구분한 태그.",
  },
  group: {
    variable: "WANDB_RUN_GROUP",
    kind: "string",
    default: "",
    en: "Group the run is part of.",
    ko: "실행이 속한 그룹.",
  },
  jobType: {
    variable: "WANDB_JOB_TYPE",
    kind: "string",
    default: "",
    en: "Kind of work: train, eval …",
    ko: "작업 유형: train, eval …",
  },
  mode: {
    variable: "WANDB_MODE",
    kind: "choice",
    choices: ["online", "offline", "disabled"],
    default: "online",
    en: "online sends live; offline writes the log only; disabled does nothing at all.",
    ko: "online 은 실시간 전송, offline 은 로그만 기록, disabled 는 아무것도 하지 않습니다.",
  },
  resume: {
    variable: "WANDB_RESUME",
    kind: "choice",
    choices: ["", "allow", "must", "never", "auto"],
    default: "",
    en: "What to do when a run of that id exists.",
    ko: "같은 ID의 실행이 있을 때의 동작.",
  },
  dir: {
    variable: "WANDB_DIR",
    kind: "string",
    default: ".",
    en: "Folder in which `wandb/` is made for logs and files.",
    ko: "로그와 파일을 담을 `wandb/` 폴더를 만들 위치.",
  },
  console: {
    variable: "WANDB_CONSOLE",
    kind: "choice",
    choices: ["auto", "wrap", "off"],
    default: "auto",
    en: "Whether standard output and error are recorded.",
    ko: "표준 출력과 오류의 기록 여부.",
  },
  silent: {
    variable: "WANDB_SILENT",
    kind: "boolean",
    default: "false",
    en: "Print nothing.",
    ko: "아무것도 출력하지 않습니다.",
  },
  quiet: {
    variable: "WANDB_QUIET",
    kind: "boolean",
    default: "false",
    en: "Print only the link to the run and what is serious.",
    ko: "실행 링크와 중요한 것만 출력합니다.",
  },
  symlink: {
    variable: "WANDB_SYMLINK",
    kind: "boolean",
    default: "true",
    en: "Whether `latest-run` and `debug.log` point to the newest run.",
    ko: "`latest-run` 과 `debug.log` 가 가장 최근 실행을 가리킬지 여부.",
  },
  host: {
    variable: "WANDB_HOST",
    kind: "string",
    default: "",
    en: "Name of the machine as shown.",
    ko: "표시할 머신 이름.",
  },
  sweepId: {
    variable: "WANDB_SWEEP_ID",
    kind: "string",
    default: "",
    en: "Sweep the run is part of.",
    ko: "실행이 속한 스윕.",
  },
  disableGit: {
    variable: "WANDB_DISABLE_GIT",
    kind: "boolean",
    default: "false",
    en: "Record nothing of the git repository.",
    ko: "git 저장소 정보를 기록하지 않습니다.",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** A value that is not allowed: names the variable, the value, where it came from and what is allowed. */
export class SettingError extends Error {}

type Value<S extends Setting> = S["kind"] extends "boolean"
  ? boolean
  : S["kind"] extends "list"
    ? string[]
    : S["kind"] extends "number"
      ? number
      : string;
export type Settings = { -readonly [Name in SettingName]: Value<(typeof SETTINGS)[Name]> };

/**
 * Arguments win over variables, variables over defaults; an empty variable is none. Throws SettingError before anything
 * is set: there is no half-loaded state.
 */
export function resolveSettings(
  given: Partial<Record<SettingName, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const resolved: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    const argument = given[name];
    const variable = environment[setting.variable];
    if (argument !== undefined && argument !== null)
      resolved[name] = parse(setting, argument, `the argument ${name}`);
    else if (variable !== undefined && variable !== "")
      resolved[name] = parse(setting, variable, setting.variable);
    else resolved[name] = parse(setting, setting.default, "the default");
  }
  return resolved as Settings;
}

function parse(setting: Setting, value: unknown, from: string): unknown {
  const wrong = (allowed: string) =>
    new SettingError(`${from} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  switch (setting.kind) {
    case "boolean": {
      if (typeof value === "boolean") return value;
      const text = String(value).trim().toLowerCase();
      if (["true", "1", "t", "yes", "y", "on"].includes(text)) return true;
      if (["false", "0", "f", "no", "n", "off", ""].includes(text)) return false;
      throw wrong("true or false");
    }
    case "list":
      if (Array.isArray(value)) return value.map(String);
      return String(value)
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    case "number": {
      const number = Number(value);
      if (!Number.isFinite(number)) throw wrong("a number");
      return number;
    }
    case "choice":
      if (typeof value !== "string" || !setting.choices?.includes(value))
        throw wrong(setting.choices?.filter(Boolean).join(", ") ?? "");
      return value;
    case "string":
      if (typeof value !== "string") throw wrong("a text");
      return value;
  }
}
