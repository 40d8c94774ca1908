/**
 * Twenty colours that stay apart for the common colour-vision deficiencies: the eight of Okabe and Ito (black replaced),
 * then darker and lighter steps of them. Each pair is for light and dark ground, 3:1 against it.
 */
const PALETTE: readonly (readonly [light: string, dark: string])[] = [
  ["#0072b2", "#56b4e9"],
  ["#d55e00", "#ff8a3d"],
  ["#00805e", "#2fd0a2"],
  ["#b0518c", "#e79ac7"],
  ["#8a6d00", "#f0c929"],
  ["#2b8cc4", "#8fd0f5"],
  ["#9c4a00", "#d97b3a"],
  ["#4c4fb0", "#9a9df0"],
  ["#00707f", "#33c3d6"],
  ["#7a2e5d", "#c76ba5"],
  ["#5b7f00", "#a9d13c"],
  ["#c0392b", "#ff8477"],
  ["#35618e", "#7fa8d3"],
  ["#a3690f", "#e0ae55"],
  ["#006144", "#5cb594"],
  ["#8e44ad", "#c792ea"],
  ["#637381", "#a7b3be"],
  ["#b8336a", "#ff86b3"],
  ["#3f7d3a", "#86cc80"],
  ["#6b4f3a", "#c2a088"],
];

/** FNV-1a: the same run has the same colour everywhere and always. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

export function runColour(run: string, theme: "light" | "dark"): string {
  const pair = PALETTE[hash(run) % PALETTE.length] ?? ["#0072b2", "#56b4e9"];
  return pair[theme === "dark" ? 1 : 0];
}
