import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { artifactName, type NewArtifact, type NewFile } from "../artifacts/staged-artifact.ts";
import type { GitFacts } from "../git/repository.ts";
import type { Program } from "./program.ts";

/** What a run tells of itself to whoever wants to run it again. */
export interface JobSource {
  program: Program;
  git: GitFacts | undefined;
  /** The artifact of the run's code, once the server has it. */
  code: { id: string; name: string } | undefined;
  filesDir: string;
  executable: string;
  runtime: string;
  config: Readonly<Record<string, unknown>>;
  summary: Readonly<Record<string, unknown>>;
}

/**
 * The artifact of type `job` that the official client makes of a run: where its code is, how it is started, and what goes in
 * and comes out. Undefined when the run has no code that others could get: neither a commit at a remote nor an artifact.
 */
export function jobOf(
  source: JobSource,
  name: string | undefined,
): { artifact: NewArtifact; files: NewFile[] } | undefined {
  const { program, git, code, filesDir, executable } = source;
  const start = (path: string) => ({ entrypoint: [basename(executable), path], notebook: false });
  const inRun = (file: string, as: string): NewFile[] =>
    existsSync(join(filesDir, file)) ? [{ path: as, from: join(filesDir, file) }] : [];
  const files = inRun("requirements.txt", "requirements.frozen.txt");
  let kind: "repo" | "artifact";
  let where: Record<string, unknown>;
  let derived: string;
  if (git?.remote && program.codePath) {
    kind = "repo";
    where = { git: { remote: git.remote, commit: git.commit }, ...start(program.codePath) };
    derived = `${git.remote}_${program.codePath}`;
    files.push(...inRun("diff.patch", "diff.patch"));
  } else if (code && program.localPath) {
    kind = "artifact";
    where = { artifact: `wandb-artifact://_id/${code.id}`, ...start(program.localPath) };
    derived = code.name;
  } else return undefined;
  const job = {
    _version: "v0",
    source: where,
    source_type: kind,
    input_types: typeOf(source.config),
    output_types: typeOf(source.summary),
    runtime: source.runtime,
  };
  files.push({ path: "wandb-job.json", content: JSON.stringify(job) });
  return { artifact: { type: "job", name: name ?? artifactName(`job-${derived}`) }, files };
}

interface ValueType {
  wb_type: string;
  params?: Record<string, unknown>;
}

/** A value's type in the words of the official client. */
function typeOf(value: unknown): ValueType {
  if (value === null) return { wb_type: "none" };
  if (Array.isArray(value)) return listType(value);
  if (typeof value === "object") {
    // What begins so is the client's own.
    const own = Object.entries(value).filter(([key]) => !key.startsWith("_"));
    const types = Object.fromEntries(own.map(([key, inside]) => [key, typeOf(inside)]));
    return { wb_type: "typedDict", params: { type_map: types } };
  }
  const words: Record<string, string> = {
    string: "string",
    boolean: "boolean",
    number: "number",
    bigint: "number",
  };
  return { wb_type: words[typeof value] ?? "invalid" };
}

function listType(list: readonly unknown[]): ValueType {
  const [first = { wb_type: "none" }, ...others] = list.map(typeOf);
  const other = others.find((type) => type.wb_type !== first.wb_type);
  const element = other ? { wb_type: "union", params: { allowed_types: [first, other] } } : first;
  return { wb_type: "list", params: { element_type: element, length: list.length } };
}
