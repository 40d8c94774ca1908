/** How much of each workload is done: those of the plan (`BENCH_FULL=1`), a tenth of it, or enough to try it (`--quick`). */
export interface Sizes {
  /** What a report says of them. */
  words: string;
  /** Of a part of a cell; what is done by then is the result. */
  cellSeconds: number;
  /** What cannot be left in the middle is tried at a tenth first. */
  probes: boolean;
  /** Steps and keys. */
  small: [rows: number, keys: number];
  wide: [rows: number, keys: number];
  long: [rows: number, keys: number];
  huge: { many: [rows: number, keys: number]; one: [rows: number, keys: number] };
  many: { runs: number; rows: number; keys: number; atOnce: number };
  parallel: { processes: number; rows: number; keys: number };
  /** `filesSeconds`: of those without a server, where nothing has to be waited for. */
  paced: { seconds: number; filesSeconds: number; keys: number };
  media: { images: number; tables: number; tableRows: number };
  lines: number;
  artifact: { bigBytes: number; files: number; fileBytes: number };
  outage: { seconds: number; awaySeconds: number; keys: number };
}

const MIB = 2 ** 20;

const FULL: Sizes = {
  words: "the sizes in full",
  cellSeconds: 600,
  probes: true,
  small: [10_000, 5],
  wide: [1_000, 1_000],
  long: [1_000_000, 5],
  huge: { many: [10, 100_000], one: [1, 1_000_000] },
  many: { runs: 1_000, rows: 100, keys: 20, atOnce: 32 },
  parallel: { processes: 10, rows: 100, keys: 100 },
  paced: { seconds: 60, filesSeconds: 60, keys: 20 },
  media: { images: 1_000, tables: 200, tableRows: 1_000 },
  lines: 1_000_000,
  artifact: { bigBytes: 2048 * MIB, files: 20_000, fileBytes: 10_000 },
  outage: { seconds: 60, awaySeconds: 40, keys: 20 },
};

const TENTH: Sizes = {
  words:
    "about a tenth of the sizes in full, which `BENCH_FULL=1` runs (1 M steps are 200,000, 60 s are 16 s, 2 GiB are 128 MiB)",
  cellSeconds: 6,
  probes: true,
  small: [1_000, 5],
  wide: [100, 1_000],
  long: [200_000, 5],
  huge: { many: [10, 10_000], one: [1, 100_000] },
  many: { runs: 100, rows: 10, keys: 20, atOnce: 32 },
  parallel: { processes: 4, rows: 20, keys: 100 },
  paced: { seconds: 16, filesSeconds: 8, keys: 20 },
  media: { images: 100, tables: 20, tableRows: 1_000 },
  lines: 100_000,
  artifact: { bigBytes: 128 * MIB, files: 1_000, fileBytes: 10_000 },
  outage: { seconds: 12, awaySeconds: 6, keys: 20 },
};

const QUICK: Sizes = {
  words: "sizes to try it by",
  cellSeconds: 1,
  probes: false,
  small: [200, 5],
  wide: [5, 1_000],
  long: [2_000, 5],
  huge: { many: [2, 2_000], one: [1, 5_000] },
  many: { runs: 3, rows: 5, keys: 20, atOnce: 3 },
  parallel: { processes: 2, rows: 5, keys: 100 },
  paced: { seconds: 1, filesSeconds: 1, keys: 20 },
  media: { images: 5, tables: 2, tableRows: 50 },
  lines: 1_000,
  artifact: { bigBytes: 4 * MIB, files: 50, fileBytes: 10_000 },
  outage: { seconds: 3, awaySeconds: 1, keys: 20 },
};

export function sizesOf(quick: boolean, full: boolean): Sizes {
  return quick ? QUICK : full ? FULL : TENTH;
}
