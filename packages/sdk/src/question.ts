/** Somebody sits at a terminal and can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true && process.env.TERM !== "dumb";
}

/** What the user types; nothing is shown of it when `hidden`. Undefined when the input ends, at Ctrl+C, or by the signal. */
export function askUser(
  question: string,
  { hidden = false, signal }: { hidden?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<string | undefined> {
  // Loaded when somebody is asked: most programs never do.
  const { createInterface } = process.getBuiltinModule("node:readline");
  const { Writable } = process.getBuiltinModule("node:stream");
  let silent = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!silent) process.stderr.write(chunk as Buffer);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY === true });
  return new Promise((resolve) => {
    let answer: string | undefined;
    lines.question(question, (typed) => {
      answer = typed;
      lines.close();
    });
    silent = hidden;
    const give = () => lines.close();
    signal?.addEventListener("abort", give, { once: true });
    lines.once("close", () => {
      signal?.removeEventListener("abort", give);
      if (hidden) process.stderr.write("\n");
      resolve(answer);
    });
    if (signal?.aborted) lines.close();
  });
}
