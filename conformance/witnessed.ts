import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseExtendedJson } from "@steelyard/protocol/history";
import type { RunningServer } from "./server.ts";

/** What `integrations/witness.py` saw a script hand to the client for one run; values are JSON text. */
export interface WitnessedRun {
  path: string;
  startingStep: number;
  rows: WitnessedRow[];
  config: string;
  /** null: the run ended with its process, and the client did not say. */
  summary: [keyPath: string[], value: string][] | null;
  artifacts: { type: string; digest: string; files: Record<string, string> }[];
}
interface WitnessedRow {
  step: number | null;
  flush: boolean | null;
  values: Record<string, string>;
}
type Row = Record<string, unknown>;

interface FileNode {
  name: string;
  directUrl: string;
}
interface HeldRun {
  state: string;
  config: string;
  summaryMetrics: string;
  history: string[];
  files: { edges: { node: FileNode }[] };
  outputArtifacts: {
    edges: {
      node: {
        digest: string;
        state: string;
        artifactType: { name: string };
        files: { edges: { node: FileNode }[] };
      };
    }[];
  };
}

const HELD_RUN = `query Held($entity: String!, $project: String!, $run: String!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      state config summaryMetrics
      history(minStep: 0, maxStep: 1000000000, samples: 1000000)
      files(first: 1000) { edges { node { name directUrl } } }
      outputArtifacts(first: 1000) { edges { node {
        digest state artifactType { name } files(first: 1000) { edges { node { name directUrl } } }
      } } }
    }
  }
}`;

export function readWitness(stdout: string): WitnessedRun[] {
  const line = /^WITNESSED (.*)$/m.exec(stdout)?.[1];
  assert.ok(line, `the witness did not report:\n${stdout.slice(-2000)}`);
  return JSON.parse(line) as WitnessedRun[];
}

/** How much was compared. */
export interface Compared {
  rows: number;
  values: number;
  media: number;
  artifacts: number;
}

/** Everything that was handed over is held: each value of each row, the configuration, the summary, media and artifacts. */
export async function assertHeld(server: RunningServer, witnessed: WitnessedRun): Promise<Compared> {
  const [entity, project, run] = witnessed.path.split("/");
  const { project: found } = await server.query<{ project: { run: HeldRun } }>(HELD_RUN, {
    entity,
    project,
    run,
  });
  const held = found.run;
  assert.equal(held.state, "finished");
  const rows = expectedRows(witnessed);
  assert.deepEqual(
    held.history.map((line) => withoutClientKeys(parseExtendedJson(line) as Row)),
    rows,
  );
  assert.deepEqual(heldConfig(held.config), withoutEmpty(parseExtendedJson(witnessed.config) as Row));
  const summary = parseExtendedJson(held.summaryMetrics) as Row;
  if (witnessed.summary) assert.deepEqual(summary, nested(witnessed.summary));
  else assert.deepEqual(withoutClientKeys(summary), Object.assign({}, ...rows));
  const files = new Map(held.files.edges.map(({ node }) => [node.name, node]));
  const media = [...mediaOf(rows)];
  for (const { path, sha256 } of media)
    assert.equal(digest("sha256", "hex", await content(server, files, path)), sha256, path);
  for (const artifact of witnessed.artifacts) await assertArtifactHeld(server, held, artifact);
  return {
    rows: rows.length,
    values: rows.reduce((sum, row) => sum + Object.keys(row).length - 1, 0),
    media: media.length,
    artifacts: witnessed.artifacts.length,
  };
}

/** The client gathers what it is handed into rows: a row ends with a flush, a new step, or a call that names no step. */
function expectedRows({ startingStep, rows }: WitnessedRun): Row[] {
  const ended: Row[] = [];
  let step = startingStep;
  let open: Row = {};
  const end = () => {
    if (Object.keys(open).length > 0) ended.push({ _step: step, ...open });
    open = {};
  };
  for (const handed of rows) {
    if (handed.step !== null && handed.step > step) {
      end();
      step = handed.step;
    }
    // The client drops what is late, with a warning.
    if (handed.step !== null && handed.step < step) continue;
    for (const [key, value] of Object.entries(handed.values)) open[key] = parseExtendedJson(value);
    if (handed.flush ?? handed.step === null) {
      end();
      step += 1;
    }
  }
  end();
  return ended;
}

function withoutClientKeys(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).filter(([key]) => key !== "_timestamp" && key !== "_runtime" && key !== "_wandb"),
  );
}

/** The client keeps leaves: an empty object of a configuration never leaves it (its own config.yaml lacks it too). */
function withoutEmpty(config: Row): Row {
  return Object.fromEntries(
    Object.entries(config)
      .map(([key, value]) => [key, isObject(value) ? withoutEmpty(value) : value] as const)
      .filter(([, value]) => !isObject(value) || Object.keys(value).length > 0),
  );
}

const isObject = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function heldConfig(text: string): Row {
  const config = parseExtendedJson(text) as Record<string, { value: unknown }>;
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key !== "_wandb")
      .map(([key, { value }]) => [key, value]),
  );
}

function nested(items: NonNullable<WitnessedRun["summary"]>): Row {
  const summary: Row = {};
  for (const [path, value] of items) {
    let place = summary;
    for (const key of path.slice(0, -1)) {
      place[key] ??= {};
      place = place[key] as Row;
    }
    place[path.at(-1) ?? ""] = parseExtendedJson(value);
  }
  return summary;
}

function* mediaOf(value: unknown): Generator<{ path: string; sha256: string }> {
  if (typeof value !== "object" || value === null) return;
  const { path, sha256 } = value as Row;
  if (typeof path === "string" && typeof sha256 === "string") yield { path, sha256 };
  for (const inner of Object.values(value)) yield* mediaOf(inner);
}

async function assertArtifactHeld(
  server: RunningServer,
  held: HeldRun,
  artifact: WitnessedRun["artifacts"][number],
): Promise<void> {
  const node = held.outputArtifacts.edges
    .map((edge) => edge.node)
    .find((candidate) => candidate.digest === artifact.digest);
  assert.ok(node, `no artifact ${artifact.type} with digest ${artifact.digest}`);
  assert.equal(node.state, "COMMITTED");
  assert.equal(node.artifactType.name, artifact.type);
  const files = new Map(node.files.edges.map((edge) => [edge.node.name, edge.node]));
  for (const [path, expected] of Object.entries(artifact.files))
    assert.equal(digest("md5", "base64", await content(server, files, path)), expected, path);
}

async function content(
  server: RunningServer,
  files: ReadonlyMap<string, FileNode>,
  path: string,
): Promise<ArrayBuffer> {
  const file = files.get(path);
  assert.ok(file, `${path} not among ${[...files.keys()].join(", ")}`);
  const { pathname, search } = new URL(file.directUrl, server.url);
  const answer = await server.fetch(pathname + search);
  assert.equal(answer.status, 200, path);
  return await answer.arrayBuffer();
}

const digest = (algorithm: "md5" | "sha256", form: "hex" | "base64", bytes: ArrayBuffer) =>
  createHash(algorithm).update(Buffer.from(bytes)).digest(form);
