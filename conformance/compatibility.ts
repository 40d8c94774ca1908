import { readFileSync, writeFileSync } from "node:fs";
import { table, tableRow, withGenerated } from "../scripts/generated.mjs";

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

/** A log of one side brought to a server by the other. */
export interface LogResult {
  version: string;
  direction: string;
  result: string;
}

const DOCUMENT = new URL("../docs/compatibility.md", import.meta.url);

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
  const clients = table(
    ["feature", ...versions],
    features.map((feature) => [feature, ...versions.map((version) => cell(version, feature))]),
  );
  writePart("official client", () => [clients, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n"));
}

/** The table of logs, direction × client. */
export function writeLogResults(directions: readonly string[], results: readonly LogResult[]): void {
  if (results.length === 0) return;
  const versions = [...new Set(results.map(({ version }) => version))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  writePart("logs", () =>
    table(
      ["log", ...versions],
      directions.map((direction) => [
        direction,
        ...versions.map(
          (version) =>
            results.find((one) => one.version === version && one.direction === direction)?.result ??
            "not run",
        ),
      ]),
    ),
  );
}

/**
 * The table of integrations. Only what ran is written anew: most of them need gigabytes and seldom run, and what they
 * showed last stays. `order` are all there are; others leave the table.
 */
export function writeIntegrations(order: readonly string[], results: readonly IntegrationResult[]): void {
  if (results.length === 0) return;
  writePart("integrations", (before) => {
    const rows = order.map((name) => {
      const ran = results.find(({ integration }) => integration === name);
      if (ran) return tableRow([name, ran.versions, ran.compared, ran.result]);
      return (
        before.split("\n").find((line) => line.startsWith(`| ${name} |`)) ??
        tableRow([name, "–", "–", "not run"])
      );
    });
    const head = ["integration", "of", "handed to the client and found on the server", "result"];
    return [table(head, []), ...rows].join("\n");
  });
}

/** Written only when it changed. */
function writePart(name: string, make: (before: string) => string): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const after = withGenerated(text, name, make);
  if (after !== text) writeFileSync(DOCUMENT, after);
}
