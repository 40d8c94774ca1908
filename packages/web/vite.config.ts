import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Compressed once at build, so that the server only picks a file. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    async writeBundle({ dir = "" }) {
      for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|svg|html)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const content = await readFile(path);
        if (content.length < 1024) continue;
        await writeFile(
          `${path}.br`,
          brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }),
        );
        await writeFile(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  // The server writes where it is into the page: parts find each other, and the page its parts, under any path.
  base: "./",
  plugins: [react(), precompress()],
  build: { outDir: "assets", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  // `npm run dev` beside a server on the usual port.
  server: {
    proxy: Object.fromEntries(
      ["/graphql", "/api", "/storage", "/sign-in"].map((path) => [path, { target: "http://127.0.0.1:8080" }]),
    ),
  },
});
