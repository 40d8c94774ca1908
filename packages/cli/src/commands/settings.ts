import {
  allowedValues,
  type Candidate,
  probablyMeant,
  SETTING_NAMES,
  settingOf,
  settingOfKey,
  settingOfVariable,
} from "@steelyard/protocol/settings";
import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { CommandError, PROGRAM, print, printJson, styled, table } from "../terminal.ts";
import { shown } from "./status.ts";

export function settingsCommand(): Command {
  return new Command("settings")
    .description("every setting: its value, where it comes from, and why")
    .addCommand(
      new Command("list")
        .description("the settings that somebody has set, or with --all every one")
        .option("--all", "also those that hold by default")
        .option("--json", "as JSON")
        .action(list),
    )
    .addCommand(
      new Command("explain")
        .description("every source of one setting, what it says, which won and what the setting does")
        .argument("<variable>", "WANDB_PROJECT, run_name, or apiKey")
        .option("--json", "as JSON")
        .action(explain),
    );
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** `later` as in the table. */
const laterText = (later: string) => `no effect yet: it comes with ${later}`;

function list(options: { all?: boolean; json?: boolean }): void {
  const { settings, origins } = settingsOf();
  const rows = SETTING_NAMES.filter((name) => options.all || origins[name].kind !== "default").map(
    (name) => ({
      name,
      variable: settingOf(name).variables[0],
      value: shown(name, settings[name]),
      source: origins[name].name,
    }),
  );
  if (options.json) printJson(rows);
  else if (rows.length === 0)
    print("Nothing is set; `steelyard settings list --all` shows what holds by default.");
  else print(table(rows.map(({ variable, value, source }) => [variable, asText(value), source])));
}

function explain(word: string, options: { json?: boolean }): void {
  const name =
    settingOfVariable(word)?.name ?? settingOfKey(word) ?? SETTING_NAMES.find((known) => known === word);
  if (!name) {
    const meant = probablyMeant(word.startsWith("WANDB_") ? word : `WANDB_${word.toUpperCase()}`);
    throw new CommandError(
      `${word} is no setting;${meant ? ` did you mean ${meant}?` : ""} \`${PROGRAM} settings list --all\` shows their names, docs/environment-variables.md what they do`,
    );
  }
  const setting = settingOf(name);
  const { settings, origins, candidates } = settingsOf();
  const said: readonly Candidate[] = candidates.get(name) ?? [];
  const korean = /^ko/.test(process.env.LC_ALL ?? process.env.LC_MESSAGES ?? process.env.LANG ?? "");
  if (options.json) {
    printJson({
      name,
      variables: setting.variables,
      key: setting.key,
      value: shown(name, settings[name]),
      source: origins[name].name,
      sources: said.map(({ origin, value }) => ({ source: origin.name, value: shown(name, value) })),
      default: setting.default ?? null,
      allowed: allowedValues(setting),
      effect: setting.en,
      ...(setting.later ? { noEffectYet: laterText(setting.later) } : {}),
    });
    return;
  }
  print(styled("bold", `${setting.variables.join(", ")}`, process.stdout));
  print(`  ${korean ? setting.ko : setting.en}`);
  if (setting.later) print(`  ${laterText(setting.later)}`);
  print(`  allowed: ${allowedValues(setting)}`);
  print("");
  const byDefault = setting.otherwise?.[korean ? "ko" : "en"] ?? asText(setting.default ?? null);
  const rows = [
    ["default", byDefault],
    ...said.map(({ origin, value }) => [origin.name, asText(shown(name, value))] as const),
  ];
  print(
    table(rows.map(([source = "", value = ""], at) => [at === rows.length - 1 ? "→" : " ", source, value])),
  );
  if (origins[name].kind !== "default" && said.at(-1)?.origin.name !== origins[name].name)
    print(`\n  ${origins[name].name} has the last word: ${asText(shown(name, settings[name]))}`);
}
