import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { testMetricStore } from "../../ports/metric-store.contract.ts";
import { openSegments } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "steelyard-segments-"));
after(() => rmSync(root, { recursive: true, force: true }));
let files = 0;

testMetricStore("segments", async () => {
  const path = join(root, `${files++}.db`);
  const store = await openSegments(path);
  return {
    store,
    async reopen() {
      await store.close();
      return openSegments(path);
    },
  };
});
