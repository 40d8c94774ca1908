import { bytes, parseJson } from "../ui/format.ts";

/** What a run's client wrote of the machine it ran on; older clients write less. */
export interface Environment {
  program: string | undefined;
  args: string[];
  executable: string | undefined;
  os: string | undefined;
  host: string | undefined;
  /** `node 24.1.0` of the TypeScript SDK, `3.12.1` or `CPython 3.12.1` of the Python client. */
  language: string | undefined;
  hardware: string[];
  cuda: string | undefined;
  /** The container image. */
  image: string | undefined;
  remote: string | undefined;
  commit: string | undefined;
  /** Of our own client. */
  branch: string | undefined;
  client: string | undefined;
}

type Facts = Record<string, unknown>;

/** From the run's config, where newer clients put it (`_wandb.e`, one entry per writer); `file` is `wandb-metadata.json`. */
export function environmentOf(config: string, file?: string): Environment {
  const own = facts(facts(parseJson(config)._wandb).value);
  const written = facts(parseJson(file));
  const known: Facts = { ...written, ...facts(Object.values(facts(own.e)).at(-1)) };
  // What came through a log has no branch, the file has.
  const git = { ...facts(written.git), ...facts(known.git) };
  return {
    // `codePath` is the shorter one: the same script from the project's folder.
    program: text(known.codePathLocal) ?? text(known.codePath) ?? text(known.program),
    args: Array.isArray(known.args) ? known.args.map(String) : [],
    executable: text(known.executable),
    os: text(known.os),
    host: text(known.host),
    language: text(known.python) ?? text(own.python_version),
    hardware: hardwareOf(known),
    cuda: text(known.cudaVersion) ?? text(known.cuda_version) ?? text(known.cuda),
    image: text(known.docker),
    remote: text(git.remote),
    commit: text(git.commit),
    branch: text(git.branch),
    client: text(own.cli_version),
  };
}

function hardwareOf(known: Facts): string[] {
  const parts: string[] = [];
  const cores = number(known.cpu_count ?? known.cpuCount);
  const threads = number(known.cpu_count_logical ?? known.cpuCountLogical);
  if (cores) parts.push(threads && threads !== cores ? `${cores} CPU (${threads})` : `${cores} CPU`);
  const count = number(known.gpu_count ?? known.gpuCount);
  const devices = known.gpu_nvidia ?? known.gpu_amd ?? known.gpu_apple;
  const device = facts(Array.isArray(devices) ? devices[0] : devices);
  const gpu = text(known.gpu) ?? text(device.name) ?? text(known.gpuType);
  const gpuMemory = Number(device.memoryTotal ?? device.memory_total);
  if (count || gpu)
    parts.push(`${count ?? 1} × ${gpu ?? "GPU"}${gpuMemory > 0 ? ` (${bytes(gpuMemory)})` : ""}`);
  const memory = Number(facts(known.memory).total);
  // Older clients wrote gigabytes, newer ones bytes.
  if (memory > 0) parts.push(`${bytes(memory < 1e6 ? memory * 1e9 : memory)} RAM`);
  return parts;
}

/** As it is typed into a shell; each part is one word of it. */
export function commandOf({ program, executable, args }: Environment): string[] {
  if (!program) return [];
  const interpreter = executable?.split(/[\\/]/).at(-1);
  return [...(interpreter && interpreter !== program ? [interpreter] : []), program, ...args].map(quoted);
}

/** What brings the code of a run back: its commit, and over it what was not committed. */
export function checkoutOf({ commit }: Pick<Environment, "commit">, hasPatch: boolean): string | undefined {
  // What is no hash is no commit, and a name that begins with a dash would be an option.
  if (!commit || !/^[0-9a-f]{7,64}$/i.test(commit)) return undefined;
  return `git checkout --detach ${commit}${hasPatch ? "\ngit apply diff.patch" : ""}`;
}

export function pullOf({ image }: Pick<Environment, "image">): string | undefined {
  return image && !image.startsWith("-") ? `docker pull ${quoted(image)}` : undefined;
}

/** One word for a POSIX shell, whatever is in it: a run's facts are written by its client and pasted by others. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function facts(value: unknown): Facts {
  return typeof value === "object" && value !== null ? (value as Facts) : {};
}
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
function number(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
