/** What may be called in an expression. */

/** Of the values of one row. */
export interface RowFunction {
  kind: "row";
  least: number;
  most: number;
  of: (...values: number[]) => number;
  /** One argument, and it grows (or falls) with it wherever it is defined: extremes of a bucket map to extremes. */
  monotone?: 1 | -1;
}

/** Of the rows up to this one, in order of step. The second argument, if any, is a number written out. */
export interface RunningFunction {
  kind: "running";
  /** What the second argument is; absent = there is none. */
  parameter?: { name: "rows" | "weight"; least: number; most: number; whole: boolean };
  begin: (parameter: number) => (value: number) => number;
}

const one = (of: (value: number) => number, monotone?: 1 | -1): RowFunction => ({
  kind: "row",
  least: 1,
  most: 1,
  of,
  ...(monotone ? { monotone } : {}),
});

const MAX_ARGUMENTS = 16;
const MAX_WINDOW = 100_000;

export const FUNCTIONS: Readonly<Record<string, RowFunction | RunningFunction>> = {
  log: one(Math.log, 1),
  log10: one(Math.log10, 1),
  log2: one(Math.log2, 1),
  log1p: one(Math.log1p, 1),
  exp: one(Math.exp, 1),
  expm1: one(Math.expm1, 1),
  sqrt: one(Math.sqrt, 1),
  sigmoid: one((value) => 1 / (1 + Math.exp(-value)), 1),
  tanh: one(Math.tanh, 1),
  floor: one(Math.floor, 1),
  ceil: one(Math.ceil, 1),
  round: one(Math.round, 1),
  sign: one(Math.sign, 1),
  abs: one(Math.abs),
  sin: one(Math.sin),
  cos: one(Math.cos),
  min: { kind: "row", least: 2, most: MAX_ARGUMENTS, of: Math.min },
  max: { kind: "row", least: 2, most: MAX_ARGUMENTS, of: Math.max },
  pow: { kind: "row", least: 2, most: 2, of: Math.pow },
  clamp: {
    kind: "row",
    least: 3,
    most: 3,
    of: (value, low, high) => Math.min(Math.max(value ?? Number.NaN, low ?? Number.NaN), high ?? Number.NaN),
  },
  ma: {
    kind: "running",
    parameter: { name: "rows", least: 1, most: MAX_WINDOW, whole: true },
    begin: movingAverage,
  },
  ema: {
    kind: "running",
    parameter: { name: "weight", least: 0, most: 0.9999, whole: false },
    begin: exponentialAverage,
  },
  diff: { kind: "running", begin: difference },
  cumsum: { kind: "running", begin: () => running((before, value) => before + value, 0) },
  cummin: { kind: "running", begin: () => running(Math.min, Number.POSITIVE_INFINITY) },
  cummax: { kind: "running", begin: () => running(Math.max, Number.NEGATIVE_INFINITY) },
};

/**
 * Mean of the finite values among the last `rows`. Only ever added up: what was added and subtracted again leaves its
 * rounding, after a spike all of it. The window is the end of one run of `rows` values, of which the sums from each place
 * on are kept, and the beginning of the next.
 */
function movingAverage(rows: number): (value: number) => number {
  const values = new Float64Array(rows);
  /** Of the values before: from each place to the end. */
  const sums = new Float64Array(rows + 1);
  const counts = new Uint32Array(rows + 1);
  let at = 0;
  let sum = 0;
  let finite = 0;
  return (value) => {
    values[at++] = value;
    if (Number.isFinite(value)) {
      sum += value;
      finite++;
    }
    const count = finite + (counts[at] as number);
    const mean = count === 0 ? Number.NaN : (sum + (sums[at] as number)) / count;
    if (at === rows) {
      for (at--; at >= 0; at--) {
        const one = values[at] as number;
        const counted = Number.isFinite(one);
        sums[at] = (sums[at + 1] as number) + (counted ? one : 0);
        counts[at] = (counts[at + 1] as number) + (counted ? 1 : 0);
      }
      at = 0;
      sum = 0;
      finite = 0;
    }
    return mean;
  };
}

/** The bias of its start taken out; passes over what is not finite. */
function exponentialAverage(weight: number): (value: number) => number {
  let last = 0;
  let bias = 1;
  return (value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    last = last * weight + (1 - weight) * value;
    bias *= weight;
    return last / (1 - bias);
  };
}

function difference(): (value: number) => number {
  let before = Number.NaN;
  return (value) => {
    const change = value - before;
    before = value;
    return change;
  };
}

/** Over the finite values so far; a row whose value is not finite has none. */
function running(add: (before: number, value: number) => number, start: number): (value: number) => number {
  let sofar = start;
  return (value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    sofar = add(sofar, value);
    return sofar;
  };
}
