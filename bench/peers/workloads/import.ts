/** W0: what comes before the first call, and what is in the time of each. */
import type { Workload } from "./workload.ts";

const LIMIT_SECONDS = 60;

export function importWorkload(): Workload {
  return {
    id: "W0",
    title:
      "W0, the library in a new process; and a pair of looks at the clock, which every call's time has in it",
    head: ["import s", "clock, µs"],
    contests: [
      {
        measure: "W0, import",
        value: "seconds",
        remedy: "fewer and smaller modules before the first run needs them",
      },
    ],
    cannot: ({ worker }) => (worker === "floor.py" ? "no library" : undefined),
    async measure({ worker }) {
      const seconds = await worker.call<number>("import_seconds", {}, LIMIT_SECONDS);
      const micros = await worker.call<number>("clock", {}, LIMIT_SECONDS);
      return { seconds, cells: [seconds, micros], values: { seconds } };
    },
  };
}
