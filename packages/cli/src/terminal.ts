import { basename } from "node:path";
import { styleText } from "node:util";
import { askUser, canAsk } from "steelyard/command-line";

/**
 * The command line's manners: what a script reads goes to standard output, everything else to standard error with the
 * program's name before it; colour only on a terminal.
 */

/** `wandb` when called through an alias of that name. */
export const PROGRAM =
  basename(process.argv[1] ?? "").replace(/\.\w+$/, "") === "wandb" ? "wandb" : "steelyard";

/** An error that was expected: its message is for the user and the exit status is 1 unless another is given. */
export class CommandError extends Error {
  readonly status: number;
  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Plain where the stream is no terminal, or NO_COLOR is set. */
export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stderr): string {
  return styleText(style, text, { stream, validateStream: true });
}

export function info(text: string): void {
  process.stderr.write(`${styled("dim", `${PROGRAM}:`)} ${text}\n`);
}

export function warn(text: string): void {
  process.stderr.write(`${styled("dim", `${PROGRAM}:`)} ${styled("yellow", "WARNING")} ${text}\n`);
}

/** For whoever asked: standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Columns as wide as their longest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (known, row) => row.map((cell, at) => Math.max(known[at] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at < row.length - 1 ? cell.padEnd(widths[at] ?? 0) : cell))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export const isInteractive = canAsk;

/** What the user types; nothing is shown of it when `hidden`. Throws when the input ends. */
export async function ask(question: string, options: { hidden?: boolean } = {}): Promise<string> {
  const answer = await askUser(question, options);
  if (answer === undefined) throw new CommandError("Aborted!");
  return answer;
}

export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N]: `)).trim());
}

/** The one of `choices` with the number that the user types. */
export async function choose(question: string, choices: readonly string[]): Promise<string> {
  for (const [at, choice] of choices.entries()) process.stderr.write(`  (${at + 1}) ${choice}\n`);
  for (;;) {
    const chosen = choices[Number((await ask(`${question} (1-${choices.length}): `)).trim()) - 1];
    if (chosen !== undefined) return chosen;
  }
}

/** Everything that comes on standard input, without the newline at its end. */
export async function readStandardInput(): Promise<string> {
  let text = "";
  for await (const part of process.stdin.setEncoding("utf8")) text += part as string;
  return text.replace(/\r?\n$/, "");
}
