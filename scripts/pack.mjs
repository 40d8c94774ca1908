// `npm run pack`: the publishable packages as tarballs in build/tarballs/. The tree itself runs from source; JavaScript
// and declarations are made here only. Prints the tarballs' paths, one a line.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

function assemble(name, { extra = () => {}, change = (description) => description } = {}) {
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
  extra(place);
  writeFileSync(join(place, "package.json"), `${JSON.stringify(change(description), null, 2)}\n`);
  const packed = spawnSync("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", TARBALLS], {
    cwd: place,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new Error(`npm pack of ${name} failed: ${packed.stderr}`);
  const [{ filename }] = Object.values(JSON.parse(packed.stdout));
  process.stdout.write(`${join(TARBALLS, filename)}\n`);
}

assemble("protocol");
assemble("server", {
  extra: (place) =>
    cpSync(join(ROOT, "packages", "web", "assets"), join(place, "assets"), { recursive: true }),
});
assemble("sdk", {
  // The command line travels in the SDK's package, so that `npx steelyard` finds it; what only the server needs does not.
  extra: (place) =>
    cpSync(join(BUILD, "compiled", "cli", "src"), join(place, "dist", "cli"), { recursive: true }),
  change: (description) => ({
    ...description,
    bin: { steelyard: "./dist/cli/main.js" },
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
