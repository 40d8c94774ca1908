// The parts of Markdown documents that programs write: between `<!-- generated: NAME -->` and `<!-- end -->`.

/** `text` with that part made anew; `make` is given what stood there. Throws when there is no such part. */
export function withGenerated(text, name, make) {
  const mark = `<!-- generated: ${name} -->`;
  const begin = text.indexOf(mark) + mark.length;
  const end = text.indexOf("<!-- end -->", begin);
  if (begin < mark.length || end < 0) throw new Error(`there is no place for ${name}`);
  return `${text.slice(0, begin)}\n\n${make(text.slice(begin, end).trim())}\n\n${text.slice(end)}`;
}

/** One line of a table. */
export function tableRow(cells) {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

export function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map(tableRow).join("\n");
}
