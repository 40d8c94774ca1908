import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { LoadedSettings } from "./machine.ts";

/** Programs that run the cells of a notebook in themselves: tslab and its `jslab`, IJavascript. */
const KERNEL = /(?:^|[\\/])(?:tslab|jslab|ijskernel|ijavascript)(?:[\\/]|(?:\.[cm]?js)?$)/;

/**
 * Whether this process is the kernel of a notebook: of Deno, which says so, or one of Node's by its program. A script that
 * a notebook starts is none, though it has the kernel's variables.
 */
export function inNotebook(): boolean {
  return inDenoNotebook() || KERNEL.test(process.argv[1] ?? "");
}

export function inDenoNotebook(): boolean {
  const { Deno } = globalThis as { Deno?: { jupyter?: unknown } };
  try {
    return Deno?.jupyter !== undefined;
  } catch {
    // Outside of a kernel it may not be asked for.
    return false;
  }
}

/**
 * In a kernel the notebook is the program: WANDB_NOTEBOOK_NAME, or what Jupyter's server told the kernel as it started it;
 * never the kernel itself. A file that is not there is a warning where it was named by hand.
 */
export function noteNotebook({ settings, machine, warnings }: LoadedSettings): void {
  if (!inNotebook()) return;
  const told = machine.environment.JPY_SESSION_NAME;
  const name = settings.notebookName ?? (told?.endsWith(".ipynb") ? told : undefined);
  const isThere = name !== undefined && existsSync(resolve(name));
  if (settings.notebookName !== undefined && !isThere)
    warnings.push(
      `WANDB_NOTEBOOK_NAME should be the path of the notebook, but there is no file ${resolve(settings.notebookName)}: the run is recorded without its program`,
    );
  settings.program ??= isThere ? resolve(name) : "<interactive>";
}
