import type { Settings } from "@steelyard/protocol/settings";
import type { Printer } from "./printer.ts";
import type { Run } from "./run.ts";

/** Runs of this process that go on, the oldest first. */
const going = new Map<Run, Printer>();
/** Those that stand beside the current one. */
const beside = new WeakSet<Run>();

export function begun(run: Run, print: Printer, { reinit }: Pick<Settings, "reinit">): void {
  going.set(run, print);
  if (reinit === "create_new") beside.add(run);
}

export function over(run: Run): void {
  going.delete(run);
}

/** It was asked for beside the current one, which stays the one that the module speaks of. */
export function isBeside(run: Run): boolean {
  return beside.has(run);
}

/**
 * What becomes of the runs that go on when another one begins (WANDB_REINIT): the one to give back in its place, or
 * undefined when it may begin. Several runs at once are the rule here; a cell of a notebook that is run again means its run
 * anew.
 */
export async function settlePrevious({
  reinit,
  resume,
}: Pick<Settings, "reinit" | "resume">): Promise<Run | undefined> {
  const [last, print] = [...going].at(-1) ?? [];
  if (!last || !print) return undefined;
  if (reinit === "return_previous" || reinit === false) {
    if (resume === "must")
      throw new Error(
        `resume is "must", but the run ${last.id} goes on, and WANDB_REINIT=return_previous would give it back; finish it first`,
      );
    print.info(
      `init() was called while the run ${last.id} goes on: it is given back, and what the call says does not count (WANDB_REINIT)`,
    );
    return last;
  }
  if (reinit === "finish_previous" || reinit === true || (reinit === "default" && isNotebook())) {
    print.info(`Finishing ${[...going.keys()].map(({ id }) => id).join(", ")} before the next run begins.`);
    for (const run of [...going.keys()]) await run.finish();
  }
  return undefined;
}

/** Kernels of notebooks that run JavaScript: they are programs of these names, or Deno's own. */
function isNotebook(): boolean {
  const { Deno } = globalThis as { Deno?: { jupyter?: unknown } };
  return (
    Deno?.jupyter !== undefined || /[\\/](tslab|ijskernel|ijavascript|jslab)\b/.test(process.argv[1] ?? "")
  );
}
