import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { testMetricStore } from "../../ports/metric-store.contract.ts";
import { testModel } from "../../ports/metric-store-contract/model.contract.ts";
import type { OpenedStore } from "../../ports/metric-store-contract/opened-store.contract.ts";
import { openSegments, type SegmentsOptions } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-segments-"));
after(() => rmSync(root, { recursive: true, force: true }));
let files = 0;

async function open(options: SegmentsOptions = {}): Promise<OpenedStore> {
  const path = join(root, `${files++}.db`);
  let opened = await openSegments(path, options);
  return {
    store: opened,
    async reopen() {
      await opened.close();
      opened = await openSegments(path, options);
      return opened;
    },
  };
}

testMetricStore("segments", () => open());
// Sealed under the hands of whoever asks and writes.
testModel("segments, sealed all the time", () => open({ sealRows: 30 }));
