import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { BlobStore } from "./ports/blob-store.ts";
import type { Bus } from "./ports/bus.ts";
import type { Catalog } from "./ports/catalog.ts";
import type { MetricStore } from "./ports/metric-store.ts";

/** What every feature is given: the ports, the configuration, a log and a clock. Built once, in `main.ts`. */
export interface Services {
  config: Config;
  log: Logger;
  catalog: Catalog;
  metrics: MetricStore;
  blobs: BlobStore;
  bus: Bus;
  /** Aborted when the server stops: what waits for ever (event streams) ends then. */
  stopping: AbortSignal;
  /** Milliseconds since 1970 UTC; tests give their own. */
  now: () => number;
}
