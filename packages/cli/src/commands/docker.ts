import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { settingsOf } from "../api.ts";
import { containerEnvironment, warnOfLoopback } from "../docker/container-environment.ts";
import {
  dockerOutput,
  imageDigest,
  isInstalled,
  requireDocker,
  runDocker,
} from "../docker/docker-program.ts";
import { ENTRYPOINT } from "../docker/entrypoint.ts";
import { imageOfRun, isImage } from "../docker/image.ts";
import { EXIT } from "../exit-status.ts";
import { CommandError, confirm, info, isInteractive, PROGRAM } from "../terminal.ts";

interface Options {
  nvidia?: boolean;
  digest?: boolean;
  jupyter?: boolean;
  dir: string | false;
  shell: string;
  port: string;
  cmd?: string;
  tty: boolean;
}

export function dockerCommand(): Command {
  return new Command("docker")
    .description("run an image with this folder, the key and the WANDB_ variables in it")
    .argument("[args...]", "what `docker run` is to be told besides, and the image as the last word")
    .option("--nvidia", "with the nvidia runtime; the default where nvidia-docker is installed")
    .option("--no-nvidia", "without it")
    .option("--digest", "only print the image's digest")
    .option("--jupyter", "run Jupyter Lab in the container, behind a token made for it")
    .option("--no-jupyter", "the default")
    .option("--dir <path>", "where this folder is in the container", "/app")
    .option("--no-dir", "leave this folder out")
    .option("--shell <path>", "shell to start", "/bin/bash")
    .option(
      "--port <port>",
      "port of this machine for Jupyter; ADDRESS:PORT for others than 127.0.0.1",
      "8888",
    )
    .option("--cmd <command>", "command to run, or to find in the shell's history")
    .option("--no-tty", "run --cmd without a terminal")
    .helpOption("--help", "this text")
    .allowUnknownOption()
    .action(docker);
}

async function docker(words: string[], options: Options): Promise<void> {
  requireDocker();
  const nvidia = options.nvidia ?? isInstalled("nvidia-docker");
  const args = withoutRun(words);
  let image = args.pop();
  if (image === undefined || !isImage(image)) {
    if (image !== undefined) args.push(image);
    image = `wandb/deepo:${nvidia ? "all" : "all-cpu"}`;
    // Standard output is the digest's alone.
    if ((await dockerOutput(["pull", image])) === undefined) throw unknownImage(image);
  }
  const digest = await imageDigest(image);
  if (digest === undefined) throw unknownImage(image);
  if (options.digest) {
    process.stdout.write(digest);
    return;
  }
  if (!options.tty && !options.cmd && !options.jupyter)
    throw new CommandError("--no-tty needs --cmd: the command to run", EXIT.usage);
  const loaded = settingsOf();
  const running = isInteractive()
    ? (await dockerOutput(["ps", "-f", `ancestor=${digest}`, "-q"]))?.split("\n")[0]
    : undefined;
  if (running && (await confirm("Found running container with the same image, do you want to attach?"))) {
    process.exitCode = await runDocker(["attach", running], process.env);
    return;
  }
  const tty = options.tty && !options.jupyter;
  const place = options.port.includes(":") ? options.port : `127.0.0.1:${options.port}`;
  const token = randomBytes(24).toString("hex");
  const {
    args: variables,
    environment,
    hasKey,
  } = containerEnvironment(loaded, {
    LANG: "C.UTF-8",
    WANDB_DOCKER: digest,
    ...(options.jupyter ? { WANDB_ENSURE_JUPYTER: "1", JUPYTER_TOKEN: token } : {}),
    ...(tty && options.cmd ? { WANDB_COMMAND: options.cmd } : {}),
  });
  if (!hasKey) info(`Couldn't find WANDB_API_KEY, run \`${PROGRAM} login\` to enable streaming metrics`);
  warnOfLoopback(loaded, args);
  const command = [
    "run",
    ...variables,
    "--ipc=host",
    "--entrypoint",
    "/bin/sh",
    ...(nvidia ? ["--runtime", "nvidia"] : []),
    ...(options.dir === false ? [] : ["-v", `${process.cwd()}:${options.dir}`, "-w", options.dir]),
    ...(options.jupyter ? ["-p", `${place}:8888`] : []),
    ...args,
    ...(tty ? ["-it"] : []),
    image,
    "-c",
    ENTRYPOINT,
    "entrypoint",
    options.shell,
    ...(options.jupyter
      ? ["-c", "exec jupyter lab --no-browser --ip=0.0.0.0 --allow-root"]
      : tty
        ? []
        : ["-c", options.cmd ?? ""]),
  ];
  if (options.jupyter) {
    info(`Jupyter will be at http://${place}/lab?token=${token}`);
  } else if (tty) info("Launching docker container 🚢");
  process.exitCode = await runDocker(command, environment);
}

const unknownImage = (image: string) =>
  new CommandError(`Couldn't find image locally or in a registry, try running \`docker pull ${image}\``);

/** Some are used to `nvidia-docker run`. */
const withoutRun = (args: readonly string[]) => (args[0] === "run" ? args.slice(1) : [...args]);

export function dockerRunCommand(): Command {
  return (
    new Command("docker-run")
      .description("`docker run` with the key, the image's digest and the WANDB_ variables in the container")
      .argument("[args...]", "arguments of `docker run`, passed on as they are")
      // Of `--help` only the first word is ours: another is the program's in the container.
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .action(dockerRun)
  );
}

async function dockerRun(words: string[], _options: object, command: Command): Promise<void> {
  if (words[0] === "--help") command.help();
  requireDocker();
  const args = withoutRun(words);
  const hasRuntime = args.some((word) => /^--runtime(=|$)/.test(word));
  const image = imageOfRun(args);
  const digest = image === undefined ? undefined : await imageDigest(image);
  if (digest === undefined)
    info("Couldn't detect image argument, running command without the WANDB_DOCKER env variable");
  const loaded = settingsOf();
  const {
    args: variables,
    environment,
    hasKey,
  } = containerEnvironment(loaded, digest === undefined ? {} : { WANDB_DOCKER: digest });
  if (!hasKey) info(`Not logged in, run \`${PROGRAM} login\` from the host machine to enable result logging`);
  warnOfLoopback(loaded, args);
  const nvidia = !hasRuntime && isInstalled("nvidia-docker") ? ["--runtime", "nvidia"] : [];
  process.exitCode = await runDocker(["run", ...variables, ...nvidia, ...args], environment);
}
