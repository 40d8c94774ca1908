import { Counter, Histogram, type Registry } from "prom-client";
import type { ERRORS } from "../errors.ts";
import type { AppendResult, StreamName } from "../ports/metric-store.ts";

/** What came in by the file stream, for `/metrics`. */
export interface IngestCounters {
  /** A request that was stored whole and answered. */
  request(bytes: number, seconds: number): void;
  /** One stream's lines of a request, after the commit. */
  batch(stream: StreamName, lines: number, result: AppendResult): void;
  /** A request that was refused or failed, by the code its sender was told. */
  refused(code: keyof typeof ERRORS): void;
  /** A summary that was left out while the rows beside it are stored. */
  summaryRefused(): void;
}

export function createIngestCounters(registry: Registry): IngestCounters {
  const registers = [registry];
  const rows = new Counter({
    name: "steelyard_ingest_rows_total",
    help: "Lines stored, by stream",
    labelNames: ["stream"],
    registers,
  });
  const points = new Counter({
    name: "steelyard_ingest_points_total",
    help: "Values in the stored lines, by stream",
    labelNames: ["stream"],
    registers,
  });
  const bytes = new Counter({
    name: "steelyard_ingest_bytes_total",
    help: "Bytes of file-stream bodies that were stored, unpacked",
    registers,
  });
  const batches = new Counter({
    name: "steelyard_ingest_batches_total",
    help: "Batches of lines stored, by stream",
    labelNames: ["stream"],
    registers,
  });
  const rejected = new Counter({
    name: "steelyard_ingest_rejected_total",
    help: "Lines, summaries and requests that were not stored, by cause",
    labelNames: ["cause"],
    registers,
  });
  const latency = new Histogram({
    name: "steelyard_ingest_seconds",
    help: "Time from a file-stream request's body to its durable answer",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  return {
    request(size, seconds) {
      bytes.inc(size);
      latency.observe(seconds);
    },
    batch(stream, lines, result) {
      batches.inc({ stream });
      rows.inc({ stream }, lines - result.rejected.length);
      points.inc({ stream }, result.points);
      // Causes are few: the reason's first words, never what the client wrote.
      for (const { reason } of result.rejected)
        rejected.inc({ cause: reason.startsWith("not JSON") ? "line-not-json" : "line-not-object" });
    },
    refused: (code) => rejected.inc({ cause: code }),
    summaryRefused: () => rejected.inc({ cause: "summary" }),
  };
}
