import { align, type ColumnPlace, placeColumns, readColumn, writeColumn } from "./columns.ts";
import { SERIES_COLUMNS, type SeriesColumn } from "./request.ts";

/** The reply of `POST /api/v1/series`. Layout, versions and compression: docs/formats/series.md. */

/** "SYSR". */
const MAGIC = 0x52535953;
const FORMAT_VERSION = 1;
/** Magic, version, bytes of the header, zero. */
const PREFIX_BYTES = 16;

export const SERIES_CONTENT_TYPE = "application/vnd.steelyard.series";

/**
 * One run × key; columns of equal length, ascending x, empty buckets left out. NaN in min … last = a bucket with no finite
 * value (a gap); `last` of an exact answer is the very value logged, ±Infinity included. Columns that were not asked for
 * have no entries.
 */
export interface SeriesAnswer extends Record<SeriesColumn, Float64Array> {
  /** Public run id. */
  run: string;
  /** Or the expression, as it was asked. */
  key: string;
  expression?: true;
  /** Every bucket is one logged point. */
  exact: boolean;
  /** Points behind the answer. */
  points: number;
}

/** A line as it is sent to who asked with `marks`. */
export interface SentSeries extends SeriesAnswer {
  /** Opaque: says how the line begins. Lines of one bucket have none. */
  mark?: string;
  /** Its columns begin with this bucket: those before it are those of the marked line. See `spliced`. */
  from?: number;
}

/** One group × key: where its runs have values, `xFirst`, `xLast`, how many runs, and the statistics asked for. */
export interface GroupAnswer {
  group: string;
  key: string;
  expression?: true;
  /** Every place is one x at which runs have points. */
  exact: boolean;
  /** Points behind the answer. */
  points: number;
  /** By name: `xFirst`, `xLast`, `runs`, then the statistics. */
  columns: Record<string, Float64Array>;
}

/** Histograms of one run × key over x. */
export interface HeatMap {
  /** Public run id. */
  run: string;
  key: string;
  /** There were too many: these are evenly spread. */
  sampled: boolean;
  /** Equal parts of low … high. */
  bins: number;
  low: number;
  high: number;
  /** By part of x, empty ones left out: `xFirst`, `xLast`, how many `histograms`, and how much lies `outside` of low … high. */
  columns: Record<"xFirst" | "xLast" | "histograms" | "outside", Float64Array>;
  /** By part of x, then by bin: sums of the histograms' counts. */
  counts: Float64Array;
}

export interface RunVersion {
  /** Public id. */
  run: string;
  /** Opaque: what to send as `have`. */
  version: string;
}

export interface QuestionAnswer {
  series: SentSeries[];
  /** Of a question with a grouping; none of them when no run has changed. */
  groups: GroupAnswer[];
  /** Of a question for them. */
  heatMaps: HeatMap[];
  /** Public ids of runs that the client has as they are. */
  unchanged: string[];
}

export interface SeriesReply {
  /** The runs asked for that exist. */
  runs: RunVersion[];
  /** In the order of the request. */
  questions: QuestionAnswer[];
}

/** What is encoded: an answer with the columns that the question chose. */
export interface ChosenAnswer extends QuestionAnswer {
  columns: readonly SeriesColumn[];
}

const HEAT_MAP_COLUMNS = ["xFirst", "xLast", "histograms", "outside"] as const;

interface Header {
  runs: RunVersion[];
  questions: {
    columns: string[];
    /** Indexes into `runs`. */
    unchanged: number[];
    series: {
      /** Index into `runs`. */
      run: number;
      key: string;
      expression?: true;
      exact: boolean;
      points: number;
      mark?: string;
      from?: number;
      length: number;
      places: ColumnPlace[];
    }[];
    heatMaps?: (Omit<HeatMap, "run" | "columns" | "counts"> & {
      run: number;
      length: number;
      places: ColumnPlace[];
    })[];
    groups?: (Omit<GroupAnswer, "columns"> & { length: number; columns: string[]; places: ColumnPlace[] })[];
  }[];
}

export function encodeSeries(
  runs: readonly RunVersion[],
  questions: readonly ChosenAnswer[],
): Uint8Array<ArrayBuffer> {
  const indexes = new Map(runs.map(({ run }, index) => [run, index]));
  const indexOf = (run: string) => indexes.get(run) ?? -1;
  let end = 0;
  const header: Header = {
    runs: [...runs],
    questions: questions.map(({ columns, series, groups, heatMaps, unchanged }) => ({
      columns: [...columns],
      unchanged: unchanged.map(indexOf),
      ...(heatMaps.length > 0 && {
        heatMaps: heatMaps.map(({ columns: named, counts, run, ...known }) => {
          const placed = placeColumns(
            HEAT_MAP_COLUMNS.map((name) => named[name]),
            end,
          );
          const matrix = placeColumns([counts], placed.end);
          end = matrix.end;
          const places = [...placed.places, ...matrix.places];
          return { ...known, run: indexOf(run), length: named.xFirst.length, places };
        }),
      }),
      ...(groups.length > 0 && {
        groups: groups.map(({ columns: named, ...known }) => {
          const placed = placeColumns(Object.values(named), end);
          end = placed.end;
          const length = named.xFirst?.length ?? 0;
          return { ...known, length, columns: Object.keys(named), places: placed.places };
        }),
      }),
      series: series.map((answer) => {
        const placed = placeColumns(
          columns.map((name) => answer[name]),
          end,
        );
        end = placed.end;
        const { run, key, expression, exact, points, mark, from, xFirst } = answer;
        const known = { key, expression, exact, points, mark, from };
        return { run: indexOf(run), ...known, length: xFirst.length, places: placed.places };
      }),
    })),
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const start = align(PREFIX_BYTES + headerBytes.length);
  const body = new Uint8Array(start + end);
  const view = new DataView(body.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT_VERSION, true);
  view.setUint32(8, headerBytes.length, true);
  body.set(headerBytes, PREFIX_BYTES);
  const write = (columns: readonly Float64Array[], places: readonly ColumnPlace[] = []) => {
    for (const [at, place] of places.entries())
      writeColumn(columns[at] as Float64Array, place, body.buffer, start);
  };
  for (const [at, { columns, series, groups, heatMaps }] of questions.entries()) {
    const placed = header.questions[at];
    for (const [index, { columns: named, counts }] of heatMaps.entries())
      write([...HEAT_MAP_COLUMNS.map((name) => named[name]), counts], placed?.heatMaps?.[index]?.places);
    for (const [index, { columns: named }] of groups.entries())
      write(Object.values(named), placed?.groups?.[index]?.places);
    for (const [index, answer] of series.entries())
      write(
        columns.map((name) => answer[name]),
        placed?.series[index]?.places,
      );
  }
  return body;
}

const NOTHING = new Float64Array(0);

/** A reply whose answers are read one by one: those of a page's charts are megabytes together. */
export interface SeriesReader {
  runs: RunVersion[];
  questions: {
    /** Of the key's whole lines, all together: about what reading and drawing them costs. */
    bucketsOf(key: string): number;
    /** What is answered of that key alone, if one is given. */
    read(key?: string): QuestionAnswer;
  }[];
}

/** float64 columns are views on `body`: no copy. Throws RangeError on a body that is cut short or of another format. */
export function decodeSeries(body: ArrayBuffer): SeriesReply {
  const { runs, questions } = openSeries(body);
  return { runs, questions: questions.map((question) => question.read()) };
}

/** As `decodeSeries`, but that columns are read when they are asked for. */
export function openSeries(body: ArrayBuffer): SeriesReader {
  const view = new DataView(body);
  if (body.byteLength < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC)
    throw new RangeError("this is no reply of the series question");
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION)
    throw new RangeError(
      `the reply has format ${version}, this page knows ${FORMAT_VERSION}: load the page anew`,
    );
  const headerLength = view.getUint32(8, true);
  const header = JSON.parse(
    new TextDecoder().decode(new Uint8Array(body, PREFIX_BYTES, headerLength)),
  ) as Header;
  const start = align(PREFIX_BYTES + headerLength);
  const nameOf = (index: number) => header.runs[index]?.run ?? "";
  const columnsAt = (places: readonly ColumnPlace[], length: number) => {
    const read: Float64Array<ArrayBuffer>[] = [];
    for (const place of places) read.push(readColumn(place, length, body, start, read));
    return read;
  };
  const ofKey = <Answer extends { key: string }>(answers: readonly Answer[], key: string | undefined) =>
    key === undefined ? answers : answers.filter((one) => one.key === key);
  const read = (
    { columns, series, groups = [], heatMaps = [], unchanged }: Header["questions"][number],
    key?: string,
  ) => ({
    unchanged: unchanged.map(nameOf),
    heatMaps: ofKey(heatMaps, key).map(({ run, places, length, ...known }) => {
      const named = columnsAt(places.slice(0, HEAT_MAP_COLUMNS.length), length);
      const counts = readColumn(places[named.length] as ColumnPlace, length * known.bins, body, start, []);
      const read = Object.fromEntries(HEAT_MAP_COLUMNS.map((name, index) => [name, named[index] ?? NOTHING]));
      return { ...known, run: nameOf(run), columns: read as HeatMap["columns"], counts };
    }),
    groups: ofKey(groups, key).map(({ columns: names, places, length, ...known }) => {
      const read = columnsAt(places, length);
      return {
        ...known,
        columns: Object.fromEntries(names.map((name, at) => [name, read[at] ?? NOTHING])),
      };
    }),
    series: ofKey(series, key).map(({ run, places, length, ...known }) => {
      const answer = { ...known, run: nameOf(run) } as SentSeries;
      for (const name of SERIES_COLUMNS) answer[name] = NOTHING;
      for (const [at, column] of columnsAt(places, length).entries())
        answer[columns[at] as SeriesColumn] = column;
      return answer;
    }),
  });
  return {
    runs: header.runs,
    questions: header.questions.map((question) => ({
      bucketsOf: (key) =>
        ofKey(question.series, key).reduce((sum, { from = 0, length }) => sum + from + length, 0) +
        ofKey(question.groups ?? [], key).reduce((sum, { length }) => sum + length, 0),
      read: (key) => read(question, key),
    })),
  };
}
