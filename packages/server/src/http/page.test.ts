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

test("under a path, the page knows it and finds its parts from every screen", async () => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-page-"));
  writeFileSync(join(root, "index.html"), '<html lang="en"><script src="./assets/a.js"></script></html>');
  const shell = async (base?: string) =>
    (await (await pageRoutes([pathToFileURL(`${root}/`)], base)).request("/lab/p/runs/r")).text();
  assert.equal(await shell(), '<html lang="en"><script src="/assets/a.js"></script></html>');
  assert.equal(
    await shell("/lab/steelyard"),
    '<html data-base="/lab/steelyard" lang="en"><script src="/lab/steelyard/assets/a.js"></script></html>',
  );
  rmSync(root, { recursive: true, force: true });
});
