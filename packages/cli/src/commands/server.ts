// The whole module: an old Node, which is to be told, has no such export.
import module from "node:module";
import { Command } from "commander";

/** Oldest Node with SQLite and zstd built in and no flag needed. */
const OLDEST_NODE = [22, 15] as const;

export function serverCommand(): Command {
  const start = new Command("start")
    .description("serve until stopped; the flags are those of the server: --host, --port, --data-dir …")
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[flags...]")
    .helpOption(false)
    .action(async (flags: string[]) => {
      refuseOldNode();
      // Compiled modules are kept between starts: by this process, and by its workers, which go by the variable.
      const { directory } = module.enableCompileCache();
      if (directory) process.env.NODE_COMPILE_CACHE ??= directory;
      const { main } = await loadServer();
      await main(flags);
    });
  return new Command("server").description("run the server").addCommand(start);
}

function refuseOldNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(
    `the server needs Node ${OLDEST_NODE.join(".")} or newer, this is ${process.version}; install Node 24 and run it again`,
  );
}

async function loadServer(): Promise<{ main(flags: readonly string[]): Promise<void> }> {
  try {
    return await import("@steelyard/server");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    fail("the server is a package of its own; run: npm install @steelyard/server");
  }
}

function fail(message: string): never {
  process.stderr.write(`steelyard: ${message}\n`);
  process.exit(1);
}
