import {
  DELETE_RUN,
  DELETED_RUNS,
  RESTORE_RUN,
  RUN,
  RUN_FILES,
  RUN_LOG_LINES,
  RUNS,
  STOP_RUN,
  UPSERT_RUN,
} from "@steelyard/protocol/documents";
import { parseExtendedJson } from "@steelyard/protocol/history";
import { runUrl } from "@steelyard/protocol/settings";
import type { LoadedSettings } from "steelyard/command-line";
import { type Api, openApi, projectOf, settingsOf, viewerOf } from "./api.ts";
import { allFiles, type FilesPage, type StoredFile } from "./download.ts";
import { EXIT } from "./exit-status.ts";
import { CommandError, PROGRAM } from "./terminal.ts";

/** Largest page a server gives. */
const PAGE = 1000;

/** In which more may come of a run. */
export const LIVE_STATES: ReadonlySet<string> = new Set(["running", "pending", "preempting"]);

export interface ProjectPath {
  entity: string;
  project: string;
}

export interface RunPath extends ProjectPath {
  run: string;
}

export interface Run {
  /** Opaque id, for changes. */
  globalId: string;
  id: string;
  name: string;
  state: string;
  tags: string[];
  group: string | null;
  jobType: string | null;
  notes: string | null;
  host: string | null;
  commit: string | null;
  sweep: string | null;
  user: string | null;
  /** ISO 8601. */
  createdAt: string;
  heartbeatAt: string | null;
  exitCode: number | null;
  rows: number;
  /** Rows of system metrics. */
  samples: number;
  consoleLines: number;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
  url: string;
}

export interface DeletedRun {
  globalId: string;
  id: string;
  name: string;
  deletedAt: string;
  createdAt: string;
}

export interface LogLine {
  number: number;
  timestamp: string | null;
  level: string | null;
  label: string | null;
  line: string;
}

interface RunNode {
  id: string;
  name: string;
  displayName: string | null;
  state: string | null;
  tags: string[] | null;
  group: string | null;
  jobType: string | null;
  notes: string | null;
  host: string | null;
  commit: string | null;
  sweepName: string | null;
  exitcode: number | null;
  createdAt: string;
  heartbeatAt: string | null;
  config: string | null;
  summaryMetrics: string | null;
  historyLineCount: number | null;
  eventsLineCount: number | null;
  logLineCount: number | null;
  user: { username: string | null } | null;
}

/** The runs of the server that the settings name, asked with the official client's questions. */
export class RunClient {
  readonly #api: Api;
  readonly #loaded: LoadedSettings;
  #entity: string | undefined;

  constructor(loaded: LoadedSettings = settingsOf(), api: Api = openApi(loaded)) {
    this.#loaded = loaded;
    this.#api = api;
  }

  /** `project` or `entity/project`; what is not said is as the settings, or the server, have it. */
  async project(text?: string, entity?: string): Promise<ProjectPath> {
    const parts = partsOf(text ?? "", 2, "a project is named by project or entity/project");
    return {
      entity: (parts.length > 1 ? parts[0] : entity) || (await this.#defaultEntity()),
      project: parts.at(-1) || projectOf(this.#loaded),
    };
  }

  /** `id`, `project/id`, `entity/project/id`, or the address of the run's page. */
  async path(text: string, where: { project?: string; entity?: string } = {}): Promise<RunPath> {
    const page = /^https?:\/\/[^/]+\/([^/]+)\/([^/]+)\/runs\/([^/?#]+)/.exec(text)?.slice(1);
    if (page) {
      const [entity = "", project = "", run = ""] = page.map(decodeURIComponent);
      return { entity, project, run };
    }
    const parts = partsOf(text, 3, "a run is named by id, project/id or entity/project/id");
    const run = parts.pop() ?? "";
    return { ...(await this.project(parts.length > 0 ? parts.join("/") : where.project, where.entity)), run };
  }

  async has(path: RunPath): Promise<boolean> {
    return (await this.#node(path)) !== undefined;
  }

  /** Throws CommandError when there is no such run. */
  async run(path: RunPath): Promise<Run> {
    const node = await this.#node(path);
    if (node) return this.#run(node, path);
    throw new CommandError(
      `there is no run ${path.entity}/${path.project}/${path.run}, or you may not see it`,
    );
  }

  async #node({ entity, project, run }: RunPath): Promise<RunNode | undefined> {
    const answer = await this.#api.graphql<{ project: { run: RunNode | null } | null }>(RUN, {
      entity,
      project,
      name: run,
    });
    return answer.project?.run ?? undefined;
  }

  /** How many runs the filter has, and the first `limit` of them. Throws CommandError when there is no such project. */
  async runs(
    where: ProjectPath,
    filters: Record<string, unknown>,
    { limit = Number.POSITIVE_INFINITY, order = "-created_at" } = {},
  ): Promise<{ runs: Run[]; total: number }> {
    const runs: Run[] = [];
    for (let cursor: string | null = null; ; ) {
      const { project }: { project: Page | null } = await this.#api.graphql(RUNS, {
        ...where,
        cursor,
        perPage: Math.min(limit - runs.length, PAGE),
        order,
        filters: JSON.stringify(filters),
      });
      if (!project) throw noProject(where);
      runs.push(...project.runs.edges.map(({ node }) => this.#run(node, where)));
      cursor = project.runs.pageInfo.endCursor;
      if (!project.runs.pageInfo.hasNextPage || runs.length >= limit)
        return { runs, total: project.runCount };
    }
  }

  async deleted(where: ProjectPath, limit = PAGE): Promise<DeletedRun[]> {
    const { project } = await this.#api.graphql<{
      project: {
        deletedRuns: {
          id: string;
          name: string;
          displayName: string;
          deletedAt: string;
          createdAt: string;
        }[];
      } | null;
    }>(DELETED_RUNS, { ...where, first: limit });
    if (!project) throw noProject(where);
    return project.deletedRuns.map(({ id, name, displayName, deletedAt, createdAt }) => ({
      globalId: id,
      id: name,
      name: displayName,
      deletedAt,
      createdAt,
    }));
  }

  /** A page of console lines behind line number `after`, or the `last` ones. */
  async logLines(
    path: RunPath,
    page: { first: number; after: number } | { last: number },
  ): Promise<{ state: string; lines: LogLine[]; more: boolean }> {
    const { project } = await this.#api.graphql<{
      project: {
        run: {
          state: string;
          logLines: { edges: { node: LogLine }[]; pageInfo: { hasNextPage: boolean } } | null;
        } | null;
      } | null;
    }>(RUN_LOG_LINES, {
      entity: path.entity,
      project: path.project,
      name: path.run,
      ...("last" in page ? page : { first: page.first, after: page.after < 0 ? null : String(page.after) }),
    });
    const run = project?.run;
    if (!run)
      throw new CommandError(
        `there is no run ${path.entity}/${path.project}/${path.run}, or you may not see it`,
      );
    return {
      state: run.state,
      lines: run.logLines?.edges.map(({ node }) => node) ?? [],
      more: run.logLines?.pageInfo.hasNextPage ?? false,
    };
  }

  /** History rows as they were logged, in the order of their steps. */
  async *rows({ entity, project, run }: RunPath): AsyncGenerator<string> {
    const rows = await this.exported(new URLSearchParams({ entity, project, run, format: "jsonl" }));
    yield* linesOf(rows.pipeThrough(new TextDecoderStream()));
  }

  /** Rows as a file: `query` as `GET /api/v1/export` takes it. */
  async exported(query: URLSearchParams): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    // However long it takes: a run may have millions of rows.
    const response = await this.#api.fetch(`/api/v1/export?${query}`, { signal: null });
    if (response.ok && response.body) return response.body;
    const text = await response.text();
    const error = (() => {
      try {
        return (JSON.parse(text) as { error?: string }).error;
      } catch {
        return undefined;
      }
    })();
    const runs = query.getAll("run").join(", ") || "all runs";
    throw new CommandError(
      `${this.#api.baseUrl} gives no rows of ${query.get("entity")}/${query.get("project")}, ${runs} (status ${response.status}): ${error ?? text.slice(0, 300)}`,
      response.status === 401 ? EXIT.notAuthenticated : EXIT.failed,
    );
  }

  /** What is at the signed address of a file, however long it takes. */
  content(url: string): Promise<Response> {
    return this.#api.fetch(url, { signal: null });
  }

  files(path: RunPath): Promise<StoredFile[]> {
    return allFiles(async (fileCursor) => {
      const { project } = await this.#api.graphql<{ project: { run: { files: FilesPage } | null } | null }>(
        RUN_FILES,
        { entity: path.entity, project: path.project, name: path.run, fileCursor, fileLimit: PAGE },
      );
      return project?.run?.files;
    });
  }

  async stop(globalId: string): Promise<void> {
    await this.#api.graphql(STOP_RUN, { id: globalId });
  }

  async remove(globalId: string, deleteArtifacts: boolean): Promise<void> {
    await this.#api.graphql(DELETE_RUN, { id: globalId, deleteArtifacts });
  }

  async restore(globalId: string): Promise<void> {
    await this.#api.graphql(RESTORE_RUN, { id: globalId });
  }

  async setTags(globalId: string, tags: readonly string[]): Promise<void> {
    await this.#api.graphql(UPSERT_RUN, { id: globalId, tags });
  }

  async #defaultEntity(): Promise<string> {
    this.#entity ??= this.#loaded.settings.entity || (await viewerOf(this.#api)).entity;
    return this.#entity;
  }

  #run(node: RunNode, where: ProjectPath): Run {
    return {
      globalId: node.id,
      id: node.name,
      name: node.displayName ?? node.name,
      state: node.state ?? "",
      tags: node.tags ?? [],
      group: node.group,
      jobType: node.jobType,
      notes: node.notes,
      host: node.host,
      commit: node.commit,
      sweep: node.sweepName,
      user: node.user?.username ?? null,
      createdAt: node.createdAt,
      heartbeatAt: node.heartbeatAt,
      exitCode: node.exitcode,
      rows: node.historyLineCount ?? 0,
      samples: node.eventsLineCount ?? 0,
      consoleLines: node.logLineCount ?? 0,
      config: plainConfig(objectOf(node.config)),
      summary: objectOf(node.summaryMetrics),
      url: runUrl({ ...this.#loaded.settings, ...where, runId: node.name }) ?? "",
    };
  }
}

interface Page {
  runCount: number;
  runs: { edges: { node: RunNode }[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } };
}

function noProject({ entity, project }: ProjectPath): CommandError {
  return new CommandError(
    `there is no project ${entity}/${project}, or you may not see it; -p PROJECT names another, \`${PROGRAM} projects\` lists them`,
  );
}

function partsOf(text: string, most: number, grammar: string): string[] {
  const parts = text.split("/");
  if (parts.length > most || (parts.length > 1 && parts.includes("")))
    throw new CommandError(`"${text}": ${grammar}`);
  return parts;
}

async function* linesOf(texts: ReadableStream<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Of a JSON text of the wire. */
export function objectOf(json: string | null): Record<string, unknown> {
  return strict(parseExtendedJson(json || "{}")) as Record<string, unknown>;
}

/** Values without the wrapper of the wire, and without what the client notes for itself. */
export function plainConfig(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key !== "_wandb")
      .map(([key, entry]) => [key, (entry as { value?: unknown } | null)?.value ?? null]),
  );
}

/** JSON has no NaN: those are texts, as in the server's own JSON. */
export function strict(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, strict(entry)]));
}
