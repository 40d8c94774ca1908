import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import {
  decodeSeries,
  encodeSeries,
  type LineMark,
  SERIES_COLUMNS,
  type SentSeries,
  type SeriesAnswer,
  type SeriesColumn,
  spliced,
} from "@steelyard/protocol/series";
import fc from "fast-check";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";
import { withTails } from "./series-tails.ts";

const COLUMNS: SeriesColumn[] = ["xFirst", "xLast", "min", "last"];
const ASKED = { runs: ["b", "a"], keys: ["loss"], expressions: ["loss", "2 * loss"], columns: COLUMNS };

const value = fc.oneof(fc.double(), fc.constantFrom(-0, 0, 1, Number.NaN, Number.NEGATIVE_INFINITY));
/** What happens to a line between two answers: buckets are changed from `from` on and `more` come, or go. */
const change = fc.record({
  from: fc.oneof(fc.constant(-1), fc.integer({ min: -6, max: -1 }), fc.nat(40)),
  more: fc.oneof(fc.nat(3), fc.integer({ min: -5, max: 60 })),
  values: fc.array(value, { minLength: 1, maxLength: 8 }),
});

function changed(
  columns: number[][],
  { from, more, values }: typeof change extends fc.Arbitrary<infer T> ? T : never,
) {
  const length = Math.max(0, (columns[0]?.length ?? 0) + more);
  const start = Math.max(0, from < 0 ? (columns[0]?.length ?? 0) + from : from);
  return columns.map((column, index) =>
    Array.from({ length }, (_, at) => {
      const kept = column[at];
      return kept === undefined || at >= start ? (values[(at + index) % values.length] as number) : kept;
    }),
  );
}

function answerOf(columns: number[][], of: Pick<SeriesAnswer, "run" | "key" | "expression">): SeriesAnswer {
  const answer = { ...of, exact: false, points: columns[0]?.length ?? 0 } as SeriesAnswer;
  for (const name of SERIES_COLUMNS) answer[name] = new Float64Array(0);
  for (const [at, name] of COLUMNS.entries()) answer[name] = Float64Array.from(columns[at] ?? []);
  return answer;
}

/** Over the wire. */
function sent(answers: SeriesAnswer[], marks: LineMark[]): SentSeries[] {
  const series = withTails(answers, { ...ASKED, marks });
  const versions = ASKED.runs.map((run) => ({ run, version: "" }));
  const body = encodeSeries(versions, [
    { columns: COLUMNS, series, unchanged: [], groups: [], heatMaps: [] },
  ]);
  return decodeSeries(body.buffer).questions[0]?.series ?? [];
}

const marksOf = (mark: string | undefined): LineMark[] => (mark === undefined ? [] : [[1, 2, mark]]);
const LINE = { run: "a", key: "2 * loss", expression: true } as const;

test("a line with what was sent since is the whole line, whatever happened to it", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      let columns: number[][] = COLUMNS.map(() => [1]);
      let [known] = sent([answerOf(columns, LINE)], []);
      /** As they were when they were the newest, and where they are. */
      for (const one of changes) {
        columns = changed(columns, one);
        const whole = answerOf(columns, LINE);
        const [fresh] = sent([whole], marksOf(known?.mark));
        assert.ok(fresh && known);
        const before = known;
        const now = fresh.from === undefined ? fresh : spliced(before, fresh);
        for (const name of SERIES_COLUMNS) assert.deepEqual(now[name], whole[name], name);
        assert.equal(now.points, whole.points);
        // An answer that was overtaken is put together from what was there when it was asked for, all the same.
        if (fresh.from !== undefined) {
          const again = spliced(before, fresh);
          for (const name of SERIES_COLUMNS) assert.deepEqual(again[name], whole[name], name);
          for (const name of SERIES_COLUMNS) assert.deepEqual(now[name], whole[name], name);
        }
        known = now;
      }
    }),
    { numRuns: 500 },
  );
});

test("of a line that only grew no more is sent than its last bucket and what follows", () => {
  const column = (length: number) => Array.from({ length }, (_, at) => Math.sin(at));
  const [known] = sent(
    [
      answerOf(
        COLUMNS.map(() => column(500)),
        LINE,
      ),
    ],
    [],
  );
  const grown = COLUMNS.map(() => [...column(499), 7, 8]);
  const other = { run: "b", key: "loss" };
  const answers = [
    answerOf(grown, LINE),
    answerOf(grown, other),
    answerOf(grown, { ...other, expression: true }),
  ];
  const lines = sent(answers, marksOf(known?.mark));
  assert.deepEqual(
    lines.map(({ from, last }) => [from, last.length]),
    [
      [499, 2],
      [undefined, 501],
      [undefined, 501],
    ],
    "the others have no mark",
  );
  const [back] = sent(
    [
      answerOf(
        COLUMNS.map(() => column(400)),
        LINE,
      ),
    ],
    marksOf(known?.mark),
  );
  assert.deepEqual([back?.from, back?.last.length], [undefined, 400]);
  for (const mark of ["", "x", "-1.a.b", "1e9.a.b", `${"9".repeat(40)}.a`]) {
    const [line] = sent([answerOf(grown, LINE)], marksOf(mark));
    assert.deepEqual([line?.from, line?.last.length], [undefined, 501], mark);
  }
  assert.throws(
    () =>
      spliced(
        answerOf(
          COLUMNS.map(() => [1]),
          LINE,
        ),
        lines[0] as SentSeries,
      ),
    RangeError,
  );
});

test("two numbers that trade their signs or their places are another beginning", () => {
  const column = Array.from({ length: 50 }, (_, at) => at + 0.5);
  const [known] = sent(
    [
      answerOf(
        COLUMNS.map(() => column),
        LINE,
      ),
    ],
    [],
  );
  const turned = column.map((one, at) => (at === 3 || at === 20 ? -one : one));
  const swapped = column.map((one, at) => (at === 3 ? 4.5 : at === 4 ? 3.5 : one));
  for (const now of [turned, swapped, column.with(48, 48.500000000000014)]) {
    for (const at of COLUMNS.keys()) {
      const columns = COLUMNS.map((_, index) => (index === at ? now : column));
      const [line] = sent([answerOf(columns, LINE)], marksOf(known?.mark));
      assert.equal(line?.from, undefined);
    }
  }
  const columns = COLUMNS.map((_, at) => (at === 0 ? turned : column));
  const [first] = sent([answerOf(columns, LINE)], []);
  const [second] = sent([answerOf(columns.toReversed(), LINE)], marksOf(first?.mark));
  assert.equal(second?.from, undefined, "columns that trade places");
});

suite("following runs by POST /api/v1/series", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    for (const name of ["a", "b"]) await makeRun(doors, doors.admin, { project: "p", name });
  });
  after(() => doors.close());

  const rows: Record<string, number> = { a: 0, b: 0 };
  async function log(run: string, steps: number[]): Promise<void> {
    const offset = rows[run] ?? 0;
    const content = steps.map((step) => `{"_step":${step},"loss":${Math.cos(step) + offset}}`);
    rows[run] = offset + content.length;
    const { status } = await doors.ask(doors.admin, "POST", `/files/admin/p/${run}/file_stream`, {
      files: { "wandb-history.jsonl": { offset, content } },
    });
    assert.equal(status, 200);
  }

  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
  const question = { keys: ["loss"], expressions: ["loss + 1"], buckets: 100 };
  async function ask(marks?: LineMark[], frame: object = {}): Promise<SentSeries[]> {
    const body = {
      entity: "admin",
      project: "p",
      runs: ["a", "b"],
      questions: [{ ...question, ...frame, marks }],
    };
    const response = await fetch(`${doors.server.url}/api/v1/series`, {
      method: "POST",
      headers: { authorization: `Bearer ${doors.admin}` },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
    return decodeSeries(await response.arrayBuffer()).questions[0]?.series ?? [];
  }
  const nameOf = ({ run, key }: SentSeries) => `${run} ${key}`;

  test("lines of a fixed range grow by their ends; late rows, rows taken back and other ranges come whole", async () => {
    const frame = { min: 0, max: 3000 };
    await log("a", range(0, 1000));
    await log("b", range(0, 50));
    assert.deepEqual([...new Set((await ask(undefined, frame)).map(({ mark }) => mark))], [undefined]);
    let known = await ask([], frame);
    assert.deepEqual(
      known.map(({ mark }) => typeof mark),
      Array(4).fill("string"),
    );
    const follow = async (on: object, tails: string[]) => {
      const marks = known.map(
        ({ run, key, mark }): LineMark => [run === "a" ? 0 : 1, key === "loss" ? 0 : 1, mark ?? ""],
      );
      const now = await ask(marks, on);
      const whole = await ask([], on);
      const last = new Map(known.map((line) => [nameOf(line), line]));
      known = now.map((line) =>
        line.from === undefined ? line : spliced(last.get(nameOf(line)) as SentSeries, line),
      );
      assert.deepEqual(known, whole);
      assert.deepEqual(
        now
          .filter(({ from }) => from !== undefined)
          .map(nameOf)
          .sort(),
        tails,
      );
      for (const { from, xFirst } of now) assert.ok(from === undefined || xFirst.length <= 5);
    };
    const [A, B] = [
      ["a loss", "a loss + 1"],
      ["b loss", "b loss + 1"],
    ];
    const all = [...(A ?? []), ...(B ?? [])];
    await follow(frame, all);
    for (const step of [1000, 1020, 1050, 1100]) {
      await log("a", [step, step + 1]);
      await log("b", [50 + step / 100]);
      await follow(frame, all);
    }
    await log("a", [500]);
    await follow(frame, B ?? []);
    await follow({ min: 0, max: 4000 }, B ?? []);
    const { status } = await doors.ask(doors.admin, "POST", "/graphql", {
      query:
        'mutation { rewindRun(input: {runName: "b", entityName: "admin", projectName: "p", metricName: "_step", metricValue: 20}) { rewoundRun { id } } }',
    });
    assert.equal(status, 200);
    await follow({ min: 0, max: 4000 }, A ?? []);
    await follow({}, B ?? []);
  });
});
