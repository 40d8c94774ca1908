import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeCrashReport } from "./crash-report.ts";

test("a report of a fault says what it was, and is no fault itself where it cannot be made", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-crash-"));
  const path = join(folder, "crash.txt");
  const error = new Error("it met what it cannot read");
  assert.match(writeCrashReport(path, error), /a report .* is in .*crash\.txt/);
  assert.match(readFileSync(path, "utf8"), /MiB in use\n\nError: it met what it cannot read\n {4}at /);
  assert.equal(writeCrashReport(join(folder, "absent", "crash.txt"), error), "");
  t.mock.method(process.memoryUsage, "rss", () => {
    throw new Error("EMFILE: too many open files");
  });
  assert.equal(writeCrashReport(path, error), "");
  rmSync(folder, { recursive: true });
});
