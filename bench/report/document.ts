import { table } from "../../scripts/generated.mjs";
import { barsPlot, linesPlot } from "./plot.ts";
import type { BenchResult, ReportPart } from "./result.ts";

/** Folder of the pictures, from docs/. */
export const PICTURES = "images/performance";

/**
 * `before` with the section of each result made anew: where it stood, else at the end. A section without a kept result
 * stays as it is.
 */
export function performanceDocument(before: string, results: readonly BenchResult[]): string {
  return results.reduce(withSection, before);
}

/** File name → SVG, of every plot. */
export function pictures(results: readonly BenchResult[]): Map<string, string> {
  const made = new Map<string, string>();
  for (const { name, parts } of results) {
    for (const part of parts) {
      if (part.kind === "lines") made.set(pictureName(name, part.name), linesPlot(part));
      if (part.kind === "bars") made.set(pictureName(name, part.name), barsPlot(part));
    }
  }
  return made;
}

function withSection(document: string, result: BenchResult): string {
  const mark = `<!-- ${result.name} -->`;
  const end = `<!-- end ${result.name} -->`;
  const section = [
    mark,
    `## ${result.name}`,
    conditions(result),
    ...result.parts.map((part) => partText(result, part)),
    end,
  ];
  const text = section.join("\n\n");
  const from = document.indexOf(mark);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) return `${document.trimEnd()}\n\n${text}\n`;
  return document.slice(0, from) + text + document.slice(to + end.length);
}

function conditions({ date, machine, load, node, seconds, command, quick }: BenchResult): string {
  const facts = [date, machine, `Node ${node}`, `${seconds} s`, `\`${command}\``];
  if (load !== undefined) facts.push(`load ${load} when it began`);
  const warnings = [
    ...(quick ? ["a quick run: small sizes, few repeats"] : []),
    ...(load !== undefined && load > 0.5
      ? ["others were at work on this machine: only ratios within the section mean something"]
      : []),
  ];
  return facts.join(", ") + (warnings.length > 0 ? `\n\n**${warnings.join("; ")}**` : "");
}

function partText({ name }: BenchResult, part: ReportPart): string {
  switch (part.kind) {
    case "printed":
      return `\`\`\`text\n${part.text}\n\`\`\``;
    case "text":
      return part.text;
    case "table":
      return `**${part.title}**\n\n${table(part.head, part.rows)}`;
    default:
      return `![${part.title}](${PICTURES}/${pictureName(name, part.name)})`;
  }
}

function pictureName(benchmark: string, plot: string): string {
  return `${benchmark}-${plot}.svg`;
}
