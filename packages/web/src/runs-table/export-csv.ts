import { everyRun, type RunSet } from "../runs/run-window.ts";
import { saveFile } from "../ui/save-file.ts";
import { exportOf, valuesOf } from "./columns.ts";

/** Every run of the set as CSV (RFC 4180), the columns that are shown, numbers whole. */
export async function exportCsv(set: RunSet, columns: readonly string[]): Promise<void> {
  const parts = [`${["id", "name", ...columns].map(csvCell).join(",")}\n`];
  for await (const runs of everyRun(set)) {
    for (const run of runs) {
      const row = valuesOf(run);
      const cells = [run.name, run.displayName, ...columns.map((id) => exportOf(row, id))];
      parts.push(`${cells.map(csvCell).join(",")}\n`);
    }
  }
  saveFile(new Blob(parts, { type: "text/csv" }), `${set.project}-runs.csv`);
}

/** Text that a spreadsheet would run as a formula is marked as text. */
function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
