import type { SeriesAnswer } from "@steelyard/protocol/series";
import type { KeyQuestion } from "./series.ts";

/**
 * Buckets divide the range of x, and the range of runs that grow grows. So that buckets stay where they are, and a run that
 * changed has the same as those that did not, a chart that is followed asks with a range of its own: its frame, with room
 * for what is to come.
 */
export interface Frame {
  min: number;
  max: number;
}

/** Of what a frame begins with: how much it may grow till all is asked anew. */
const ROOM = 0.25;

/** The axes on which a run only grows to the right; on a key's own anything may happen. Groups are answered whole. */
export function hasFrame({ x, min, max, grouping }: KeyQuestion): boolean {
  return min === undefined && max === undefined && x?.kind !== "key" && !grouping;
}

/** Around all these; undefined while every point is a bucket of its own, as buckets have no bounds then. */
export function frameOf(answers: readonly SeriesAnswer[]): Frame | undefined {
  if (answers.every(({ exact }) => exact)) return undefined;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const { xFirst, xLast } of answers) {
    min = Math.min(min, xFirst[0] ?? min);
    max = Math.max(max, xLast.at(-1) ?? max);
  }
  const room = (max - min || 1) * ROOM;
  // Nearly at the origin is at the origin: the frames of a project's keys are then mostly one.
  return { min: min > 0 && min < room ? 0 : min, max: max + room };
}
