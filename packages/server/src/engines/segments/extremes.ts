import type { Numbers } from "./pyramid.ts";

/**
 * Least and greatest of float32 without a branch for each value: where values go up and down at random, a processor guesses
 * wrong every few of them, and that costs more than all else that a bucket needs.
 *
 * The bits of floats of one sign are in the order of their values (IEEE 754), those below 0 the other way round. With these
 * turned about, whole numbers say which is less: here called keys. -0 is then below 0.
 */

const SIGNLESS = 0x7fffffff;

/** From the bits of a float32 to its key, and back. Not of NaN. */
export function keyOf(bits: number): number {
  return bits ^ ((bits >> 31) & SIGNLESS);
}

/** The keys of ∞ and -∞: of nothing so far. */
export const NO_LEAST = 0x7f800000;
export const NO_MOST = ~NO_LEAST;

/** All bits set where it is less: then what differs is changed. */
export function lesserKey(a: number, b: number): number {
  return a ^ ((a ^ b) & -Number(b < a));
}

export function greaterKey(a: number, b: number): number {
  return a ^ ((a ^ b) & -Number(b > a));
}

/** What `keyOf` takes, in place; undefined where it is float64. */
export function bitsOf(values: Numbers): Int32Array | undefined {
  return values instanceof Float32Array
    ? new Int32Array(values.buffer, values.byteOffset, values.length)
    : undefined;
}

const numbers = new Float32Array(1);
const bitsOfNumbers = bitsOf(numbers) as Int32Array;

export function numberOf(key: number): number {
  bitsOfNumbers[0] = keyOf(key);
  return numbers[0] as number;
}
