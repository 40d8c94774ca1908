import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, say } from "./toolchain.mjs";

/**
 * Releases of the official client the server is held to: the newest and one of each minor since 0.16. The older ones need
 * older companions, pinned here with the reason.
 */
export const CLIENTS = [
  // setuptools: pkg_resources; numpy 1 and protobuf 4: what these releases were made against.
  { version: "0.16.6", with: ["setuptools<70", "numpy<2", "protobuf<5"] },
  { version: "0.17.9", with: ["setuptools<70", "numpy<2", "protobuf<6"] },
  { version: "0.18.7", with: ["setuptools<70", "numpy<2", "protobuf<6"] },
  { version: "0.19.11", with: ["numpy<2", "protobuf<7"] },
  { version: "0.20.1", with: ["numpy<2"] },
  { version: "0.21.4", with: ["numpy<2"] },
  { version: "0.22.3", with: ["numpy<2"] },
  { version: "0.23.1", with: ["numpy<2"] },
  { version: "0.24.2", with: ["numpy<2"] },
  { version: "0.25.1", with: ["numpy<2"] },
  { version: "0.26.1", with: ["numpy<2"] },
  { version: "0.27.2", with: ["numpy<2"] },
  { version: "0.28.2", with: ["numpy<2"] },
  { version: "0.29.0", with: ["numpy<2"] },
  { version: "0.30.0", with: ["numpy<2"] },
  { version: "0.31.0", with: ["numpy<2"] },
];

/**
 * Training libraries whose own integrations are run unchanged, and programs of other people. All but the first need
 * gigabytes and are asked for by STEELYARD_TEST_INTEGRATIONS=all. TensorFlow lives apart: in one process with PyTorch's
 * compiler it aborts (both bring LLVM).
 */
const INTEGRATIONS = [
  {
    name: "integrations-light",
    packages: [
      "wandb==0.31.0",
      "lightgbm",
      "xgboost-cpu",
      "scikit-learn",
      "pandas",
      "matplotlib",
      "optuna",
      "optuna-integration",
    ],
  },
  {
    name: "integrations-keras",
    packages: ["wandb==0.31.0", "tensorflow-cpu", "scikit-learn"],
    onlyWhenAsked: true,
  },
  {
    name: "integrations-torch",
    packages: [
      "wandb==0.31.0",
      "torch",
      "transformers",
      "accelerate",
      "lightning",
      "skorch",
      "pytorch-ignite",
      "tensorboard",
      "rl_zoo3",
      "open_clip_torch[training]",
    ],
    onlyWhenAsked: true,
  },
];

/** What is installed: a name (folder) and its packages. */
const ENVIRONMENTS = [
  ...CLIENTS.map(({ version, with: companions }) => ({
    name: version,
    packages: [`wandb==${version}`, ...companions],
  })),
  // What drives notebooks' kernels as Jupyter does.
  { name: "notebooks", packages: ["nbclient"] },
  ...INTEGRATIONS.filter(
    ({ onlyWhenAsked }) => !onlyWhenAsked || process.env.STEELYARD_TEST_INTEGRATIONS === "all",
  ),
];

/** A Python virtual environment each, made once in `.venvs/` (or STEELYARD_TEST_VENVS). Answers the folder and what could not be made. */
export function preparePythonClients() {
  const folder = process.env.STEELYARD_TEST_VENVS ?? join(ROOT, ".venvs");
  const missing = prepareEnvironments(folder, ENVIRONMENTS).map(({ name, reason }) =>
    name === undefined
      ? `conformance with the official client: ${reason}`
      : `conformance with the official client, ${name}: it could not be installed`,
  );
  return { folder, missing };
}

/**
 * A virtual environment `FOLDER/NAME` for each {name, packages}, made once; answers those that could not be made, with the
 * installer's last words. A reason without a name: there is no Python.
 */
export function prepareEnvironments(folder, environments) {
  mkdirSync(folder, { recursive: true });
  const outdated = environments.filter((environment) => !isReady(folder, environment));
  if (outdated.length === 0) return [];
  const python = spawnSync("python3", ["-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"], {
    encoding: "utf8",
  });
  if (python.status !== 0) return [{ name: undefined, reason: "no python3 with venv here" }];
  const uv = prepareInstaller(folder);
  const missing = [];
  for (const { name, packages } of outdated) {
    say(`Installing Python packages: ${name} (once) …`);
    const place = join(folder, name);
    const interpreter = join(place, "bin", "python");
    const steps = uv
      ? [
          [uv, ["venv", "-q", "--clear", "--python", "python3", place]],
          [uv, ["pip", "install", "-q", "--python", interpreter, ...packages]],
        ]
      : [
          ["python3", ["-m", "venv", "--clear", place]],
          [interpreter, ["-m", "pip", "install", "-q", "--no-input", ...packages]],
        ];
    const reason = steps.reduce((failed, [command, args]) => failed ?? failure(command, args), undefined);
    if (reason === undefined) writeFileSync(join(place, ".ready"), readiness(packages));
    else missing.push({ name, reason });
  }
  return missing;
}

const readiness = (packages) => packages.join(" ");

function isReady(folder, { name, packages }) {
  const stamp = join(folder, name, ".ready");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === readiness(packages);
}

/** `uv` from the Python registry: it shares files between the environments and is five times as fast as pip; undefined = use pip. */
function prepareInstaller(folder) {
  const place = join(folder, "installer");
  const uv = join(place, "bin", "uv");
  if (existsSync(uv)) return uv;
  const failed =
    failure("python3", ["-m", "venv", place]) ??
    failure(join(place, "bin", "python"), ["-m", "pip", "install", "-q", "--no-input", "uv"]);
  return failed === undefined ? uv : undefined;
}

/** The last words of a command that failed, shown too; undefined when it did not. */
function failure(command, args) {
  const { status, error, stderr } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  const words = error?.message ?? stderr.trim();
  say(words);
  return words.split("\n").slice(-3).join(" ").slice(-300);
}
