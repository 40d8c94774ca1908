const UNITS = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/** As the official client writes it: powers of 1000 with one digit, the next unit from 1024 of one. */
export function humanSize(bytes: number): string {
  let power = 0;
  while (power < UNITS.length - 1 && Number((bytes / 1000 ** power).toFixed(1)) >= 1024) power++;
  return `${(bytes / 1000 ** power).toFixed(1)}${UNITS[power]}`;
}

/** Bytes of `10GB`, `500 mb`, `1GiB` or `4096`; undefined for anything else. */
export function sizeOfText(text: string): number | undefined {
  const [, number, prefix = "", binary] = /^\s*(\d+(?:\.\d*)?)\s*(?:([KMGTPE]?)(i?)B)?\s*$/i.exec(text) ?? [];
  if (number === undefined || (binary && !prefix)) return undefined;
  return Math.floor(
    Number(number) * (binary ? 1024 : 1000) ** " KMGTPE".indexOf(prefix.toUpperCase() || " "),
  );
}
