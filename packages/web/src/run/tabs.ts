import { screen } from "../ui/screen.tsx";

/** The tabs of a run. */
export const RunCharts = screen(() => import("../workspace/RunCharts.tsx"));
export const SystemCharts = screen(() => import("../workspace/SystemCharts.tsx"));
export const Logs = screen(() => import("./Logs.tsx"));
export const Files = screen(() => import("./Files.tsx"));
