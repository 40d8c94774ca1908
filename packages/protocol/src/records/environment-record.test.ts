import assert from "node:assert/strict";
import { test } from "node:test";
import { readRecord } from "./index.ts";

/** The environment below, as protobuf has it. */
const RECORD = [
  "CAPSAekCCgVMaW51eBILbm9kZSAyNC4xLjAaCwjukLfTBhDAqdM6KgQtLWxyKgAqBu2VnOq4gDIQL2hvbWUvYS90cmFpbi50",
  "czoMc3JjL3RyYWluLnRzQgh0cmFpbi50c0pFChlodHRwczovL2V4YW1wbGUuY29tL3guZ2l0EihhYWFhYWFhYWFhYWFhYWFh",
  "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYgFogAEEiAEIkgELTlZJRElBIEgxMDCYAQKiARIKAS8SDQiAoOfx7wcQgMDsl02q",
  "AQYIgIDklF6yAQQIBBAIugERCgJNMxAEMAFCB01hYzE1LDPCARkKBEgxMDAQgIDAy74CGICEASIGSG9wcGVywgENCgRIMTAw",
  "KgVHUFUtMcoBBDEyLjTSAQ0KATBiCDUwMC0yMDAw2gELCgZqb2JfaWQSATfaAQwKCG5vZGVsaXN0EgDqAQcKA3Y1ZRAQ8gED",
  "CgFjugwBdw==",
].join("");

test("the environment in a log has everything that wandb-metadata.json has", () => {
  const environment = {
    os: "Linux",
    python: "node 24.1.0",
    startedAt: "2026-08-01T10:20:30.123Z",
    args: ["--lr", "", "한글"],
    program: "/home/a/train.ts",
    codePath: "src/train.ts",
    codePathLocal: "train.ts",
    git: { remote: "https://example.com/x.git", commit: "a".repeat(40) },
    host: "h",
    cpu_count: 4,
    cpu_count_logical: 8,
    gpu: "NVIDIA H100",
    gpu_count: 2,
    disk: { "/": { total: "270553174016", used: "20719542272" } },
    memory: { total: "25276514304" },
    cpu: { count: 4, countLogical: 8 },
    apple: { name: "M3", ecpuCores: 4, swapTotalBytes: "1", macModel: "Mac15,3" },
    gpu_nvidia: [
      { name: "H100", memoryTotal: "85520809984", cudaCores: 16896, architecture: "Hopper" },
      { name: "H100", uuid: "GPU-1" },
    ],
    cudaVersion: "12.4",
    gpu_amd: [{ id: "0", sclkRange: "500-2000" }],
    slurm: { job_id: "7", nodelist: "" },
    tpu: { name: "v5e", hbmGib: 16 },
    coreweave: { clusterName: "c" },
    writerId: "w",
  };
  assert.deepEqual(readRecord(Buffer.from(RECORD, "base64")), { kind: "environment", environment });
});
