import { strict as assert } from "node:assert";
import { parseExtendedJson } from "@steelyard/protocol/history";
import type { RunningServer } from "./server.ts";

/** What the server has of a run that came to it in a log. */
export interface SyncedRun {
  state: string;
  displayName: string;
  notes: string;
  group: string;
  jobType: string;
  tags: string[];
  config: string;
  summaryMetrics: string;
  historyLineCount: number;
  logLineCount: number;
  history: string[];
  files: { edges: { node: { name: string; directUrl: string } }[] };
}

export async function readSyncedRun(
  server: RunningServer,
  project: string,
  name: string,
): Promise<SyncedRun> {
  const found = await server.query<{ project: { run: SyncedRun } }>(
    `query($p: String!, $r: String!) { project(name: $p, entityName: "admin") { run(name: $r) {
      state displayName notes group jobType tags config summaryMetrics historyLineCount logLineCount
      history(minStep: 0, maxStep: 1000000, samples: 1000000) files(first: 1000) { edges { node { name directUrl } } } } } }`,
    { p: project, r: name },
  );
  return found.project.run;
}

export const rowsOf = ({ history }: SyncedRun) =>
  history.map((line) => parseExtendedJson(line) as Record<string, unknown>);

/** A row without what the client adds. */
export const valuesOf = (row: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(row).filter(([key]) => !key.startsWith("_")));

export function configOf({ config }: SyncedRun): Record<string, unknown> {
  const entries = Object.entries(JSON.parse(config) as Record<string, { value: unknown }>);
  return Object.fromEntries(
    entries.filter(([key]) => key !== "_wandb").map(([key, { value }]) => [key, value]),
  );
}

/** Addresses of the run's files by name. */
export const fileUrls = ({ files }: SyncedRun) =>
  new Map(files.edges.map(({ node }) => [node.name, node.directUrl]));

export async function contentAt(url: string): Promise<Buffer> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return Buffer.from(await response.arrayBuffer());
}

/** An artifact's aliases, and its files that are no references, by content. */
export async function readArtifact(server: RunningServer, project: string, name: string) {
  interface Found {
    aliases: { alias: string }[];
    files: { edges: { node: { name: string; directUrl: string | null } }[] };
  }
  const found = await server.query<{ project: { artifact: Found | null } }>(
    `query($p: String!, $a: String!) { project(name: $p, entityName: "admin") { artifact(name: $a) {
      aliases { alias } files(first: 100) { edges { node { name directUrl } } } } } }`,
    { p: project, a: name },
  );
  const { artifact } = found.project;
  assert.ok(artifact, `there is no artifact ${name}`);
  const contents: Record<string, string> = {};
  for (const { node } of artifact.files.edges)
    if (node.directUrl && node.name !== "elsewhere")
      contents[node.name] = (await contentAt(node.directUrl)).toString();
  return { aliases: artifact.aliases.map(({ alias }) => alias), contents };
}

export async function versionsOf(
  server: RunningServer,
  project: string,
  collection: string,
): Promise<string[]> {
  const found = await server.query<{
    project: { artifactCollection: { artifacts: { edges: { node: { versionIndex: number } }[] } } };
  }>(
    `query($p: String!, $c: String!) { project(name: $p, entityName: "admin") { artifactCollection(name: $c) {
      artifacts(first: 100) { edges { node { versionIndex } } } } } }`,
    { p: project, c: collection },
  );
  return found.project.artifactCollection.artifacts.edges.map(({ node }) => `v${node.versionIndex}`).sort();
}
