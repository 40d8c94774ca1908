import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { createIngestCounters, type IngestCounters } from "../file-stream/counters.ts";
import type { Services } from "../services.ts";

/** What `/metrics` says, in Prometheus' words. One per server, so that two in a process do not mix. */
export interface Monitoring {
  registry: Registry;
  request(method: string, route: string, status: number, seconds: number): void;
  ingest: IngestCounters;
}

export function createMonitoring(services: Pick<Services, "catalog" | "metrics" | "blobs">): Monitoring {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "steelyard_http_requests_total",
    help: "Requests answered, by kind of address and status",
    labelNames: ["method", "route", "status"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "steelyard_http_request_seconds",
    help: "Time from a request's first byte to the answer",
    labelNames: ["route"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  new Gauge({
    name: "steelyard_stored_bytes",
    help: "Bytes on disk",
    labelNames: ["store"],
    registers: [registry],
    async collect() {
      const [catalog, blobs] = await Promise.all([services.catalog.stats(), services.blobs.stats()]);
      this.set({ store: "catalog" }, catalog.bytes);
      this.set({ store: "metrics" }, services.metrics.bytes());
      this.set({ store: "files" }, blobs.bytes);
    },
  });
  return {
    registry,
    ingest: createIngestCounters(registry),
    request(method, route, status, duration) {
      requests.inc({ method, route, status: String(status) });
      seconds.observe({ route }, duration);
    },
  };
}

/** The kind of an address, few enough to count by: names of users and runs are not in it. */
export function routeKind(path: string): string {
  if (path === "/graphql") return "graphql";
  if (path.endsWith("/file_stream")) return "file_stream";
  const [, first = "", second = "", third = ""] = path.split("/");
  if (first === "api") return `api/${second}/${third}`.slice(0, 60).replace(/[^a-z0-9/_-]/gi, "");
  return [
    "storage",
    "artifacts",
    "artifactsV2",
    "assets",
    "healthz",
    "readyz",
    "ready",
    "metrics",
    "sign-in",
  ].includes(first)
    ? first
    : "page";
}
