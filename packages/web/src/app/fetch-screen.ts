import { BASE } from "../address/base.ts";

/** The code of the screen at `path`, fetched while the server is still asked who is signed in. */
export function fetchScreen(path: string): void {
  const [, project, kind, run] = path.slice(BASE.length).split("/").filter(Boolean);
  if (!project) return;
  if (kind === "runs" && run) void import("../run/Run.tsx");
  else if (kind === "runs" || kind === "table") {
    void import("../workspace/Project.tsx");
    void import("../runs-table/RunsTable.tsx");
  } else if (kind === undefined || kind === "workspace") {
    void import("../workspace/Project.tsx");
    void import("../workspace/ProjectWorkspace.tsx");
  }
}
