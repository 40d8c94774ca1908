import assert from "node:assert/strict";
import { test } from "node:test";
import type { Series, SeriesQuestion } from "../metric-store.ts";
import { history, type Open, question, sameKinds, steps, twice } from "./opened-store.contract.ts";

/** Of what is not finite, all kinds. */
function odd(i: number): number | undefined {
  const kind = i % 500 === 7 ? i % 3 : undefined;
  return kind === undefined ? undefined : [Number.NaN, Infinity, -Infinity][kind];
}

/** The question of every chart. */
export function testSeries(name: string, open: Open): void {
  test(`${name}: series: exact when few, buckets that never lie when many`, async () => {
    const count = 20_000;
    const value = (i: number) => odd(i) ?? Math.sin(i / 300) + (i === 12_345 ? 50 : 0);
    const lines = steps(0, count, (i) => ({
      v: value(i),
      sparse: i % 97 === 0 ? i : undefined,
      _runtime: i * 0.25,
      _timestamp: 1_700_000_000 + i * 0.25,
      epoch: Math.floor(i / 100),
    }));
    await twice(
      open,
      async (store) => {
        for (let at = 0; at < count; at += 2500) {
          await store.append([history(lines.slice(at, at + 2500), at)]);
        }
      },
      async (store) => {
        for (const x of [
          { kind: "step", of: (i: number) => i },
          { kind: "relative", of: (i: number) => i * 0.25 },
          { kind: "wall", of: (i: number) => 1_700_000_000 + i * 0.25 },
        ] as const) {
          for (const [from, to, buckets] of [
            [0, count - 1, 100],
            [0, count - 1, 4000],
            [100, 15_001, 50],
            [12_340, 12_350, 100],
            [777, 777, 5],
          ] as const) {
            const [series] = await store.series(
              question({ keys: ["v"], x: { kind: x.kind }, min: x.of(from), max: x.of(to), buckets }),
            );
            assert.ok(series);
            const label = `${x.kind} ${from} to ${to} in ${buckets}`;
            assert.equal(series.points, to - from + 1, label);
            assert.equal(series.exact, to - from + 1 <= buckets, label);
            assert.ok(series.xFirst.length <= buckets, label);
            checkBuckets(series, value, (at) => Math.round((at - x.of(0)) / (x.of(1) - x.of(0))), label);
          }
        }
        const [whole] = await store.series(question({ keys: ["v"], buckets: 30 }));
        assert.ok(Math.max(...(whole?.max ?? [])) > 49, "the spike shows");
        const [sparse] = await store.series(question({ keys: ["sparse"], buckets: 500 }));
        assert.equal(sparse?.exact, true);
        assert.equal(sparse?.points, Math.ceil(count / 97));
        const [byKey] = await store.series(
          question({ keys: ["v"], x: { kind: "key", key: "epoch" }, buckets: 20 }),
        );
        assert.equal(byKey?.points, count);
        assert.equal(byKey?.xLast.at(-1), 199);
        assert.deepEqual(await store.series(question({ keys: ["absent"] })), []);
      },
    );
  });

  test(`${name}: all runs of a chart are counted into the same buckets: equal curves give equal lines`, async () => {
    const count = 12_000;
    const lines = (rows: number) =>
      steps(0, rows, (i) => ({ v: Math.sin(i / 50), late: i < 9000 ? undefined : i, _runtime: i / 4 }));
    await twice(
      open,
      async (store) => {
        for (const [run, rows] of [
          [1, count / 2],
          [2, count],
        ] as const)
          for (let at = 0; at < rows; at += 2000)
            await store.append([{ ...history(lines(rows).slice(at, Math.min(rows, at + 2000)), at), run }]);
      },
      async (store) => {
        for (const x of [{ kind: "step" }, { kind: "relative" }] as const) {
          const ask = async (buckets: number) =>
            (await store.series(question({ runs: [1, 2], keys: ["v"], x, buckets }))) as [Series, Series];
          const [half, whole] = await ask(1000);
          const shared = half.xLast.length - 1;
          assert.ok(Math.abs(shared - 500) < 3, `${shared} of 1000 buckets`);
          for (const column of ["xLast", "last", "min", "max"] as const)
            assert.deepEqual(half[column].slice(0, shared), whole[column].slice(0, shared), column);
          // Of many points an engine may keep groups; their edges may lie a little apart.
          const [few, all] = await ask(100);
          for (let at = 0; at < 49; at++) {
            const apart = (few.xLast[at] ?? 0) - (all.xLast[at] ?? Number.NaN);
            assert.ok(Math.abs(apart) < 64, `bucket ${at} is ${apart} apart`);
          }
        }
        // A key that came late has its buckets where it is.
        const [late] = await store.series(question({ runs: [2], keys: ["late"], buckets: 500 }));
        assert.ok((late?.xLast.length ?? 0) > 490, `${late?.xLast.length} buckets`);
      },
    );
  });

  test(`${name}: 41: an hour of pause is in the time since the start, and not in the time that processes ran`, async () => {
    const count = 12_000;
    const startS = 1_700_000_000;
    const runtime = (i: number) => 0.5 + i * 0.25;
    const since = (i: number) => runtime(i) + (i < count / 2 ? 0 : 3600);
    const lines = steps(0, count, (i) => ({
      v: i,
      // A first row without a clock does not hide the start.
      ...(i === 0 ? {} : { _runtime: runtime(i), _timestamp: startS + since(i) }),
    }));
    await twice(
      open,
      async (store) => {
        for (let at = 0; at < count; at += 3000)
          await store.append([history(lines.slice(at, at + 3000), at)]);
        await store.append([{ ...history(['{"_step":0,"v":1}']), run: 2 }]);
      },
      async (store) => {
        const ask = async (kind: "relative" | "relative-wall", more: Partial<SeriesQuestion>) =>
          (await store.series(question({ runs: [1, 2], keys: ["v"], x: { kind }, ...more }))) as [
            Series,
            Series?,
          ];
        for (const buckets of [50, 1000]) {
          const [process] = await ask("relative", { buckets });
          const [wall, none] = await ask("relative-wall", { buckets });
          assert.equal(none, undefined, "a run without a clock has no place on the axis");
          assert.equal(wall.points, count - 1);
          assert.ok(Math.abs((wall.xLast.at(-1) ?? 0) - (process.xLast.at(-1) ?? 0) - 3600) < 1e-3);
          assert.ok(Math.abs((wall.xFirst[0] ?? 0) - runtime(1)) < 1e-3, "it began before its first row");
        }
        const [zoomed] = await ask("relative-wall", {
          buckets: 100,
          min: since(7000),
          max: since(7009) + 0.1,
        });
        assert.deepEqual(
          [zoomed.exact, [...zoomed.last]],
          [true, Array.from({ length: 10 }, (_, i) => 7000 + i)],
        );
      },
    );
  });
}

/** What spares asking: whether anything changed, and that nobody waits any more. */
export function testSpared(name: string, open: Open): void {
  test(`${name}: a run's version is another one after everything that changes its rows, and only then`, async () => {
    const { store } = await open();
    const line = (step: number, v: number) => `{"_step":${step},"v":${v}}`;
    const seen = new Set<string>();
    const version = async () => (await store.versions([1], "history"))[0] ?? "";
    const changed = async (what: string) => {
      const now = await version();
      assert.equal(seen.has(now), false, what);
      seen.add(now);
    };
    await changed("nothing");
    await store.append([history([line(0, 1), line(1, 1), line(2, 1)])]);
    await changed("rows");
    await store.append([
      { ...history([line(0, 1)]), run: 2 },
      { ...history(["{}"]), stream: "events" },
    ]);
    assert.ok(seen.has(await version()), "rows of another run, or of another stream");
    await store.append([history([line(1, 2)], 1)]);
    await changed("a row replaced");
    await store.append([history([line(3, 1), line(4, 1)], 3)]);
    await changed("more rows");
    await store.rewind(1, 3);
    await changed("a rewind within a block");
    await store.append([history([line(4, 1)], 4)]);
    await changed("the rows of before the rewind");
    await store.rewind(1, 0);
    await changed("a rewind of whole blocks");
    await store.fork(2, 1, 5);
    await changed("a fork");
    const [one, two] = await store.versions([1, 2], "history");
    assert.notEqual(one, two);
    await store.close();
  });

  test(`${name}: a question is given up when nobody waits for it, and the next is answered`, async () => {
    const { store } = await open();
    await store.append([history(steps(0, 100, (i) => ({ v: i })))]);
    const asked = question({ keys: ["v"] });
    const controller = new AbortController();
    const waiting = store.series(asked, controller.signal);
    controller.abort(new Error("gone"));
    await assert.rejects(waiting, /gone/);
    await assert.rejects(store.series(asked, controller.signal), /gone/);
    assert.equal((await store.series(asked, new AbortController().signal))[0]?.points, 100);
    await store.close();
  });

  test(`${name}: a chart of many runs says of each what a chart of few says, in the order asked, and only what is asked`, async () => {
    const rows = (run: number) => (run === 7 ? 3000 : 1500 + run * 10);
    await twice(
      open,
      (store) =>
        store.append(
          Array.from({ length: 20 }, (_, at) => ({
            ...history(
              steps(0, rows(at + 1), (i) => ({ a: (i * (at + 3)) % 101, b: i % 3 ? undefined : i })),
            ),
            run: at + 1,
          })),
        ),
      async (store) => {
        const runs = Array.from({ length: 20 }, (_, at) => 20 - at);
        const asked = { keys: ["b", "a"], buckets: 400 };
        const all = await store.series(question({ ...asked, runs }));
        assert.deepEqual(
          all.map(({ run, key }) => [run, key]),
          runs.flatMap((run) => [
            [run, "b"],
            [run, "a"],
          ]),
        );
        const few = [7, 3, 16];
        for (const one of await store.series(question({ ...asked, runs: few })))
          assert.deepEqual(
            all.find(({ run, key }) => run === one.run && key === one.key),
            one,
          );
        const columns = ["max", "xFirst"] as const;
        for (const one of await store.series(question({ ...asked, runs, columns }))) {
          const whole = all.find(({ run, key }) => run === one.run && key === one.key);
          for (const column of columns) assert.deepEqual(one[column], whole?.[column]);
          assert.equal(one.min.length + one.xLast.length + one.mean.length + one.count.length, 0);
        }
      },
    );
  });
}

/** Each bucket says of the points between its first and last x exactly what they are. */
function checkBuckets(
  series: Series,
  value: (i: number) => number,
  indexOf: (x: number) => number,
  label: string,
): void {
  for (let at = 0; at < series.xFirst.length; at++) {
    const where = `${label}, bucket ${at}`;
    const from = indexOf(series.xFirst[at] ?? 0);
    const to = indexOf(series.xLast[at] ?? 0);
    const all = Array.from({ length: to - from + 1 }, (_, i) => value(from + i));
    const finite = all.filter(Number.isFinite);
    assert.equal(series.count[at], finite.length, where);
    sameKinds(series, at, all, where);
    if (finite.length === 0) {
      assert.ok(Number.isNaN(series.mean[at]), where);
      continue;
    }
    assert.equal(series.min[at], Math.min(...finite), where);
    assert.equal(series.max[at], Math.max(...finite), where);
    assert.equal(series.first[at], finite[0], where);
    assert.equal(series.last[at], finite.at(-1), where);
    const mean = finite.reduce((sum, one) => sum + one, 0) / finite.length;
    assert.ok(Math.abs((series.mean[at] ?? 0) - mean) <= 1e-9 * (1 + Math.abs(mean)), where);
  }
}
