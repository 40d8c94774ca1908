/** What a value of a setting may be; `values.ts` parses each from a text. */
export type Kind =
  | "text"
  | "flag"
  | "choice"
  | "list"
  | "number"
  | "integer"
  | "path"
  | "url"
  /** Integers: `[0, 1]` or `0,1`. */
  | "integers"
  /** Text to text, as a JSON object. */
  | "map"
  /** `RUN?METRIC=NUMBER`: where a run branches from another. */
  | "branch";

/** Where a run branches from another: its id, the metric that counts (only `_step`), and the last value kept. */
export interface Branch {
  run: string;
  metric: string;
  value: number;
}

/** A reason why the value cannot be, naming what is allowed; undefined when it can. */
export type Check = (value: string, source: "environment" | "file" | "code") => string | undefined;

export interface Setting {
  /** Variables that set it; where two are set, the first wins. `WANDB_` + the key in capitals always does as well. */
  variables: readonly [string, ...string[]];
  /** Its name in settings files and in the official client. */
  key: string;
  /** Other names it has in settings files. */
  aliases?: readonly string[];
  kind: Kind;
  /** Of a choice: its values. */
  choices?: readonly string[];
  /** Of a choice: other words for a value; undefined = as if nothing was said. */
  words?: Readonly<Record<string, string | boolean | undefined>>;
  /** Of a number: bounds, both allowed. */
  min?: number;
  max?: number;
  check?: Check;
  /** What is made of the text before it is checked: `trim` takes blanks off its ends, others say what they do. */
  tidy?: (text: string) => { value: string; warning?: string };
  /** What holds when nothing is said. Absent: nothing does, or `otherwise` says what. */
  default?: string | number | boolean | readonly string[];
  /** In words, where the default is found out at run time. */
  otherwise?: { en: string; ko: string };
  /** Not taken from settings files: a warning says so. */
  notInFiles?: true;
  /** Of a flag: an unknown word is a warning and counts as false, since what only watches a program must not stop it. */
  falseWhenUnknown?: true;
  /** Never shown, printed or stored. */
  secret?: true;
  /** What it belongs to is not there yet: it is read and checked, and does nothing. */
  later?: "sweeps" | "tables" | "media" | "registries";
  /** On the page of variables that W&B documents. */
  page?: true;
  en: string;
  ko: string;
}

/** One name, one value and where it came from. */
export interface Origin {
  /** `default`, a variable's name, `path:line`, `setup()`, `init()`. */
  name: string;
  kind: "default" | "file" | "environment" | "setup" | "init";
}
