import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { BASE } from "../address/base.ts";
import { runQuery } from "../run/run-query.ts";
import { RunCharts } from "../run/tabs.ts";
import { runsQuery } from "../runs/runs.ts";
import { visited } from "../session/visit.ts";
import { listedRuns } from "../workspace/listed-runs.ts";
import { ProjectWorkspace, RunsTable } from "../workspace/tabs.ts";
import { Project, Run } from "./screens.ts";

/** By then the screen listens to what changes. */
const LISTENING_MS = 2000;

/**
 * What the screen at this address needs first, its code and its first answer, asked for while the server is still asked who
 * is signed in.
 */
export function fetchScreen(client: QueryClient, { pathname, search }: Location): void {
  const [entity = "", project, kind, run] = pathname
    .slice(BASE.length)
    .split("/")
    .filter(Boolean)
    .map(decodeURIComponent);
  if (!project || entity === "settings") return;
  if (kind === "runs" && run) {
    fetchCode(Run, RunCharts);
    void ahead(client, ["run", entity, project], () => client.prefetchQuery(runQuery(entity, project, run)));
  } else if (kind === "runs" || kind === "table") fetchCode(Project, RunsTable);
  else if (kind === undefined || kind === "workspace") {
    fetchCode(Project, ProjectWorkspace);
    const parameters = new URLSearchParams(search);
    const { question } = listedRuns(entity, project, (name) => parameters.get(name) ?? "");
    void ahead(client, ["runs", entity, project], () => client.prefetchInfiniteQuery(runsQuery(question)));
  }
}

/** What cannot be fetched now fails when it is shown, where somebody sees it. */
function fetchCode(...screens: { fetch(): Promise<void> }[]): void {
  for (const screen of screens) screen.fetch().catch(() => {});
}

/** What changes between the answer and the screen's listening is told to nobody: it is asked for once more. */
async function ahead(client: QueryClient, queryKey: QueryKey, ask: () => Promise<void>): Promise<void> {
  await visited();
  await ask();
  setTimeout(() => void client.invalidateQueries({ queryKey }), LISTENING_MS);
}
