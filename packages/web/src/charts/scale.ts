/** Axis maths, no DOM. A scale maps a domain to pixels and back; ticks are where a person expects them. */
export interface Scale {
  min: number;
  max: number;
  log: boolean;
  /** Value → 0 … 1 along the axis; NaN for what a log axis cannot show. */
  at(value: number): number;
  /** 0 … 1 → value. */
  value(at: number): number;
}

export function makeScale(min: number, max: number, log: boolean): Scale {
  if (log) {
    const low = Math.log10(min);
    const span = Math.log10(max) - low || 1;
    return {
      min,
      max,
      log,
      at: (value) => (value > 0 ? (Math.log10(value) - low) / span : Number.NaN),
      value: (at) => 10 ** (low + at * span),
    };
  }
  const span = max - min || 1;
  return { min, max, log, at: (value) => (value - min) / span, value: (at) => min + at * span };
}

/**
 * The extent that shows [min, max]: 5 % of air, zero when it is within a fifth of the span below the least value; a
 * constant gets ±5 % of itself (±1 at zero). On a log axis the least must be positive.
 */
export function paddedDomain(min: number, max: number, log: boolean): [number, number] {
  if (!Number.isFinite(min) || !Number.isFinite(max)) return log ? [0.1, 1] : [0, 1];
  if (log) return min === max ? [min / 2, max * 2] : [min / (max / min) ** 0.03, max * (max / min) ** 0.03];
  if (min === max) {
    const air = min === 0 ? 1 : Math.abs(min) * 0.05;
    return [min - air, max + air];
  }
  const span = max - min;
  const low = min > 0 && min <= span * 0.2 ? 0 : min - span * 0.05;
  return [low, max + span * 0.05];
}

/** Round numbers (1, 2, 2.5 or 5 × 10ⁿ apart) within the domain, about `wanted` of them. */
export function linearTicks(min: number, max: number, wanted: number): number[] {
  const rough = (max - min) / Math.max(1, wanted);
  if (!(rough > 0) || !Number.isFinite(rough)) return [min];
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  // Quarters of whole tens only: 0.25 has a digit more than its neighbours.
  const factors = magnitude >= 10 ? [1, 2, 2.5, 5, 10] : [1, 2, 5, 10];
  const step = (factors.find((factor) => factor * magnitude >= rough) ?? 10) * magnitude;
  if (uncountable(min, max, step)) return [min];
  const ticks: number[] = [];
  for (let index = Math.ceil(min / step); index * step <= max + step * 1e-9; index++)
    ticks.push(cleaned(index * step, step));
  return ticks;
}

/** The span is a few roundings of its ends: adding one step would change nothing, and a loop over steps never end. */
function uncountable(min: number, max: number, step: number): boolean {
  return Math.max(Math.abs(min), Math.abs(max)) / step > 2 ** 50;
}

/** 0.1 + 0.2 is 0.30000000000000004: a tick is told to the digits of its step. */
function cleaned(value: number, step: number): number {
  return Number(value.toFixed(Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(step))))));
}

/** Powers of ten, with 2 and 5 between them below three decades; linear ones below a fifth of a decade. */
export function logTicks(min: number, max: number, wanted: number): number[] {
  const decades = Math.log10(max / min);
  if (decades < 0.2) return linearTicks(min, max, wanted);
  const factors = decades < 3 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / wanted));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power += every) {
    for (const factor of factors) {
      const tick = factor * 10 ** power;
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks;
}

/** `ticks` asked for more until two come: one label alone tells no scale, and round steps may leave one. */
export function atLeastTwo(ticks: (wanted: number) => number[], wanted: number): number[] {
  let found = ticks(wanted);
  for (let more = wanted + 1; found.length < 2 && more <= wanted * 3; more++) found = ticks(more);
  return found;
}

const TIME_STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  604_800,
];

/** Seconds: ticks at whole seconds, minutes, hours or days. */
export function durationTicks(min: number, max: number, wanted: number): number[] {
  const rough = (max - min) / Math.max(1, wanted);
  if (rough < 1) return linearTicks(min, max, wanted);
  const step = TIME_STEPS_S.find((seconds) => seconds >= rough) ?? Math.ceil(rough / 604_800) * 604_800;
  if (uncountable(min, max, step)) return [min];
  const ticks: number[] = [];
  for (let tick = Math.ceil(min / step) * step; tick <= max; tick += step) ticks.push(tick);
  return ticks;
}

/** `90` → `1m 30s`; fractions below ten seconds. */
export function durationLabel(seconds: number): string {
  if (seconds < 10 && seconds % 1 !== 0) return `${Number(seconds.toPrecision(3))}s`;
  const units: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "m"],
    [1, "s"],
  ];
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * size;
  }
  return parts.slice(0, 2).join(" ") || "0s";
}

/** A range as the address holds it, to a millionth of its own span: wall time has ten digits before a second counts. */
export function rangeText([from, to]: readonly [number, number]): string {
  const size = Math.max(Math.abs(from), Math.abs(to));
  const digits = Math.ceil(Math.log10(size / (to - from))) + 7;
  const short = (value: number) => Number(value.toPrecision(Math.min(17, Math.max(8, digits || 8))));
  return `${short(from)}~${short(to)}`;
}
