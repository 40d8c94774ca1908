import { screen } from "../ui/screen.tsx";

/** The tabs of a project. */
export const ProjectWorkspace = screen(() => import("./ProjectWorkspace.tsx"));
export const RunsTable = screen(() => import("../runs-table/RunsTable.tsx"));
export const Overview = screen(() => import("../project/Overview.tsx"));
export const Sql = screen(() => import("../sql/Sql.tsx"));
