import type { BarsPart, LinesPart } from "./result.ts";

const WIDTH = 760;
/** Told apart by people who see colours differently, and on white as on black. */
const COLOURS = [
  "#3b7dd8",
  "#e08a1e",
  "#2a9d62",
  "#c4487f",
  "#8a63d2",
  "#1aa3b8",
  "#b0892b",
  "#d2553d",
  "#7a8a99",
];
const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-size: 14px; font-weight: 600 }
.grid { stroke: #8884; stroke-width: 1 } .line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #d8dee4 } }
</style>`;

/** A picture that any viewer shows: no script, no font of its own, light or dark as the reader has it. */
export function linesPlot({ title, xLabel, yLabel, series }: LinesPart): string {
  const height = 340;
  const right = 170;
  const points = series.flatMap((one) => one.points);
  const x = logScale(
    points.map(([at]) => at),
    56,
    WIDTH - right,
  );
  const y = logScale(
    points.map(([, value]) => value),
    height - 44,
    44,
  );
  const ends = spread(series.map(({ points: own }) => y.at(own.at(-1)?.[1] ?? 1)));
  const body = [
    ...x.ticks.map(
      (tick) =>
        `<line class="grid" x1="${px(x.at(tick))}" x2="${px(x.at(tick))}" y1="44" y2="${height - 44}"/>` +
        `<text x="${px(x.at(tick))}" y="${height - 26}" text-anchor="middle">${short(tick)}</text>`,
    ),
    ...y.ticks.map(
      (tick) =>
        `<line class="grid" x1="56" x2="${WIDTH - right}" y1="${px(y.at(tick))}" y2="${px(y.at(tick))}"/>` +
        `<text x="50" y="${px(y.at(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
    ),
    `<text x="${(WIDTH - right + 56) / 2}" y="${height - 8}" text-anchor="middle">${xml(xLabel)}</text>`,
    `<text x="8" y="36">${xml(yLabel)}</text>`,
    ...series.flatMap(({ name, points: own }, at) => {
      const colour = COLOURS[at % COLOURS.length];
      const path = own.map(([a, b]) => `${px(x.at(a))},${px(y.at(b))}`);
      return [
        `<polyline class="line" stroke="${colour}" points="${path.join(" ")}"/>`,
        ...path.map((point) => `<circle r="3" fill="${colour}" cx="${point.replace(",", '" cy="')}"/>`),
        `<text x="${px(x.at(own.at(-1)?.[0] ?? 1) + 8)}" y="${px((ends[at] ?? 0) + 4)}" style="fill:${colour}">${xml(name)}</text>`,
      ];
    }),
  ];
  return picture(title, height, body);
}

export function barsPlot({ title, xLabel, bars }: BarsPart): string {
  const rowHeight = 24;
  const height = 76 + bars.length * rowHeight;
  const left = 230;
  const x = logScale(
    bars.map(({ value }) => value),
    left,
    WIDTH - 80,
  );
  const body = [
    ...x.ticks.map(
      (tick) =>
        `<line class="grid" x1="${px(x.at(tick))}" x2="${px(x.at(tick))}" y1="36" y2="${height - 40}"/>` +
        `<text x="${px(x.at(tick))}" y="${height - 24}" text-anchor="middle">${short(tick)}</text>`,
    ),
    `<text x="${(left + WIDTH - 80) / 2}" y="${height - 6}" text-anchor="middle">${xml(xLabel)}</text>`,
    ...bars.flatMap(({ name, value }, at) => {
      const top = 38 + at * rowHeight;
      return [
        `<text x="${left - 8}" y="${top + 15}" text-anchor="end">${xml(name)}</text>`,
        `<rect x="${left}" y="${top + 3}" width="${px(Math.max(1, x.at(value) - left))}" height="${rowHeight - 7}" rx="2" fill="${name.startsWith("Steelyard") ? COLOURS[0] : COLOURS.at(-1)}"/>`,
        `<text x="${px(x.at(value) + 6)}" y="${top + 15}">${short(value)}</text>`,
      ];
    }),
  ];
  return picture(title, height, body);
}

function picture(title: string, height: number, body: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${xml(title)}">`,
    STYLE,
    `<text class="title" x="8" y="18">${xml(title)}</text>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

/** From the power of ten below the smallest to the one above the largest. */
function logScale(values: readonly number[], from: number, to: number) {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const low = Math.floor(Math.log10(Math.min(...positive, Number.MAX_VALUE)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive, Number.MIN_VALUE)) - 1e-9));
  const every = Math.max(1, Math.ceil((high - low) / 8));
  const ticks: number[] = [];
  for (let power = low; power <= high; power += every) ticks.push(10 ** power);
  return {
    ticks,
    at: (value: number) =>
      from + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (to - from),
  };
}

/** Heights moved apart so that labels do not cover each other; the order stays. */
function spread(heights: readonly number[]): number[] {
  const order = heights.map((_, at) => at).sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  const placed = [...heights];
  for (let at = 1; at < order.length; at++) {
    const above = placed[order[at - 1] ?? 0] ?? 0;
    const own = order[at] ?? 0;
    placed[own] = Math.max(placed[own] ?? 0, above + 15);
  }
  return placed;
}

/** 1200 → 1.2 k. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)} G`;
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  if (size >= 1e3) return `${digits(value / 1e3)} k`;
  return digits(value);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(Math.abs(value) >= 100 ? 3 : 2)));
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
