/**
 * How a figure grows with a size: the exponent of the power law through the points, by least squares over logarithms. 0 =
 * does not grow, 1 = in proportion. Points that were not measured (not finite, not positive) are left out.
 */
export function slopeOf(points: readonly (readonly [size: number, value: number])[]): number {
  const logs = points
    .filter(([size, value]) => size > 0 && value > 0 && Number.isFinite(value))
    .map(([size, value]) => [Math.log(size), Math.log(value)] as const);
  if (logs.length < 2) return Number.NaN;
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const above = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** "× 1.0 at 10 × the size, slope 0.00". */
export function growthText(slope: number): string {
  if (!Number.isFinite(slope)) return "–";
  return `× ${(10 ** slope).toPrecision(2)} at 10 × the size (slope ${slope.toFixed(2)})`;
}
