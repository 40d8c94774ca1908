import { writeFileSync } from "node:fs";
import { VERSION } from "./version.ts";

/**
 * What went wrong within the SDK itself, for whoever repairs it, as a file beside the run's logs; it is sent to nobody. The
 * sentence says where it is; "" when there is none: WANDB_ERROR_REPORTING forbids it (`path` is ""), or the disk does.
 */
export function writeCrashReport(path: string, error: Error): string {
  if (path === "") return "";
  try {
    const facts = [
      `The run's worker ended at ${new Date().toISOString()}.`,
      `steelyard ${VERSION}, Node ${process.version}, ${process.platform} ${process.arch}, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB in use`,
      "",
      error.stack ?? String(error),
      "",
      "What the run did before is in debug-internal.log beside this file.",
    ];
    writeFileSync(path, `${facts.join("\n")}\n`);
    return `; a report for the makers of steelyard is in ${path}, and nowhere else`;
  } catch {
    // Without a descriptor left there is neither a file nor an answer to how much memory is in use.
    return "";
  }
}
