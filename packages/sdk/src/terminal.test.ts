import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "./terminal.ts";

const CASES: [name: string, writes: string[], lines: string[]][] = [
  ["lines", ["a\nb", "c\r\n", "\n", "d"], ["a", "bc", "", "d"]],
  ["a progress bar is one line", ["10%\r", "20%\r", "100%\n", "done"], ["100%", "done"]],
  ["a return does not erase", ["loading\rok\n"], ["okading"]],
  ["colours are text", ["\x1b[31mred\x1b[0m\n"], ["\x1b[31mred\x1b[0m"]],
  ["bars above one another", ["one\ntwo\n\x1b[A\x1b[AONE\r\x1b[BTWO\n"], ["ONE", "TWO"]],
  ["the cursor keeps its column", ["abc\x1b[A\x1b[Bd"], ["abc", "   d"]],
  ["emoji are one character each", ["😀😀\rx"], ["x😀"]],
  ["한글", ["가나다\r라"], ["라나다"]],
  ["a spinner", ["\x1b[?25l⠋ a", "\x1b[2K\x1b[1G⠙ bc", "\x1b[2K\x1b[1Gdone\n\x1b[?25h"], ["done"]],
  ["the rest of a line is erased", ["abcdef\r\x1b[2Cx\x1b[K\n"], ["abx"]],
  ["the beginning of a line is erased", ["abcdef\x1b[4D\x1b[1K\n"], ["   def"]],
  ["bars drawn anew", ["a 1\nb 1\n", "\x1b[2A\x1b[0Ja\nb 100\n"], ["a", "b 100"]],
  ["a sequence in two writes", ["a\x1b[3", "1mb\n"], ["a\x1b[31mb\x1b[0m"]],
  [
    "colours go on in the next line",
    ["\x1b[1;31ma\nb\x1b[39mc\x1b[0m\n"],
    ["\x1b[1;31ma\x1b[0m", "\x1b[1;31mb\x1b[0;1mc\x1b[0m"],
  ],
  [
    "written over, colours stay with theirs",
    ["\x1b[31mred\x1b[0m!\rb\x1b[38;5;9mlu\x1b[m\n"],
    ["b\x1b[38;5;9mlu\x1b[0m!"],
  ],
  ["a screen that is cleared", ["old\n", "\x1b[2J\x1b[H", "new"], ["old", "new"]],
  ["a backspace", ["abc\b\bx\n"], ["axc"]],
  ["a title and a link", ["\x1b]0;title\x07a \x1b]8;;http://b\x1b\\link\x1b]8;;\x1b\\\n"], ["a link"]],
  ["an escape that is no sequence", ['\x1b"x\n'], ['\x1b"x']],
  ["up stops at the first line", ["\x1b[A\x1b[Afirst\n"], ["first"]],
];

for (const [name, writes, lines] of CASES) {
  test(`console: ${name}`, () => {
    const terminal = new Terminal(0);
    const shown = new Map<number, string>();
    for (const text of writes) {
      terminal.write("stdout", text, 0);
      for (const stretch of terminal.take(1000))
        for (const line of stretch) shown.set(line.number, line.text);
    }
    assert.deepEqual(
      [...shown].sort(([a], [b]) => a - b).map(([, text]) => text),
      lines,
    );
  });
}

test("console: only what changed is taken, in stretches; lines far above stay", () => {
  const terminal = new Terminal(100);
  for (let line = 0; line < 100; line++) terminal.write("stdout", `line ${line}\n`, line);
  terminal.write("stderr", "error\n", 500);
  const [first = []] = terminal.take(10_000);
  assert.deepEqual([first.length, first[0]?.number, first[100]?.stream], [101, 100, "stderr"]);
  assert.deepEqual([first[7]?.atMs, first[100]?.atMs], [7, 500]);
  terminal.write("stdout", `${"\x1b[A".repeat(50)}top\r`, 600);
  terminal.write("stdout", `${"\x1b[B".repeat(3)}x`, 600);
  assert.deepEqual(
    terminal.take(10_000).map((stretch) => stretch.map(({ number, text, atMs }) => [number, text, atMs])),
    [[[169, "tope 69", 69]], [[172, "xine 72", 72]]],
  );
  terminal.write("stdout", `\r${"y".repeat(10_000)}`, 700);
  assert.equal(terminal.take(0)[0]?.[0]?.text.length, 4096);
});

test("console: whole lines of the program's own stand between, out of the cursor's reach", () => {
  const terminal = new Terminal(0);
  terminal.write("stdout", "10%", 1);
  terminal.lines(`one\ntwo\n`, 2);
  terminal.write("stdout", "\r100%\n\x1b[A\x1b[AX", 3);
  terminal.lines(`${"z".repeat(5000)}`, 4);
  assert.deepEqual(
    terminal
      .take(100_000)
      .flatMap((stretch) => stretch.map(({ number, text, atMs }) => [number, text.length, text[0], atMs])),
    [
      [0, 4, "X", 1],
      [1, 3, "o", 2],
      [2, 3, "t", 2],
      [3, 4096, "z", 4],
      [4, 904, "z", 4],
    ],
  );
});

test("console: a flood is taken in parts, and does not fill the process", () => {
  const terminal = new Terminal(0);
  for (let line = 0; line < 1000; line++) terminal.write("stdout", `${line} ${"x".repeat(995)}\n`, 0);
  const got: number[] = [];
  while (terminal.changed) {
    const [stretch = [], ...others] = terminal.take(100_000);
    assert.deepEqual([others, stretch.length <= 102], [[], true]);
    got.push(...stretch.map(({ number }) => number));
  }
  assert.deepEqual(got, [...Array(1000).keys()]);
  for (let line = 0; line < 50_000; line++) terminal.write("stdout", `${"y".repeat(1000)}\n`, 0);
  let kept = 0;
  while (terminal.changed) for (const stretch of terminal.take(8 * 2 ** 20)) kept += stretch.length;
  assert.equal(kept + terminal.dropped, 50_000);
  assert.ok(kept > 30_000 && kept < 35_000);
});
