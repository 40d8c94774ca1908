import { readFileSync, writeFileSync } from "node:fs";

export interface FeatureResult {
  feature: string;
  result: "works" | "differs" | "absent";
  note: string;
}

const DOCUMENT = new URL("../docs/compatibility.md", import.meta.url);
const BEGIN = "<!-- generated: official client -->";
const END = "<!-- end -->";

/** The table of `docs/compatibility.md`, client × feature; written only when it changed. */
export function writeCompatibility(results: ReadonlyMap<string, FeatureResult[]>): void {
  // Clients run side by side and end in any order.
  const versions = [...results.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
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
    `| feature | ${versions.join(" | ")} |`,
    `|---|${versions.map(() => "---").join("|")}|`,
    ...features.map(
      (feature) => `| ${feature} | ${versions.map((version) => cell(version, feature)).join(" | ")} |`,
    ),
  ];
  const before = readFileSync(DOCUMENT, "utf8");
  const head = before.slice(0, before.indexOf(BEGIN) + BEGIN.length);
  const tail = before.slice(before.indexOf(END));
  const text = `${head}\n\n${[...table, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n")}\n\n${tail}`;
  if (text !== before && versions.length > 0) writeFileSync(DOCUMENT, text);
}
