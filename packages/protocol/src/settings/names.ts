import { OTHER_VARIABLES, SETTING_NAMES, type SettingName, settingOf } from "./table.ts";

/** From a variable's or a file's word to the setting it means. */

const PREFIX = "WANDB_";

interface Meaning {
  name: SettingName;
  /** Of several variables of one setting the lowest wins. */
  rank: number;
}

const VARIABLES = new Map<string, Meaning>();
const KEYS = new Map<string, SettingName>();
for (const name of SETTING_NAMES) {
  const { variables, key, aliases = [] } = settingOf(name);
  const generic = `${PREFIX}${key.toUpperCase()}`;
  // `WANDB__FOO` is the client's older word for `WANDB_X_FOO`.
  const all = [
    ...variables,
    generic,
    ...(key.startsWith("x_") ? [`${PREFIX}_${key.slice(2).toUpperCase()}`] : []),
  ];
  for (const [rank, variable] of all.entries())
    if (!VARIABLES.has(variable)) VARIABLES.set(variable, { name, rank });
  for (const word of [key, ...aliases]) KEYS.set(word, name);
}

/** The prefix must be in capitals, the rest may be in any case, as the official client reads it. */
export function settingOfVariable(variable: string): Meaning | undefined {
  const exact = VARIABLES.get(variable);
  if (exact || !variable.startsWith(PREFIX)) return exact;
  const meant = VARIABLES.get(variable.toUpperCase());
  // A second spelling of a variable that may be there properly too.
  return meant && { ...meant, rank: meant.rank + 0.5 };
}

/** A key of a settings file; a leading `_` stands for `x_`. */
export function settingOfKey(key: string): SettingName | undefined {
  return KEYS.get(key.startsWith("_") ? `x${key}` : key);
}

/** The variable that someone who wrote this probably meant; undefined for those that are known and foreign ones. */
export function probablyMeant(variable: string): string | undefined {
  if (!variable.startsWith(PREFIX) || settingOfVariable(variable) || OTHER_VARIABLES.includes(variable))
    return undefined;
  // WANDB_CONFIG_0 …, WANDB_LAUNCH_…: numbered parts and families of others.
  if (/^WANDB_(CONFIG_\d+|LAUNCH_|X_|_)/.test(variable)) return undefined;
  const written = variable.toUpperCase();
  for (const known of VARIABLES.keys()) if (known.replace("_RUN_", "_") === written) return known;
  let best: string | undefined;
  let bestDistance = 3;
  for (const known of VARIABLES.keys()) {
    const distance = editDistance(written, known, bestDistance);
    if (distance < bestDistance) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions and changes that make one of the other; at least `enough` when it is not less. */
export function editDistance(a: string, b: string, enough: number): number {
  if (Math.abs(a.length - b.length) >= enough) return enough;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? enough;
}
