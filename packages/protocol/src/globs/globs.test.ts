import assert from "node:assert/strict";
import { test } from "node:test";
import { GlobError, globMatcher } from "./index.ts";

/** As Go's `filepath.Match` answers, `**` apart, which is ours. */
const MATCHES: [pattern: string, path: string, does: boolean][] = [
  ["abc", "abc", true],
  ["*", "abc", true],
  ["*c", "abc", true],
  ["a*", "a", true],
  ["a*", "ab/c", false],
  ["a*/b", "abc/b", true],
  ["a*/b", "a/c/b", false],
  ["a*b*c*d*e*/f", "axbxcxdxe/f", true],
  ["a*b?c*x", "abxbbxdbxebxczzx", true],
  ["a*b?c*x", "abxbbxdbxebxczzy", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["a?b", "a☺b", true],
  ["a[^a]b", "a☺b", true],
  ["a???b", "a☺b", false],
  ["[a-ζ]*", "α", true],
  ["*[a-ζ]", "A", false],
  ["a?b", "a/b", false],
  ["a*b", "a/b", false],
  ["[\\]a]", "]", true],
  ["[\\-x]", "-", true],
  ["[x\\-]", "z", false],
  ["*.ckpt", "model.ckpt", true],
  ["*.ckpt", "models/model.ckpt", false],
  ["media/*", "media/images/a.png", false],
  ["", "a", false],
  ["media/**", "media/images/a.png", true],
  ["**/*.png", "a.png", true],
  ["**/*.png", "media/images/a.png", true],
  ["**.png", "media/images/a.png", true],
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["a/**/b", "ab", false],
  ["a+(b)|c.d", "a+(b)|c.d", true],
  ["[b-a]", "a", false],
  ["a-b", "a-b", true],
  ["*.pt", "한글.pt", true],
  ["ckpt/**", "other/ckpt/a", false],
  ["a.b(c)+{d}$", "aXb(c)+{d}$", false],
];

for (const [pattern, path, does] of MATCHES)
  test(`${JSON.stringify(pattern)} ${does ? "is" : "is not"} ${JSON.stringify(path)}`, () => {
    assert.equal(globMatcher(pattern)(path), does);
  });

for (const pattern of ["[]a]", "[-]", "[x-]", "[-x]", "[", "[^", "[^bc", "a[", "[]", "\\", "a\\"])
  test(`${JSON.stringify(pattern)} is malformed`, () => {
    assert.throws(() => globMatcher(pattern), GlobError);
  });
