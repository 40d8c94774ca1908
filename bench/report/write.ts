import { writeFileSync } from "node:fs";
import type { ReportPart, TablePart } from "./result.ts";

/** The report of the running benchmark: to the file `npm run bench` named, and readable to the terminal. */
export function writeReport(parts: ReportPart[]): void {
  const path = process.env.STEELYARD_BENCH_REPORT;
  if (path) writeFileSync(path, JSON.stringify({ parts }));
  for (const part of parts) {
    if (part.kind === "table") console.log(`\n${plainTable(part)}`);
    else if (part.kind === "text" || part.kind === "printed") console.log(`\n${part.text}`);
  }
}

function plainTable({ title, head, rows }: TablePart): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
  return [title, ...text].join("\n");
}
