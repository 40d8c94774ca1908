import { CommandError } from "../../terminal.ts";

/** Oldest Node with SQLite and zstd built in and no flag needed. */
const OLDEST_NODE = [22, 15] as const;

/** A part of the server's package, which is installed where a server is to run. Throws CommandError when it is not. */
export async function ofServer<T>(load: () => Promise<T>): Promise<T> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]))
    throw new CommandError(
      `the server needs Node ${OLDEST_NODE.join(".")} or newer, this is ${process.version}; install Node 24 and run it again`,
    );
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new CommandError("the server is a package of its own; run: npm install @steelyard/server");
  }
}
