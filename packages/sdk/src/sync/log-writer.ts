import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { hostname } from "node:os";

/** Looking through all processes costs tens of milliseconds. */
const LOOK_EVERY_MS = 2000;
/**
 * The official client writes an offline log in blocks of 32 KiB; its own system metrics alone fill one in some eight
 * minutes. A log that stands still for longer than this has lost its process, unless that only waits.
 */
const SILENCE_MS = 15 * 60_000;
/** More than a look is old: who has written since has been looked for. */
const QUIET_MS = 2 * LOOK_EVERY_MS;

let lookedAtMs = Number.NEGATIVE_INFINITY;
let written: ReadonlySet<string> | undefined;

/**
 * `.wandb` files that processes of this machine have open for writing, of those processes that this one may look at;
 * undefined where that cannot be told.
 */
function writtenLogs(): ReadonlySet<string> | undefined {
  if (process.platform !== "linux") return undefined;
  if (performance.now() - lookedAtMs < LOOK_EVERY_MS) return written;
  lookedAtMs = performance.now();
  const found = new Set<string>();
  for (const id of readdirSync("/proc")) {
    if (!/^\d+$/.test(id)) continue;
    for (const file of openFilesOf(id)) {
      try {
        const path = readlinkSync(`/proc/${id}/fd/${file}`);
        if (!path.endsWith(".wandb")) continue;
        const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/${id}/fdinfo/${file}`, "utf8"))?.[1];
        // O_WRONLY or O_RDWR; who only reads is no writer.
        if (Number.parseInt(flags ?? "0", 8) & 3) found.add(path);
      } catch {
        // Closed meanwhile.
      }
    }
  }
  written = found;
  return found;
}

/** None of a process that has ended meanwhile, or is another user's. */
function openFilesOf(process: string): string[] {
  try {
    return readdirSync(`/proc/${process}/fd`);
  } catch {
    return [];
  }
}

/** What is known of the process that writes a log. */
export class LogWriter {
  readonly #path: string;
  /** A process of this user, whose open files can be seen. */
  readonly #isOurs: boolean;
  #seen = false;

  constructor(path: string) {
    this.#path = realpathSync(path);
    const user = process.getuid?.();
    this.#isOurs = user === 0 || statSync(this.#path).uid === user;
  }

  /** A process of this machine that can be looked at has it open. */
  get hasItOpen(): boolean {
    return writtenLogs()?.has(this.#path) ?? false;
  }

  /**
   * `there`: it has the log open, or has written lately. `gone`: it was here and is not, or is nowhere on the machine that
   * the log names: at once where that can be seen, else when it has long been silent. `silent`: it writes nothing, and is
   * on a machine that cannot be looked at.
   */
  state(host: string, writtenAtMs: number): "there" | "gone" | "silent" {
    const logs = writtenLogs();
    if (logs?.has(this.#path)) {
      this.#seen = true;
      return "there";
    }
    if (this.#seen) return "gone";
    const isHere = logs !== undefined && host === hostname();
    const silentMs = Date.now() - writtenAtMs;
    if (silentMs < (isHere && this.#isOurs ? QUIET_MS : SILENCE_MS)) return "there";
    return isHere ? "gone" : "silent";
  }
}
