/**
 * The colours of runs, in the order in which runs take them: neighbours as far apart as can be, the first twelve all well
 * apart (colour.test.ts has the numbers). Each pair is for light and dark ground. For eyes that see fewer colours, and
 * for lines that got near ones all the same, there are dashes.
 */
const PALETTE: readonly (readonly [light: string, dark: string])[] = [
  ["#0072b2", "#56b4e9"],
  ["#d55e00", "#ff8a3d"],
  ["#00805e", "#2fd0a2"],
  ["#b71c0e", "#e9523f"],
  ["#7976e3", "#bdbdff"],
  ["#1da12b", "#7df47e"],
  ["#734377", "#aa77af"],
  ["#8c7a2b", "#d7c477"],
  ["#b545ae", "#f27fea"],
  ["#2833bd", "#6180fe"],
  ["#3f560c", "#7d9752"],
  ["#e53973", "#fca9ba"],
  ["#6d42c2", "#956ef2"],
  ["#739432", "#bfe483"],
  ["#8b0f49", "#d65c88"],
  ["#a86fa3", "#fabdf4"],
  ["#057918", "#57b759"],
  ["#881f92", "#c25ccc"],
  ["#3792b5", "#9cdffe"],
  ["#c74a49", "#fe8b85"],
  ["#284d83", "#658dc9"],
  ["#2c9a88", "#84ead7"],
  ["#925cc4", "#b781ec"],
  ["#7d4b05", "#b57f46"],
];
export const COLOURS = PALETTE.length;

/** `index`: how many runs the project had before this one. The same run has the same colour everywhere and always. */
export function runColour(index: number, theme: "light" | "dark"): string {
  const [light, dark] = PALETTE[index % COLOURS] ?? ["#0072b2", "#56b4e9"];
  return theme === "dark" ? dark : light;
}

/** Distance in OKLab × 100: what one step of it is, eyes see alike in every colour. Colours as `#rrggbb`. */
export function colourDistance(a: string, b: string): number {
  const [l, m, s] = oklab(a);
  const [u, v, w] = oklab(b);
  return 100 * Math.hypot(l - u, m - v, s - w);
}

/** Of sRGB, each 0 … 1, without its gamma. */
export function linearRgb(colour: string): [red: number, green: number, blue: number] {
  const part = (from: number) => {
    const value = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

/** Björn Ottosson, "A perceptual color space for image processing" (2020): the matrices are its. */
function oklab(colour: string): [number, number, number] {
  const [r, g, b] = linearRgb(colour);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
