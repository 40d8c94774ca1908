import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, suite, test } from "node:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decodeSeries, type SeriesReply } from "@steelyard/protocol/series";
import { type Doors, makeRun, openDoors } from "../http/doors.test-part.ts";

suite("POST /api/v1/series", () => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors();
    for (const name of ["a", "b"]) {
      await makeRun(doors, doors.admin, { project: "p", name });
      await rows(name, 0, 2000);
    }
  });
  after(() => doors.close());

  async function rows(run: string, from: number, to: number): Promise<void> {
    const content = Array.from(
      { length: to - from },
      (_, at) => `{"_step":${from + at},"loss":${1 / (1 + from + at)},"acc":${from + at}}`,
    );
    const { status } = await doors.ask(doors.admin, "POST", `/files/admin/p/${run}/file_stream`, {
      files: { "wandb-history.jsonl": { offset: from, content } },
    });
    assert.equal(status, 200);
  }
  const ASKED = { entity: "admin", project: "p", runs: ["a", "b"] };
  async function ask(more: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${doors.server.url}/api/v1/series`, {
      method: "POST",
      headers: { authorization: `Bearer ${doors.admin}`, ...headers },
      body: JSON.stringify({ ...ASKED, questions: [{ keys: ["loss"], buckets: 10 }], ...more }),
    });
    return { status: response.status, headers: response.headers, body: await response.arrayBuffer() };
  }
  const read = async (more: object): Promise<SeriesReply> => decodeSeries((await ask(more)).body);

  test("all charts of a page in one request, each with its range, axis and columns", async () => {
    const { questions } = await read({
      questions: [
        { keys: ["loss", "acc"], buckets: 10, columns: ["last"] },
        { keys: ["acc"], min: 5, max: 7, buckets: 10 },
        { keys: ["loss"], x: { kind: "key", key: "acc" }, buckets: 5, columns: ["min", "mean"] },
      ],
    });
    const names = (at: number) => questions[at]?.series.map(({ run, key }) => `${run} ${key}`).sort();
    assert.deepEqual(names(0), ["a acc", "a loss", "b acc", "b loss"]);
    assert.deepEqual(names(1), ["a acc", "b acc"]);
    assert.deepEqual([...(questions[1]?.series[0]?.last ?? [])], [5, 6, 7]);
    const [first, third] = [questions[0]?.series[0], questions[2]?.series[0]];
    assert.deepEqual([first?.min.length, first?.last.length, first?.xLast.length], [0, 10, 10]);
    assert.deepEqual([third?.min.length, third?.mean.length, third?.last.length], [5, 5, 0]);
  });

  test("a key of 50,000 characters is a line, and hinders no other", async () => {
    const long = "k".repeat(50_000);
    await makeRun(doors, doors.admin, { project: "p", name: "long" });
    await doors.ask(doors.admin, "POST", "/files/admin/p/long/file_stream", {
      files: { "wandb-history.jsonl": { offset: 0, content: [`{"_step":0,"a":1,"${long}":2}`] } },
    });
    const { questions } = await read({
      runs: ["long"],
      questions: [{ keys: ["a", long] }, { keys: ["a"], x: { kind: "key", key: long } }],
    });
    assert.deepEqual(
      questions.map(({ series }) => series.map(({ key, xFirst, last }) => [key, xFirst[0], last[0]])),
      [
        [
          ["a", 0, 1],
          [long, 0, 2],
        ],
        [["a", 2, 1]],
      ],
    );
  });

  test("expressions are lines beside keys", async () => {
    const { questions } = await read({
      questions: [
        { keys: ["acc"], expressions: ["acc / 2 + 0 * loss", "acc"], min: 10, max: 13, buckets: 10 },
      ],
    });
    const a = questions[0]?.series.filter(({ run }) => run === "a") ?? [];
    assert.deepEqual(
      a.map(({ key, expression, last }) => [key, expression, [...last]]),
      [
        ["acc", undefined, [10, 11, 12, 13]],
        ["acc / 2 + 0 * loss", true, [5, 5.5, 6, 6.5]],
        ["acc", true, [10, 11, 12, 13]],
      ],
    );
  });

  test("expressions have numbers of each run's config and summary; a run without one has no line", async () => {
    const configure = (name: string, config: object) =>
      doors.graphql(
        doors.admin,
        'mutation U($name: String, $config: JSONString) { upsertBucket(input: {entityName: "admin", modelName: "constants", name: $name, config: $config}) { inserted } }',
        { name, config: JSON.stringify(config) },
      );
    const setUp = async (name: string, config: object, summary: object) => {
      await configure(name, config);
      const files = {
        "wandb-history.jsonl": { offset: 0, content: ['{"_step":0,"y":2}', '{"_step":1,"y":4}'] },
        "wandb-summary.json": { offset: 0, content: [JSON.stringify(summary)] },
      };
      await doors.ask(doors.admin, "POST", `/files/admin/constants/${name}/file_stream`, { files });
    };
    await setUp("c", { opt: { value: { lr: 0.5 } } }, { y: 4, best: { loss: -1 } });
    await setUp("d", { opt: { value: { lr: 3 } } }, { y: 4, best: { loss: 10 } });
    await setUp("e", { opt: { value: { lr: "high" } } }, { y: 4 });
    const text = `y * \${config:opt.lr} - \${summary:best.loss}`;
    const request = {
      project: "constants",
      runs: ["c", "d", "e"],
      questions: [{ keys: ["y"], expressions: [text, "y + 1"], buckets: 10 }],
    };
    const lines = (reply: SeriesReply) =>
      reply.questions[0]?.series.map(({ run, key, last }) => `${run} ${key}: ${last.join(" ")}`).sort();
    const reply = await read(request);
    assert.deepEqual(lines(reply), [
      `c ${text}: 2 3`,
      "c y + 1: 3 5",
      "c y: 2 4",
      `d ${text}: -4 2`,
      "d y + 1: 3 5",
      "d y: 2 4",
      "e y + 1: 3 5",
      "e y: 2 4",
    ]);
    // Another config is another answer, though no row came.
    const etag = (await ask(request)).headers.get("etag") ?? "";
    assert.equal((await ask(request, { "if-none-match": etag })).status, 304);
    await configure("d", { opt: { value: { lr: 1 } } });
    const have = Object.fromEntries(reply.runs.map(({ run, version }) => [run, version]));
    const now = await ask({ ...request, have }, { "if-none-match": etag });
    assert.ok(lines(decodeSeries(now.body))?.includes(`d ${text}: -8 -6`));
    const grouping = { groups: [{ name: "all", runs: [0, 1, 2] }], statistics: ["mean"] };
    const grouped = await read({ ...request, questions: [{ keys: [], expressions: [text], grouping }] });
    const [all] = grouped.questions[0]?.groups ?? [];
    assert.deepEqual(
      [all?.key, [...(all?.columns.runs ?? [])], [...(all?.columns.mean ?? [])]],
      [text, [2, 2], [-3, -1.5]],
    );
  });

  test("groups of runs in place of runs, and nothing again when no run of them changed", async () => {
    const grouping = {
      groups: [
        { name: "both", runs: [0, 1] },
        { name: "none", runs: [2] },
      ],
      statistics: ["mean", "q0.5"],
    };
    const runs = ["a", "b", "gone"];
    const questions = [{ keys: ["acc"], expressions: ["acc * 2"], min: 0, max: 4, buckets: 10, grouping }];
    const reply = await read({ runs, questions });
    assert.deepEqual(
      reply.questions[0]?.groups.map(({ group, key, expression, exact, columns }) => ({
        ...{ group, key, expression, exact },
        columns: Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, [...values]])),
      })),
      ["acc", "acc * 2"].map((key, at) => {
        const x = [0, 1, 2, 3, 4];
        const values = x.map((step) => step * (at + 1));
        const columns = { xFirst: x, xLast: x, runs: [2, 2, 2, 2, 2], mean: values, "q0.5": values };
        return { group: "both", key, expression: at === 1 ? true : undefined, exact: true, columns };
      }),
    );
    assert.deepEqual(reply.questions[0]?.series, []);
    // In buckets: equal runs are together what each of them is.
    const many = [
      { keys: ["loss"], buckets: 100, grouping },
      { keys: ["loss"], buckets: 100 },
    ];
    const [of, alone] = (await read({ questions: many.slice(0, 1), runs })).questions.concat(
      (await read({ questions: many.slice(1), runs: ["a"] })).questions,
    );
    assert.equal(of?.groups[0]?.exact, false);
    assert.deepEqual(of?.groups[0]?.columns.mean, alone?.series[0]?.last);
    assert.deepEqual(of?.groups[0]?.columns.xLast, alone?.series[0]?.xLast);
    const have = Object.fromEntries(reply.runs.map(({ run, version }) => [run, version]));
    const again = (await read({ runs, questions, have })).questions[0];
    assert.deepEqual([again?.groups, [...(again?.unchanged ?? [])].sort()], [[], ["a", "b"]]);
    const one = (await read({ runs, questions, have: { a: have.a } })).questions[0];
    assert.deepEqual([one?.groups.length, one?.unchanged], [2, []]);
  });

  test("the ETag is that of the runs' rows: 304 until a row comes, without reading data", async () => {
    const first = await ask({});
    const etag = first.headers.get("etag") ?? "";
    assert.match(etag, /^W\/"/);
    const again = await ask({}, { "if-none-match": etag });
    assert.deepEqual([again.status, again.body.byteLength], [304, 0]);
    assert.equal((await ask({ runs: ["a"] }, { "if-none-match": etag })).status, 200, "another question");
    await rows("b", 2000, 2001);
    const changed = await ask({}, { "if-none-match": `W/"other", ${etag}` });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get("etag"), etag);
    // A row sent again with another value.
    const before = changed.headers.get("etag") ?? "";
    await rows("b", 2000, 2001);
    assert.equal((await ask({}, { "if-none-match": before })).status, 200);
  });

  test("who has answers is told of the runs that changed since", async () => {
    const questions = [{ keys: ["loss"] }, { keys: ["cpu"], stream: "events" }];
    const all = await read({ questions });
    const have = Object.fromEntries(all.runs.map(({ run, version }) => [run, version]));
    const none = await read({ questions, have });
    assert.deepEqual(
      none.questions.map(({ series, unchanged }) => [series.length, [...unchanged].sort()]),
      [
        [0, ["a", "b"]],
        [0, ["a", "b"]],
      ],
    );
    await rows("a", 2000, 2010);
    const some = await read({ questions, have: { ...have, gone: "x" } });
    assert.deepEqual(
      some.questions.map(({ series, unchanged }) => [series.map(({ run }) => run), [...unchanged].sort()]),
      [
        [["a"], ["b"]],
        [[], ["a", "b"]],
      ],
    );
    // Names that every object has something under.
    await makeRun(doors, doors.admin, { project: "p", name: "constructor" });
    const odd = await read({ runs: ["constructor"], questions, have: {} });
    assert.deepEqual(odd.questions[0]?.unchanged, []);
    const versions = Object.fromEntries(some.runs.map(({ run, version }) => [run, version]));
    assert.equal(versions.b, have.b);
    assert.notEqual(versions.a, have.a);
  });

  test("histograms over steps are a heat map of each run and key", async () => {
    await makeRun(doors, doors.admin, { project: "p", name: "h" });
    const bins = '"_type":"histogram","bins":[0,1,2],"values":';
    const packed = '{"_type":"histogram","packedBins":{"min":0,"size":1,"count":2},"values":[8,0]}';
    const content = [
      `{"_step":0,"_runtime":10,"_timestamp":110,"w":{${bins}[1,3]}}`,
      '{"_step":1,"w":5}',
      `{"_step":2,"_runtime":30,"_timestamp":130,"w":${packed}}`,
      `{"_step":9,"_runtime":40,"_timestamp":140,"w":{${bins}[0,4]}}`,
    ];
    await doors.ask(doors.admin, "POST", "/files/admin/p/h/file_stream", {
      files: { "wandb-history.jsonl": { offset: 0, content } },
    });
    const { questions } = await read({
      runs: ["h", "a"],
      questions: [
        { keys: ["w", "absent"], heatMap: { bins: 2 }, buckets: 2 },
        { keys: ["w"], heatMap: { bins: 1, low: 1, high: 3 }, min: 2, max: 2 },
        { keys: ["w"], heatMap: { bins: 2 }, x: { kind: "relative-wall" }, max: 30 },
      ],
    });
    const told = questions.map(({ series, heatMaps }) => [
      series.length,
      ...heatMaps.map(({ run, key, sampled, low, high, columns, counts }) => ({
        ...{ run, key, sampled, range: [low, high], x: [[...columns.xFirst], [...columns.xLast]] },
        ...{ histograms: [...columns.histograms], outside: [...columns.outside], counts: [...counts] },
      })),
    ]);
    const known = { run: "h", key: "w", sampled: false };
    assert.deepEqual(told, [
      [
        0,
        {
          ...{
            ...known,
            range: [0, 2],
            x: [
              [0, 9],
              [2, 9],
            ],
            histograms: [2, 1],
            outside: [0, 0],
          },
          counts: [9, 3, 0, 4],
        },
      ],
      [0, { ...known, range: [1, 3], x: [[2], [2]], histograms: [1], outside: [8], counts: [0] }],
      [
        0,
        {
          ...{
            ...known,
            range: [0, 2],
            x: [
              [10, 30],
              [10, 30],
            ],
            histograms: [1, 1],
            outside: [0, 0],
          },
          counts: [1, 3, 8, 0],
        },
      ],
    ]);
  });

  test("to another machine it is packed as that one takes it", async () => {
    const far = { "x-forwarded-for": "203.0.113.9" };
    const unpack = { zstd: zstdDecompressSync, gzip: gunzipSync };
    const plain = await raw({ "accept-encoding": "zstd, gzip" });
    assert.equal(plain.headers["content-encoding"], undefined, "to this machine as it is");
    for (const [accepts, encoding] of [
      ["gzip, deflate, br, zstd", "zstd"],
      ["gzip, zstd;q=0", "gzip"],
    ] as const) {
      const { headers, body } = await raw({ ...far, "accept-encoding": accepts });
      assert.equal(headers["content-encoding"], encoding);
      assert.match(String(headers.vary), /accept-encoding/);
      assert.ok(body.length < plain.body.length);
      assert.deepEqual(unpack[encoding](body), plain.body);
    }
    assert.equal((await raw({ ...far, "accept-encoding": "br" })).headers["content-encoding"], undefined);
  });

  /** As it is on the wire: fetch would unpack it. */
  function raw(headers: Record<string, string>) {
    return new Promise<{ headers: NodeJS.Dict<string | string[]>; body: Buffer }>((resolve, reject) => {
      const sent = httpRequest(
        `${doors.server.url}/api/v1/series`,
        { method: "POST", headers: { authorization: `Bearer ${doors.admin}`, ...headers } },
        async (response) => {
          const parts: Buffer[] = [];
          for await (const part of response) parts.push(part as Buffer);
          resolve({ headers: response.headers, body: Buffer.concat(parts) });
        },
      );
      sent.on("error", reject);
      sent.end(JSON.stringify({ ...ASKED, questions: [{ keys: ["loss", "acc"], buckets: 1000 }] }));
    });
  }

  // Only a store that hears nothing reaches the time.
  test("the store hears that who asked has gone, whatever was asked", { timeout: 60_000 }, async (t) => {
    const { metrics } = doors.server.services;
    const grouping = { groups: [{ name: "both", runs: [0, 1] }] };
    for (const question of [{ keys: ["loss"] }, { keys: ["acc"], expressions: ["acc * 2"], grouping }]) {
      const asked = Promise.withResolvers<AbortSignal | undefined>();
      const { mock } = t.mock.method(
        metrics,
        "series",
        (_: unknown, signal?: AbortSignal) => {
          asked.resolve(signal);
          // A store that is long at work: it ends only when it is told.
          return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
        },
        { times: 1 },
      );
      const { hostname, port } = new URL(doors.server.url);
      const socket = connect(Number(port), hostname);
      const body = JSON.stringify({ ...ASKED, questions: [question] });
      socket.write(
        `POST /api/v1/series HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${doors.admin}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      const signal = await asked.promise;
      assert.ok(signal, "the store was given no signal");
      assert.equal(signal.aborted, false);
      const heard = once(signal, "abort");
      socket.destroy();
      await heard;
      mock.restore();
    }
  });

  test("who goes away is not worked for: the store stops, and nothing is logged as an error", async () => {
    const before = doors.log.filter(({ level }) => level >= 50).length;
    const controller = new AbortController();
    const gone = fetch(`${doors.server.url}/api/v1/series`, {
      method: "POST",
      headers: { authorization: `Bearer ${doors.admin}` },
      body: JSON.stringify({
        ...ASKED,
        questions: Array.from({ length: 100 }, (_, at) => ({ keys: ["loss"], buckets: 1500 + at })),
      }),
      signal: controller.signal,
    });
    setImmediate(() => controller.abort());
    await assert.rejects(gone, /abort/i);
    assert.equal((await ask({})).status, 200);
    assert.equal(doors.log.filter(({ level }) => level >= 50).length, before);
  });

  test("questions have bounds, and the answer names what was passed", async () => {
    const many = (length: number, one: unknown) => Array<unknown>(length).fill(one);
    const wrong: [object, RegExp][] = [
      [{ questions: [] }, /questions/],
      [{ questions: many(101, { keys: [] }) }, /questions/],
      [{ questions: [{ keys: ["a"], buckets: 0 }] }, /questions\.0\.buckets/],
      [{ questions: [{ keys: ["a"], buckets: 4001 }] }, /buckets/],
      [{ questions: [{ keys: ["a"] }, { keys: many(201, "k") }] }, /questions\.1\.keys/],
      [
        { questions: [{ keys: [], expressions: ["a", "a + * b"] }] },
        /questions\.0\.expressions\.1: character 5: .* found \*/,
      ],
      [
        { questions: [{ keys: ["a"], grouping: { groups: [{ name: "g", runs: [2] }] } }] },
        /questions\.0\.grouping.* no run 2/,
      ],
      [
        { questions: [{ keys: ["a"], grouping: { groups: [], statistics: ["q2"] } }] },
        /statistics.0: .* such as q0\.9/,
      ],
      [{ questions: [{ keys: ["a"], heatMap: { bins: 513 } }] }, /heatMap\.bins/],
      [{ questions: [{ keys: many(33, "a"), heatMap: {} }] }, /heat maps is 66, more than 64/],
      [{ questions: [{ keys: [], expressions: ["a"], heatMap: {} }] }, /without grouping and expressions/],
      [{ questions: [{ keys: ["a"], columns: ["middle"] }] }, /columns/],
      [{ questions: [{ keys: ["a"], stream: "console" }] }, /stream/],
      [{ questions: [{ keys: ["a"], x: { kind: "key" } }] }, /x/],
      [{ runs: many(1001, "r") }, /runs/],
      [{ have: { r: "v".repeat(101) } }, /have/],
      [{ runs: many(1000, "r"), questions: [{ keys: many(200, "k"), buckets: 4000 }] }, /fewer at once/],
    ];
    for (const [more, text] of wrong) {
      const { status, body } = await ask(more);
      assert.equal(status, 400, JSON.stringify(more).slice(0, 80));
      assert.match(Buffer.from(body).toString(), text);
    }
    // A run that is gone meanwhile fails nobody's chart.
    assert.deepEqual(
      (await read({ runs: ["a", "gone"] })).runs.map(({ run }) => run),
      ["a"],
    );
    assert.equal(
      (
        await doors.ask(await doors.user("other"), "POST", "/api/v1/series", {
          ...ASKED,
          questions: [{ keys: [] }],
        })
      ).status,
      404,
    );
  });
});
