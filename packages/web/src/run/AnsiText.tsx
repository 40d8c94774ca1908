import { parseAnsi } from "./ansi.ts";

/** A line of a terminal in its colours, what is searched for marked. */
export function AnsiText({ line, search }: { line: string; search: string }) {
  return parseAnsi(line).map((part, index) => {
    const style = {
      color: part.colour,
      background: part.background,
      fontWeight: part.bold ? 700 : undefined,
      opacity: part.dim ? 0.7 : undefined,
      fontStyle: part.italic ? "italic" : undefined,
      textDecoration: part.underline ? "underline" : undefined,
    };
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of a line have no other name
      <span key={index} style={style}>
        {search ? <Marked text={part.text} search={search} /> : part.text}
      </span>
    );
  });
}

function Marked({ text, search }: { text: string; search: string }) {
  const at = text.toLowerCase().indexOf(search.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + search.length)}</mark>
      <Marked text={text.slice(at + search.length)} search={search} />
    </>
  );
}
