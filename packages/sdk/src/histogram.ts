/** More are refused: the official client does, and a chart could not show them. */
const MAX_BINS = 512;

type Numbers = ArrayLike<number | bigint>;

/**
 * How values are spread: counts between edges, as `numpy.histogram` makes them. NaN and infinities are in no bin.
 *
 * @example run.log({ weights: new Histogram(layer.weights) });
 */
export class Histogram {
  /** How many values are in each bin. */
  readonly counts: readonly number[];
  /** One more than counts, ascending; the last bin holds its upper edge too. */
  readonly edges: readonly number[];

  /**
   * Values to be counted in `bins` (64) of equal width, or what was counted elsewhere.
   *
   * @throws TypeError when bins or edges do not fit.
   */
  constructor(values: Numbers | { counts: Numbers; edges: Numbers }, { bins = 64 }: { bins?: number } = {}) {
    if ("counts" in values) {
      this.counts = Array.from(values.counts, Number);
      this.edges = Array.from(values.edges, Number);
      if (this.edges.length !== this.counts.length + 1)
        throw new TypeError(
          `a histogram of ${this.counts.length} counts needs ${this.counts.length + 1} edges, not ${this.edges.length}`,
        );
      checkBins(this.counts.length);
      return;
    }
    checkBins(bins);
    const numbers = Array.from(values, Number).filter(Number.isFinite);
    this.edges = edgesOf(numbers, bins);
    this.counts = countsOf(numbers, this.edges);
  }

  /** As it is written on the wire. */
  toJSON(): { _type: "histogram"; values: readonly number[]; bins: readonly number[] } {
    return { _type: "histogram", values: this.counts, bins: this.edges };
  }
}

function checkBins(bins: number): void {
  if (!Number.isInteger(bins) || bins < 1 || bins > MAX_BINS)
    throw new TypeError(`a histogram has 1 to ${MAX_BINS} bins, not ${bins}`);
}

function edgesOf(numbers: readonly number[], bins: number): number[] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of numbers) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = [0, 1];
  else if (low === high) [low, high] = [low - 0.5, high + 0.5];
  // The width by halves: that of the whole range may be beyond the largest number.
  const width = high / bins - low / bins;
  const edges = Array.from({ length: bins + 1 }, (_, index) => low + index * width);
  edges[bins] = high;
  return edges;
}

function countsOf(numbers: readonly number[], edges: readonly number[]): number[] {
  const bins = edges.length - 1;
  const counts = new Array<number>(bins).fill(0);
  const low = edges[0] as number;
  const width = (edges[bins] as number) / bins - low / bins;
  for (const value of numbers) {
    let bin = width > 0 ? Math.min(bins - 1, Math.floor(value / width - low / width)) : 0;
    // Rounding may have put it one aside.
    while (bin > 0 && value < (edges[bin] as number)) bin--;
    while (bin < bins - 1 && value >= (edges[bin + 1] as number)) bin++;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}
