/** What the files of earlier versions hold. */

/** Rows of the long run: more than a span has. */
export const LONG_ROWS = 66_000;
export const ROWS = 5000;
/** Of `ROWS`, those that were still in the journal. */
export const JOURNAL_ROWS = 40;
/** Line that was sent twice, with other values, after it was sealed. */
export const REPLACED = 1234;
export const FORK_STEP = 3000;
export const FORKED_ROWS = 20;
export const REWOUND_ROWS = 600;
export const REWOUND_TO = 450;
export const CONSOLE_LINES = 300;
export const EVENTS = 150;

/** Of every kind of value there is. */
export function row(line: number): string {
  const loss = line % 97 === 5 ? "NaN" : line % 101 === 7 ? "-Infinity" : String(((line * 7919) % 1000) / 8);
  const rare = line % 10 === 3 ? `,"rare":${Math.fround(1 / (line + 1))}` : "";
  const image = line % 500 === 0 ? `,"image":{"_type":"image-file","path":"media/${line}.png"}` : "";
  const long = line % 1000 === 1 ? `,"id":9007199254740993${line}` : "";
  return `{"_step":${line},"loss":${loss},"eval":{"acc":${line / 4},"tag":"t${line % 3}"}${rare}${image}${long}}`;
}

export function replacedRow(line: number): string {
  return `{"_step":${line},"loss":-1,"eval":{"acc":-2,"tag":"again"}}`;
}

export function longRow(line: number): string {
  return `{"_step":${line},"v":${line === 40_000 ? 1000 : (line % 256) / 4}}`;
}

export function consoleLine(line: number): string {
  return `epoch ${line} of ${CONSOLE_LINES}: ✓`;
}

export function eventRow(line: number): string {
  return `{"_runtime":${line * 15},"system.cpu":${(line * 31) % 100}}`;
}
