import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { pageRoutes } from "./page.ts";

test("the page is served from a folder whatever characters its path has", async () => {
  const root = mkdtempSync(join(tmpdir(), "steelyard page 저울 %41#?-"));
  mkdirSync(join(root, "assets"));
  writeFileSync(join(root, "index.html"), "<title>shell</title>");
  writeFileSync(join(root, "assets", "an icon.svg"), "<svg/>");
  const routes = await pageRoutes([pathToFileURL(`${root}/`)]);
  const shell = await routes.request("/lab/p/runs/r");
  assert.equal(await shell.text(), "<title>shell</title>");
  assert.match(shell.headers.get("content-security-policy") ?? "", /default-src 'self'/);
  const icon = await routes.request("/assets/an%20icon.svg");
  assert.equal(icon.status, 200);
  assert.equal(icon.headers.get("content-type"), "image/svg+xml");
  assert.equal(await icon.text(), "<svg/>");
  assert.equal((await routes.request("/assets/none.js")).status, 404);
  // No way out of the folder: what is not listed is not served.
  assert.equal(await (await routes.request("/..%2f..%2fetc%2fpasswd")).text(), "<title>shell</title>");
  rmSync(root, { recursive: true, force: true });
});
