import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileLinearRegex, PatternError } from "./linear-regex.ts";

const TEXTS = [
  "",
  "a",
  "abc",
  "ABC",
  "run-12",
  "lr=0.1",
  "  x ",
  "한글 런",
  "😀b",
  "aab\nccd",
  "foo_bar",
  "a.b",
  "aaaa",
  "x]y",
];
const PATTERNS = [
  "",
  "a",
  "^a",
  "c$",
  "^$",
  "a|b",
  "^(abc|run)",
  "[a-c]+",
  "[^a-c]",
  "a{2,3}",
  "^a{4}$",
  "a{2,}b",
  "\\d+",
  "\\w+-\\d{2}$",
  "\\s",
  "\\S\\s\\S",
  ".",
  "a.b",
  "a\\.b",
  "(a|aa)+b",
  "^.*ab",
  "b?c",
  "한.",
  "\\bx\\b",
  "o\\b",
  "\\Boo",
  "(?:ab)c",
  "[\\d.]+$",
  "x\\]",
  "[]x]y",
  "[a-]",
  "a*?b",
  "(?<n>a)b",
  "\\x61",
  "\\p{L}+",
  "a{,2}",
];

test("it agrees with JavaScript where the two dialects say the same", () => {
  for (const pattern of PATTERNS) {
    if (pattern === "[]x]y") continue;
    for (const text of TEXTS) {
      const source = pattern === "a{,2}" ? "a\\{,2\\}" : pattern;
      assert.equal(
        compileLinearRegex(pattern).test(text),
        new RegExp(source, "u").test(text),
        `${pattern} on ${text}`,
      );
    }
  }
});

test("it speaks RE2 where JavaScript does not", () => {
  const cases: [string, string, boolean][] = [
    ["(?i)abc", "xABCx", true],
    ["(?i:A)b", "ab", true],
    ["(?i:A)b", "aB", false],
    ["(?i)ÉTÉ", "été", true],
    ["(?P<name>ab)c", "abc", true],
    ["\\Aab\\z", "ab", true],
    ["\\Qa.b\\E", "a.b", true],
    ["\\Qa.b\\E", "axb", false],
    ["[[:digit:]]+x", "12x", true],
    ["(?s)a.b", "a\nb", true],
    ["a.b", "a\nb", false],
    ["(?m)^cc", "aab\nccd", true],
    ["[]x]y", "x]y", true],
    ["\\pL", "1", false],
  ];
  for (const [pattern, text, expected] of cases) {
    assert.equal(compileLinearRegex(pattern).test(text), expected, pattern);
  }
});

test("what is wrong is named with its place", () => {
  for (const pattern of [
    "(",
    ")",
    "[a",
    "*a",
    "a\\",
    "(?=a)",
    "(?<!a)b",
    "(a)\\1",
    "[z-a]",
    "a{5,2}",
    "\\p{Klingon}",
  ]) {
    assert.throws(() => compileLinearRegex(pattern), PatternError, pattern);
  }
  assert.throws(() => compileLinearRegex("((a{1000}){1000}){1000}"), /repeats too much/);
  assert.throws(() => compileLinearRegex("ab(c"), /character 5/);
});

test("patterns that hang others cost little here", () => {
  const { user } = process.cpuUsage();
  for (const pattern of ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "(x+x+)+y"]) {
    assert.equal(compileLinearRegex(pattern).test(`${"a".repeat(2000)}!`), false, pattern);
  }
  // Tens of milliseconds; by trying every way it would be years.
  assert.ok((process.cpuUsage().user - user) / 1000 < 20_000);
  assert.throws(() => compileLinearRegex("(.*a){20}$").test("a".repeat(2000), { steps: 100 }), /too long/);
});

test("random patterns over a small alphabet agree with JavaScript", () => {
  const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(ab|)", "^", "$");
  const piece = fc
    .tuple(atom, fc.constantFrom("", "*", "+", "?", "{2}", "{0,2}"))
    .map(([a, q]) => (a === "^" || a === "$" ? a : a + q));
  const pattern = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(
      pattern,
      fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 }),
      (source, text) => {
        assert.equal(compileLinearRegex(source).test(text), new RegExp(source, "u").test(text));
      },
    ),
    { numRuns: 500 },
  );
});

test("a word is found as the automaton finds it, whatever its case and the text's", () => {
  const words = ["run-7", "RUN", "k", "ss", ".", "(", "a b"];
  const texts = ["my run-7", "RUN-77", "\u212a", "Straße", "a.b", "f(x)", "A B", "", "한글 run-7"];
  for (const word of words) {
    const quoted = word.replace(/[.()]/g, "\\$&");
    for (const flags of ["", "(?i)"]) {
      // A group keeps a pattern from being taken for a word.
      const automaton = compileLinearRegex(`${flags}(?:${quoted}|${quoted})`);
      const plain = compileLinearRegex(flags + quoted);
      for (const text of texts) {
        assert.equal(plain.test(text), automaton.test(text), `${flags}${quoted} in ${text}`);
      }
    }
  }
});
