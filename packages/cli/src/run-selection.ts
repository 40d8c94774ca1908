import { parseExtendedJson, stringifyExtendedJson } from "@steelyard/protocol/history";
import type { Command } from "commander";
import { EXIT } from "./exit-status.ts";
import { CommandError } from "./terminal.ts";

/** Which runs of a project are meant. */
export interface Selection {
  project?: string;
  entity?: string;
  filter: string[];
  state: string[];
  tag: string[];
}

const collected = (value: string, before: string[]): string[] => [...before, value];

export function withSelection(command: Command): Command {
  return command
    .option("-p, --project <project>", "project, or entity/project")
    .option("-e, --entity <entity>", "user or team that has the project")
    .option(
      "--filter <condition>",
      'such as "config.lr>0.1", "summary.loss<=0.5", "group=a", "display_name~^base", or JSON as the Python API takes it; several are all to hold',
      collected,
      [],
    )
    .option(
      "--state <state>",
      "running, finished, failed, crashed, killed …; several: any of them",
      collected,
      [],
    )
    .option("--tag <tag>", "runs with this tag; several: with each of them", collected, []);
}

export function selects({ filter, state, tag }: Selection): boolean {
  return filter.length + state.length + tag.length > 0;
}

/** The filter in the manner of MongoDB that the server takes. Throws CommandError for a condition it cannot read. */
export function filterOf({ filter, state, tag }: Selection): Record<string, unknown> {
  const parts: Record<string, unknown>[] = [
    ...filter.map(condition),
    ...(state.length > 0 ? [{ state: { $in: state.map(stateOf) } }] : []),
    ...tag.map((name) => ({ tags: name })),
  ];
  return parts.length > 1 ? { $and: parts } : (parts[0] ?? {});
}

const STATES = ["pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted"];

function stateOf(text: string): string {
  if (STATES.includes(text)) return text;
  throw new CommandError(`--state takes one of ${STATES.join(", ")}; not "${text}"`, EXIT.usage);
}

const OPERATORS: Record<string, string> = {
  "=": "$eq",
  "==": "$eq",
  "!=": "$ne",
  ">": "$gt",
  ">=": "$gte",
  "<": "$lt",
  "<=": "$lte",
  "~": "$regex",
};

function condition(text: string): Record<string, unknown> {
  if (text.trimStart().startsWith("{")) {
    const value = scalarOf(text);
    if (typeof value === "object") return value as Record<string, unknown>;
    throw new CommandError(`--filter ${text} is no JSON object`, EXIT.usage);
  }
  const [, field = "", operator = "", value = ""] =
    /^\s*([^=!<>~]+?)\s*(==|!=|>=|<=|=|>|<|~)\s*(.*)$/s.exec(text) ?? [];
  const name = OPERATORS[operator];
  if (name !== undefined && value === "")
    throw new CommandError(`--filter ${text} has no value; "" is an empty text`, EXIT.usage);
  if (name === undefined)
    throw new CommandError(
      `--filter takes FIELD OPERATOR VALUE with one of ${Object.keys(OPERATORS).join(" ")}, or JSON; "${text}" is neither`,
      EXIT.usage,
    );
  return { [field]: { [name]: name === "$regex" ? value : scalarOf(value) } };
}

/** A JSON value, else the text as it is. */
function scalarOf(text: string): unknown {
  try {
    const value = parseExtendedJson(text);
    // Digits that a number cannot hold are an id.
    return typeof value === "number" && stringifyExtendedJson(value) !== text.trim() && !/[.eE]/.test(text)
      ? text
      : value;
  } catch {
    return text;
  }
}
