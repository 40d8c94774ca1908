import { testBranches } from "./metric-store-contract/branches.contract.ts";
import { testConsole } from "./metric-store-contract/console.contract.ts";
import { testExpressions } from "./metric-store-contract/expressions.contract.ts";
import { testLines } from "./metric-store-contract/lines.contract.ts";
import { testModel } from "./metric-store-contract/model.contract.ts";
import type { Open } from "./metric-store-contract/opened-store.contract.ts";
import { testRows } from "./metric-store-contract/rows.contract.ts";
import { testSeries, testSpared } from "./metric-store-contract/series.contract.ts";

/** What every metric store must keep. Each case runs on fresh rows and again after reopening, sealed. */
export function testMetricStore(name: string, open: Open): void {
  for (const part of [
    testLines,
    testRows,
    testSeries,
    testSpared,
    testExpressions,
    testConsole,
    testBranches,
    testModel,
  ])
    part(name, open);
}
