import { readFileSync, writeFileSync } from "node:fs";

export interface FeatureResult {
  feature: string;
  result: "works" | "differs" | "absent";
  note: string;
}

export interface IntegrationResult {
  integration: string;
  /** What it came with, with versions. */
  versions: string;
  /** What was handed to the client and then found on the server, in words. */
  compared: string;
  /** `works`, or `differs: how`. */
  result: string;
}

const DOCUMENT = new URL("../docs/compatibility.md", import.meta.url);
const END = "<!-- end -->";

/** The table of `docs/compatibility.md`, client × feature. */
export function writeCompatibility(results: ReadonlyMap<string, FeatureResult[]>): void {
  // Clients run side by side and end in any order.
  const versions = [...results.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (versions.length === 0) return;
  const features = [...new Set([...results.values()].flat().map(({ feature }) => feature))];
  const notes: string[] = [];
  const cell = (version: string, feature: string) => {
    const found = results.get(version)?.find((result) => result.feature === feature);
    if (!found || found.result === "works") return found ? "works" : "not run";
    if (found.result === "absent") return "–";
    notes.push(`- ${version}, ${feature}: ${found.note.split("\n")[0]}`);
    return "differs";
  };
  const table = [
    row(["feature", ...versions]),
    row(["", ...versions].map(() => "---")),
    ...features.map((feature) => row([feature, ...versions.map((version) => cell(version, feature))])),
  ];
  writeGenerated("official client", () => [...table, ...(notes.length > 0 ? ["", ...notes] : [])]);
}

/**
 * The table of integrations. Only what ran is written anew: most of them need gigabytes and seldom run, and what they
 * showed last stays. `order` are all there are; others leave the table.
 */
export function writeIntegrations(order: readonly string[], results: readonly IntegrationResult[]): void {
  if (results.length === 0) return;
  writeGenerated("integrations", (before) => {
    const rowOf = (name: string) => {
      const ran = results.find(({ integration }) => integration === name);
      if (ran) return row([name, ran.versions, ran.compared, ran.result]);
      return before.find((line) => line.startsWith(`| ${name} |`)) ?? row([name, "–", "–", "not run"]);
    };
    return [
      row(["integration", "of", "handed to the client and found on the server", "result"]),
      row(["---", "---", "---", "---"]),
      ...order.map(rowOf),
    ];
  });
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** What stands between `<!-- generated: NAME -->` and the next end, made anew; written only when it changed. */
function writeGenerated(name: string, lines: (before: string[]) => string[]): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const mark = `<!-- generated: ${name} -->`;
  const begin = text.indexOf(mark) + mark.length;
  const end = text.indexOf(END, begin);
  const made = lines(text.slice(begin, end).trim().split("\n")).join("\n");
  const after = `${text.slice(0, begin)}\n\n${made}\n\n${text.slice(end)}`;
  if (after !== text) writeFileSync(DOCUMENT, after);
}
