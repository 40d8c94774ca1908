import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { runCommand } from "../../../../conformance/command.ts";
import { ENTRYPOINT } from "../docker/entrypoint.ts";
import { imageOfRun, isImage } from "../docker/image.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const KEY = "k".repeat(40);
const DIGEST = `lab/image@sha256:${"a".repeat(64)}`;
const posix = { skip: process.platform === "win32" ? "the programs are shell scripts" : false };

let folder: string;
let bin: string;
let here: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "steelyard-docker-"));
  [bin, here] = [join(folder, "bin"), join(folder, "here")];
  for (const path of [bin, here]) mkdirSync(path);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program named docker that writes down what it is told, and knows images as these lines of shell say. */
function installDocker({ inspect = "exit 1", buildx = "exit 1", run = "exit 0" } = {}): void {
  install(
    "docker",
    `printf '%s\\0' "$@" > "$RECORD.$1"
case "$1" in
  inspect) echo "no such object" >&2; ${inspect} ;;
  buildx) ${buildx} ;;
  run) /usr/bin/env -0 > "$RECORD.environment"; ${run} ;;
esac`,
  );
}
const install = (name: string, text: string) =>
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });

const steelyard = (args: string[], environment: Record<string, string> = {}) =>
  runCommand(process.execPath, [MAIN, ...args], {
    cwd: here,
    environment: {
      HOME: folder,
      PATH: bin,
      RECORD: join(folder, "record"),
      WANDB_BASE_URL: "http://tracker.lab",
      WANDB_API_KEY: KEY,
      ...environment,
    },
  });
const told = (verb: string) =>
  readFileSync(join(folder, `record.${verb}`), "utf8")
    .split("\0")
    .slice(0, -1);
const inEnvironment = () =>
  Object.fromEntries(
    told("environment").map((line) => [line.split("=", 1)[0] ?? "", line.replace(/^[^=]*=/, "")]),
  );

test("an image is what docker takes for one, and the first word of `docker run` that is no option", () => {
  for (const image of [
    "ubuntu",
    "lab/a_b:1.0",
    "reg.lab:5000/x/y__z:v",
    "localhost/x",
    `a@sha256:${"0".repeat(64)}`,
  ])
    assert.ok(isImage(image), image);
  for (const word of [
    "",
    "-v",
    "/mnt:/app",
    "Ubuntu",
    "a b",
    "a:",
    `a:${"t".repeat(129)}`,
    `${"H".repeat(64)}.lab/a`,
  ])
    assert.ok(!isImage(word), word);
  assert.equal(
    imageOfRun(["--rm", "-it", "-v", "a:/b", "--name=x", "-p80:80", "img:1", "sh", "other:2"]),
    "img:1",
  );
  assert.equal(imageOfRun(["-itv", "a:/b", "--gpus", "all", "img"]), "img");
  assert.equal(imageOfRun(["--", "img"]), "img");
  assert.equal(imageOfRun(["--rm", "-e", "x"]), undefined);
});

test("docker --digest prints the digest and nothing else", posix, async () => {
  installDocker({ inspect: `echo '["${DIGEST}"]'` });
  for (const args of [
    ["--digest", "lab/image"],
    ["lab/image", "--digest"],
    ["run", "--digest", "lab/image"],
  ])
    assert.deepEqual(await steelyard(["docker", ...args]), { status: 0, out: DIGEST, err: "" });
  assert.deepEqual(told("inspect"), ["inspect", "lab/image", "--format", "{{json .RepoDigests}}"]);

  installDocker({ inspect: "echo '[]'", buildx: `echo '${DIGEST}'` });
  assert.deepEqual(await steelyard(["docker", "--digest", "lab/image"]), { status: 0, out: DIGEST, err: "" });
  assert.equal((await steelyard(["docker", "--digest", DIGEST])).out, DIGEST);

  installDocker();
  const unknown = await steelyard(["docker", "--digest", "lab/image"]);
  assert.deepEqual([unknown.status, unknown.out], [1, ""]);
  assert.match(
    unknown.err,
    /Couldn't find image locally or in a registry, try running `docker pull lab\/image`/,
  );
  const absent = await steelyard(["docker", "--digest", "lab/image"], { PATH: here });
  assert.deepEqual([absent.status, absent.out], [1, ""]);
  assert.match(absent.err, /Docker not installed, install it from https:\/\/docker\.com/);
});

test(
  "docker runs the image with this folder, and no value of a variable is on its command line",
  posix,
  async () => {
    installDocker({ inspect: `echo '["${DIGEST}"]'`, run: "exit 7" });
    const ended = await steelyard(
      ["docker", "-v", "/data:/data", "lab/image", "--no-nvidia", "--no-tty", "--cmd", "python train.py"],
      { WANDB_NOTES: "a secret", WANDB_DIR: "/only/here" },
    );
    assert.equal(ended.status, 7, ended.err);
    assert.deepEqual(told("run"), [
      "run",
      ...["LANG", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_DOCKER", "WANDB_NOTES"].flatMap((name) => [
        "-e",
        name,
      ]),
      ...["--ipc=host", "--entrypoint", "/bin/sh", "-v", `${here}:/app`, "-w", "/app", "-v", "/data:/data"],
      ...["lab/image", "-c", ENTRYPOINT, "entrypoint", "/bin/bash", "-c", "python train.py"],
    ]);
    const { LANG, WANDB_API_KEY, WANDB_DOCKER, WANDB_NOTES } = inEnvironment();
    assert.deepEqual([LANG, WANDB_API_KEY, WANDB_DOCKER, WANDB_NOTES], ["C.UTF-8", KEY, DIGEST, "a secret"]);

    await steelyard(["docker", "--nvidia", "--no-dir", "--cmd", "python x.py", "lab/image"]);
    assert.deepEqual(told("run").slice(11), [
      ...["--ipc=host", "--entrypoint", "/bin/sh", "--runtime", "nvidia"],
      ...["-it", "lab/image", "-c", ENTRYPOINT, "entrypoint", "/bin/bash"],
    ]);
    assert.equal(inEnvironment().WANDB_COMMAND, "python x.py");
    const useless = await steelyard(["docker", "--no-tty", "lab/image"]);
    assert.deepEqual([useless.status, /--no-tty needs --cmd/.test(useless.err)], [2, true]);
  },
);

test("docker without an image takes the default one, and Jupyter is behind a token", posix, async () => {
  installDocker({ inspect: `echo '["${DIGEST}"]'` });
  const { status, err } = await steelyard([
    "docker",
    "-v",
    "/mnt/x:/app/data",
    "--jupyter",
    "--port",
    "9999",
  ]);
  assert.equal(status, 0, err);
  assert.deepEqual(told("pull"), ["pull", "wandb/deepo:all-cpu"]);
  const run = told("run");
  const token = inEnvironment().JUPYTER_TOKEN ?? "";
  assert.match(token, /^[0-9a-f]{48}$/);
  assert.ok(err.includes(`http://127.0.0.1:9999/lab?token=${token}`), err);
  assert.ok(
    run.includes("127.0.0.1:9999:8888") && run.includes("JUPYTER_TOKEN") && run.includes("/mnt/x:/app/data"),
  );
  assert.ok(!run.join(" ").includes(token), "the token is on the command line");
  assert.equal(run.at(-1), "exec jupyter lab --no-browser --ip=0.0.0.0 --allow-root");
});

test("docker-run passes on what it is told, with the variables and the digest", posix, async () => {
  installDocker({ inspect: `echo '["${DIGEST}"]'`, run: "exit 3" });
  const words = ["--rm", "-v", "a:/b", "lab/image", "python", "--version", "--help"];
  const ended = await steelyard(["docker-run", "run", ...words]);
  assert.deepEqual([ended.status, ended.out, ended.err], [3, "", ""]);
  const variables = ["WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_DOCKER"].flatMap((name) => ["-e", name]);
  assert.deepEqual(told("run"), ["run", ...variables, ...words]);
  assert.equal(inEnvironment().WANDB_DOCKER, DIGEST);

  install("nvidia-docker", "exit 0");
  await steelyard(["docker-run", ...words]);
  assert.deepEqual(told("run"), ["run", ...variables, "--runtime", "nvidia", ...words]);
  await steelyard(["docker-run", "--runtime=runc", ...words]);
  assert.deepEqual(told("run"), ["run", ...variables, "--runtime=runc", ...words]);

  const help = await steelyard(["docker-run", "--help"]);
  assert.deepEqual([help.status, /Usage: steelyard docker-run/.test(help.out)], [0, true]);
  const bare = await steelyard(["docker-run", "--rm"], {
    WANDB_API_KEY: "",
    WANDB_BASE_URL: "http://localhost:1",
  });
  assert.match(bare.err, /Couldn't detect image argument/);
  assert.match(bare.err, /Not logged in, run `steelyard login`/);
  assert.match(bare.err, /localhost:1 is another machine inside a container; add --network host/);
  assert.ok(existsSync(join(folder, "record.run")) && !told("run").includes("WANDB_DOCKER"));
});

test("the container's first steps end in the command they are given", posix, async () => {
  const { status, out, err } = await runCommand(
    "/bin/sh",
    ["-c", ENTRYPOINT, "entrypoint", "/bin/echo", "a b"],
    {
      cwd: here,
      environment: { PATH: bin, HOME: folder, WANDB_COMMAND: "python x.py" },
    },
  );
  assert.deepEqual([status, out], [0, "a b\n"], err);
  assert.equal(readFileSync(join(folder, ".bash_history"), "utf8"), "python x.py\n");
});
