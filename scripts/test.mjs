// `npm test [stage …]`: everything, on a fresh clone with only Node and npm. Installs, then runs the stages on a new Node.
import { join } from "node:path";
import { become, installDependencies, newNode, ROOT } from "./toolchain.mjs";

installDependencies();
become(newNode(), [join(ROOT, "scripts", "test-stages.mjs"), ...process.argv.slice(2)]);
