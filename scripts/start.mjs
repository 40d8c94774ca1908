// `npm start -- [--host H] [--port P] [--data-dir D]`: install, build the page, serve.
import { join } from "node:path";
import { become, buildPage, COMPILE_CACHE, installDependencies, newNode, ROOT } from "./toolchain.mjs";

installDependencies();
buildPage();
become(newNode(), [join(ROOT, "packages", "server", "src", "main.ts"), ...process.argv.slice(2)], {
  env: { ...process.env, ...COMPILE_CACHE },
});
