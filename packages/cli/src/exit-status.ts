/** How a command ends; the table of `docs/command-line.md`. A signal ends it with 128 and its number, as shells say. */
export const EXIT = {
  done: 0,
  /** It did not work: the last line says why and what to do. */
  failed: 1,
  /** A command, option or argument that is not there. */
  usage: 2,
  /** There was nothing to do; only where it was asked to be told by `--fail-empty`. */
  nothing: 3,
  /** No key, or one that the server does not know. */
  notAuthenticated: 4,
} as const;
