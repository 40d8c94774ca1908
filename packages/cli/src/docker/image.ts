const HOST_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const PATH_PART = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const REFERENCE = new RegExp(
  `^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*(?::[0-9]+)?/)?${PATH_PART}(?:/${PATH_PART})*(?::\\w[\\w.-]{0,127})?$`,
);

/** Whether a word can name an image: `[registry[:port]/]path[:tag][@digest]`. */
export function isImage(word: string): boolean {
  return REFERENCE.test(word.split("@", 1)[0] ?? "");
}

/** Options of `docker run` that take no value; all others take one. */
const FLAGS = new Set([
  "--detach",
  "--disable-content-trust",
  "--help",
  "--init",
  "--interactive",
  "--no-healthcheck",
  "--oom-kill-disable",
  "--privileged",
  "--publish-all",
  "--quiet",
  "--read-only",
  "--rm",
  "--sig-proxy",
  "--tty",
  "--use-api-socket",
]);
const SHORT_FLAGS = "ditPq";

/** The image among the arguments of `docker run`: the first that is neither an option nor an option's value. */
export function imageOfRun(args: readonly string[]): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--") return imageOr(args[at + 1]);
    if (!word.startsWith("-")) return imageOr(word);
    if (takesNext(word)) at++;
  }
  return undefined;
}

const imageOr = (word: string | undefined) => (word !== undefined && isImage(word) ? word : undefined);

/** Whether an option's value is the next word: not in `--name=x`, `-p80:80` or `-it`. */
function takesNext(option: string): boolean {
  if (option.startsWith("--")) return !option.includes("=") && !FLAGS.has(option);
  const valued = [...option.slice(1)].findIndex((letter) => !SHORT_FLAGS.includes(letter));
  return valued === option.length - 2;
}
