// `npm run pack`: the publishable packages as tarballs in build/tarballs/. The tree itself runs from source; JavaScript
// and declarations are made here only. Prints the tarballs' paths, one a line.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as bundle } from "rolldown";
import { buildPage, installDependencies, newNode, ROOT, run } from "./toolchain.mjs";

const BUILD = join(ROOT, "build");
const TARBALLS = join(BUILD, "tarballs");

installDependencies();
buildPage();
rmSync(BUILD, { recursive: true, force: true });
mkdirSync(TARBALLS, { recursive: true });
run(newNode(), [join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.publish.json"], {
  hint: "the packages could not be compiled; the lines above say why",
});

const manifest = (name) => JSON.parse(readFileSync(join(ROOT, "packages", name, "package.json"), "utf8"));
const compiledExport = (source) => {
  const at = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
  return { types: `${at}.d.ts`, default: `${at}.js` };
};

async function assemble(name, { extra = () => {}, change = (description) => description } = {}) {
  const place = join(BUILD, name);
  cpSync(join(BUILD, "compiled", name, "src"), join(place, "dist"), { recursive: true });
  const { devDependencies, private: _private, scripts, ...description } = manifest(name);
  description.exports = Object.fromEntries(
    Object.entries(description.exports).map(([key, source]) => [key, compiledExport(source)]),
  );
  cpSync(join(ROOT, "LICENSE"), join(place, "LICENSE"));
  for (const file of ["README.md"]) {
    const own = join(ROOT, "packages", name, file);
    if (existsSync(own)) cpSync(own, join(place, file));
  }
  writeFileSync(join(place, "package.json"), `${JSON.stringify(change(description), null, 2)}\n`);
  await extra(place);
  const packed = spawnSync("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", TARBALLS], {
    cwd: place,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new Error(`npm pack of ${name} failed: ${packed.stderr}`);
  const [{ filename }] = Object.values(JSON.parse(packed.stdout));
  process.stdout.write(`${join(TARBALLS, filename)}\n`);
}

/** The few files that a program begins with, and what they share: a hundred small ones take it twice the time to load. */
async function bundled(place) {
  const dist = join(place, "dist");
  await bundle({
    input: Object.fromEntries(
      ["index", "worker", "command-line"].map((entry) => [entry, join(dist, `${entry}.js`)]),
    ),
    platform: "node",
    external: [/^node:/, "yaml"],
    logLevel: "warn",
    // Beside one another: the worker is found from where the code that starts it lies.
    output: {
      dir: join(place, "bundled"),
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "shared-[name].js",
    },
  });
  for (const file of globSync("**/*.js", { cwd: dist })) rmSync(join(dist, file));
  cpSync(join(place, "bundled"), dist, { recursive: true });
  rmSync(join(place, "bundled"), { recursive: true });
}

await assemble("protocol");
await assemble("server", {
  extra: (place) =>
    cpSync(join(ROOT, "packages", "web", "assets"), join(place, "assets"), { recursive: true }),
});
await assemble("sdk", {
  // The command line travels in the SDK's package, so that `npx steelyard` finds it; what only the server needs does not.
  async extra(place) {
    await bundled(place);
    cpSync(join(BUILD, "compiled", "cli", "src"), join(place, "dist", "cli"), { recursive: true });
  },
  change: (description) => ({
    ...description,
    bin: { steelyard: "./dist/cli/main.js" },
    // For what knows no exports, as the TypeScript of notebooks' kernels.
    main: description.exports["."].default,
    types: description.exports["."].types,
    exports: {
      ...description.exports,
      ".": {
        ...description.exports["."],
        // CommonJS callers: Node loads ES modules by require() since 20.19.
        "module-sync": description.exports["."].default,
        require: { types: "./dist/index.d.ts", default: "./dist/index.js" },
      },
    },
    dependencies: { ...description.dependencies, commander: manifest("cli").dependencies.commander },
    peerDependencies: { "@steelyard/server": description.version },
    peerDependenciesMeta: { "@steelyard/server": { optional: true } },
  }),
});
