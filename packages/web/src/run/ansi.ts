/** A stretch of text in one style, from the SGR sequences terminals use. Other escape sequences are dropped. */
export interface Styled {
  text: string;
  colour?: string;
  background?: string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
}

/** The sixteen of the house (theme.css), not of the terminal: readable on the ground of either theme. */
const BASE = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => `var(--ansi-${index})`);
const BRIGHT = [8, 9, 10, 11, 12, 13, 14, 15].map((index) => `var(--ansi-${index})`);

const ESCAPE =
  /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-_]|[\u0000-\u0008\u000b-\u001a\u001c-\u001f]/g;

export function parseAnsi(line: string): Styled[] {
  if (!line.includes("\u001b")) return [{ text: line.replace(ESCAPE, "") }];
  const parts: Styled[] = [];
  let style: Omit<Styled, "text"> = {};
  let from = 0;
  const push = (text: string) => {
    if (text) parts.push({ text, ...style });
  };
  for (const match of line.matchAll(ESCAPE)) {
    push(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") style = apply(style, (match[1] ?? "").split(/[;:]/).map(Number));
  }
  push(line.slice(from));
  return parts;
}

function apply(before: Omit<Styled, "text">, codes: number[]): Omit<Styled, "text"> {
  let style = { ...before };
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) {
      style.bold = false;
      style.dim = false;
    } else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code >= 30 && code <= 37) style.colour = BASE[code - 30] as string;
    else if (code >= 90 && code <= 97) style.colour = BRIGHT[code - 90] as string;
    else if (code >= 40 && code <= 47) style.background = BASE[code - 40] as string;
    else if (code >= 100 && code <= 107) style.background = BRIGHT[code - 100] as string;
    else if (code === 39) delete style.colour;
    else if (code === 49) delete style.background;
    else if (code === 38 || code === 48) {
      const name = code === 38 ? "colour" : "background";
      if (codes[at + 1] === 5) {
        style[name] = indexed(codes[at + 2] ?? 0);
        at += 2;
      } else if (codes[at + 1] === 2) {
        style[name] = `rgb(${codes.slice(at + 2, at + 5).join(" ")})`;
        at += 4;
      }
    }
  }
  return style;
}

/** The 256-colour cube: sixteen, 6 × 6 × 6, and greys. */
function indexed(index: number): string {
  if (index < 8) return BASE[index] ?? "inherit";
  if (index < 16) return BRIGHT[index - 8] ?? "inherit";
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}
