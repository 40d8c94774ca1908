/** A row of a file that is imported, or why a line is none. */
export type ImportedRow =
  | { kind: "row"; line: number; values: Record<string, unknown> }
  | { kind: "bad"; line: number; reason: string };

/** Longer lines no server takes; a quote that is never closed would otherwise be the rest of the file. */
export const MAX_ROW_CHARACTERS = 10_383_360;
