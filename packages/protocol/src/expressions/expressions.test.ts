import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { boundText, ExpressionError, evaluator, monotoneExpression, parseExpression } from "./index.ts";

const KEYS = ["a", "b.c", "train/loss"];
const ROWS = 7;

/** In a script these would be places of a template. */
const quoted = (text: string) => text.replaceAll("<", "${").replaceAll(">", "}");

/** An expression as text, and what it is in each row, computed naively. */
interface Case {
  text: string;
  rows: number[];
}
const keyCase = (columns: number[][]) =>
  fc.nat(KEYS.length - 1).map(
    (at): Case => ({
      text: at === 2 ? "`train/loss`" : (KEYS[at] ?? ""),
      rows: columns[at] ?? [],
    }),
  );

const last = (rows: number[], row: number, n: number) =>
  rows.slice(Math.max(0, row + 1 - n), row + 1).filter(Number.isFinite);
const binary: [string, (a: number, b: number) => number][] = [
  ["+", (a, b) => a + b],
  ["-", (a, b) => a - b],
  ["*", (a, b) => a * b],
  ["/", (a, b) => a / b],
  ["%", (a, b) => a - b * Math.floor(a / b)],
  ["^", (a, b) => a ** b],
];
const unary: [string, (rows: number[]) => number[]][] = [
  ["-(X)", (rows) => rows.map((value) => -value)],
  ["log(X)", (rows) => rows.map(Math.log)],
  ["abs(X)", (rows) => rows.map(Math.abs)],
  ["sigmoid(X)", (rows) => rows.map((value) => 1 / (1 + Math.exp(-value)))],
  ["clamp(X, -1, 2)", (rows) => rows.map((value) => Math.min(Math.max(value, -1), 2))],
  ["diff(X)", (rows) => rows.map((value, row) => value - (rows[row - 1] ?? Number.NaN))],
  [
    "cumsum(X)",
    (rows) =>
      rows.map((value, row) =>
        Number.isFinite(value) ? last(rows, row, ROWS).reduce((sum, one) => sum + one, 0) : Number.NaN,
      ),
  ],
  [
    "cummax(X)",
    (rows) =>
      rows.map((value, row) => (Number.isFinite(value) ? Math.max(...last(rows, row, ROWS)) : Number.NaN)),
  ],
];

const expressionOver = (columns: number[][]) =>
  fc.letrec<{ node: Case; leaf: Case; more: Case; applied: Case }>((tie) => ({
    node: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("leaf"), tie("more"), tie("applied")),
    leaf: fc.oneof(
      keyCase(columns),
      fc
        .constantFrom("0.5", "2", "1e1", ".25")
        .map((text) => ({ text, rows: Array<number>(ROWS).fill(Number(text)) })),
    ),
    more: fc.tuple(tie("node"), tie("node"), fc.constantFrom(...binary)).map(([left, right, [sign, of]]) => ({
      text: `(${left.text}) ${sign} (${right.text})`,
      rows: left.rows.map((value, row) => of(value, right.rows[row] ?? 0)),
    })),
    applied: fc.tuple(tie("node"), fc.constantFrom(...unary)).map(([node, [text, of]]) => ({
      text: text.replace("X", () => node.text),
      rows: of(node.rows),
    })),
  })).node;

test("every expression is in every row what it says, in whatever parts the rows come", () => {
  const value = fc.oneof(
    fc.double({ min: -10, max: 10, noNaN: true }),
    fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY),
  );
  const columns = fc.array(fc.array(value, { minLength: ROWS, maxLength: ROWS }), {
    minLength: 3,
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      columns.chain((given) => fc.tuple(fc.constant(given), expressionOver(given))),
      fc.nat(ROWS),
      ([given, { text, rows }], cut) => {
        const expression = parseExpression(`a * 0 ^ 0 + (${text}) - a`);
        const evaluate = evaluator(expression);
        const got: number[] = [];
        for (const [from, to] of [
          [0, cut],
          [cut, ROWS],
        ] as const) {
          const part = expression.keys.map((key) =>
            Float64Array.from(given[KEYS.indexOf(key)]?.slice(from, to) ?? []),
          );
          got.push(...evaluate(part, to - from));
        }
        for (const [row, wanted] of rows.entries()) {
          const a = given[0]?.[row] ?? 0;
          const all = a + wanted - a;
          const close =
            Object.is(got[row], all) ||
            got[row] === all ||
            Math.abs((got[row] ?? 0) - all) <= 1e-6 * (1 + Math.abs(all));
          assert.ok(close, `${text}: row ${row} is ${got[row]}, not ${all}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a moving average is that of the finite values in its window, a spike gone without a trace", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(Number.NaN)), { maxLength: 40 }),
      fc.integer({ min: 1, max: 12 }),
      (values, rows) => {
        const got = evaluator(parseExpression(`ma(a, ${rows})`))([Float64Array.from(values)], values.length);
        const wanted = values.map((_, row) => {
          const finite = last(values, row, rows);
          return finite.reduce((sum, value) => sum + value, 0) / finite.length;
        });
        assert.deepEqual(
          [...got].map((value) => value + 0),
          wanted.map((value) => value + 0),
        );
      },
    ),
  );
  const spiked = [1, 1e300, 1, 2, 3, 4];
  assert.deepEqual(
    [...evaluator(parseExpression("ma(a, 2)"))([Float64Array.from(spiked)], 6)].slice(3),
    [1.5, 2.5, 3.5],
  );
});

test("an exponential average has no bias of its start and passes over gaps", () => {
  const of = (values: number[]) => [
    ...evaluator(parseExpression("ema(a, 0.5)"))([Float64Array.from(values)], values.length),
  ];
  assert.deepEqual(of([4, Number.NaN, 4, 1]), [4, Number.NaN, 4, (4 * 0.125 + 4 * 0.25 + 0.5) / 0.875]);
});

test("what is said to grow or fall does, and is what the rows give", () => {
  const texts = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("x", "0.5", "2", "(0 - 3)"),
      fc
        .tuple(tie("node"), tie("node"), fc.constantFrom("+", "-", "*", "/", "^", "%"))
        .map(([a, b, sign]) => `(${a} ${sign} ${b})`),
      fc
        .tuple(
          tie("node"),
          fc.constantFrom(
            "log(X)",
            "exp(X)",
            "-X",
            "floor(X)",
            "abs(X)",
            "sigmoid(X)",
            "max(1, X)",
            "clamp(X, -2, 2)",
          ),
        )
        .map(([node, text]) => text.replace("X", () => node)),
    ),
  })).node;
  const values = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 9 });
  let monotone = 0;
  fc.assert(
    fc.property(texts, values, (text, given) => {
      fc.pre(/\bx\b/.test(text));
      const expression = parseExpression(text);
      const found = monotoneExpression(expression);
      if (!found) return;
      monotone++;
      const ascending = Float64Array.from(given).sort();
      const rows = [...evaluator(expression)([ascending], ascending.length)];
      assert.deepEqual([...ascending].map(found.of), rows, text);
      const shown = rows.filter((value) => !Number.isNaN(value));
      for (let at = 1; at < shown.length; at++) {
        const [before = 0, here = 0] = [shown[at - 1], shown[at]];
        const slack = Number.isFinite(before) ? 1e-12 * Math.abs(before) : 0;
        assert.ok(found.grows ? here >= before - slack : here <= before + slack, text);
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(monotone > 50, `${monotone} of them`);
  for (const text of [
    "x * x",
    "x + 1 / x",
    "x ^ 2",
    "abs(x)",
    "ma(x, 3)",
    "x - y",
    "0 * x",
    "min(x, 0 / 0)",
    "sin(x)",
  ])
    assert.equal(monotoneExpression(parseExpression(text)), undefined, text);
});

test("what binds more closely comes first", () => {
  const of = (text: string, a = 3, b = 2) => {
    const expression = parseExpression(text);
    const columns = expression.keys.map((key) => Float64Array.of(key === "a" ? a : b));
    return evaluator(expression)(columns, 1)[0];
  };
  const cases: [string, number][] = [
    ["1 + a * 2", 7],
    ["a - 1 - 1", 1],
    ["12 / a / 2", 2],
    ["-a ^ 2", -9],
    ["(-a) ** 2", 9],
    ["2 ^ a ^ b", 512],
    ["2 ^ -b * a", 0.75],
    ["- - a", 3],
    ["-a % 2", 1],
    ["min(a, b, 1) + max(a, b)", 4],
    ["pow(a, b) + round(2.5)", 12],
    [quoted('"a" + `b` + <a>'), 8],
  ];
  for (const [text, value] of cases) assert.equal(of(text), value, text);
});

test("keys are named as they are logged, each once", () => {
  assert.deepEqual(
    parseExpression(quoted("<train/loss> - <val loss> + grad.norm + größe + grad.norm")).keys,
    ["train/loss", "val loss", "grad.norm", "größe"],
  );
  assert.deepEqual(parseExpression("train/loss").keys, ["train", "loss"]);
  assert.deepEqual(parseExpression(quoted("log(<log>) + log")).keys, ["log"]);
});

test("constants of a run are put where they stand; a run that lacks one has no value", () => {
  const expression = parseExpression(quoted("a * <config:lr> - <summary:train/best> ^ 2 + <config:lr>"));
  assert.deepEqual(expression.keys, ["a"]);
  const values: Record<string, number> = { "config:lr": -0.5, "summary:train/best": 3 };
  const bound = boundText(expression, (name) => values[name]);
  assert.equal(bound, "a * (-0.5) - (3) ^ 2 + (-0.5)");
  assert.deepEqual([...evaluator(parseExpression(bound ?? ""))([Float64Array.of(2)], 1)], [-10.5]);
  assert.equal(
    boundText(expression, (name) => (name === "config:lr" ? 1 : undefined)),
    undefined,
  );
  assert.equal(
    boundText(expression, () => Number.POSITIVE_INFINITY),
    undefined,
  );
  // A key of such a name is still one, in other quotes too when it is not quite such a name.
  assert.deepEqual(parseExpression(quoted("<config:> + <summary> + <configs:lr>")).keys, [
    "config:",
    "summary",
    "configs:lr",
  ]);
  assert.throws(() => parseExpression(quoted("2 * <config:lr>")), /a key is expected/);
  assert.throws(() => parseExpression(quoted("ma(a, <config:lr>)")), /whole number/);
});

test("an error says where it is and what is expected", () => {
  const cases: [string, number, RegExp][] = [
    ["", 0, /expected a number, a key, a function or \(, found the end/],
    ["a +", 3, /expected a number, a key/],
    ["a + * b", 4, /found \*/],
    ["a b", 2, /expected an operator .* found b/],
    ["(a", 2, /expected an operator or \)/],
    ["log(a", 5, /expected , or \)/],
    ["logg(a)", 0, /no function logg; there are log, /],
    ["constructor(a)", 0, /no function/],
    ["log(a, b)", 0, /log takes 1 argument, not 2/],
    ["min(a)", 0, /min takes 2–16 arguments, not 1/],
    ["ma(a, b)", 6, /the number of rows of ma, a whole number from 1 to 100000/],
    ["1 + ma(a, 1.5)", 10, /whole number/],
    ["ema(a, 1)", 7, /weight/],
    [quoted("a + <b"), 4, /no } at its end/],
    [quoted("a + <>"), 4, /a key is expected/],
    ["a # b", 2, /# has no meaning here/],
    ["1 + 2", 0, /a key is expected/],
    [Array.from({ length: 17 }, (_, at) => `k${at}`).join("+"), 54, /at most 16 keys/],
    [`${"(".repeat(100)}a`, 32, /nested too deeply/],
    ["a".repeat(2001), 2000, /at most 2000/],
  ];
  for (const [text, at, what] of cases) {
    assert.throws(
      () => parseExpression(text),
      (error) => {
        assert.ok(error instanceof ExpressionError);
        assert.match(error.message, what);
        if (!text.startsWith("((")) assert.equal(error.at, at, text);
        assert.ok(error.message.startsWith(`character ${error.at + 1}: `));
        return true;
      },
      text,
    );
  }
});
