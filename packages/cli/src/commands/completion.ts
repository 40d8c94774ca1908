import { Argument, Command } from "commander";
import { PROGRAM } from "../terminal.ts";

/** What may stand after some words of the command line. */
interface Place {
  /** Words before, `run ls`; "" at the beginning. */
  path: string;
  words: { text: string; description: string }[];
  /** Options whose value is the next word. */
  valued: string[];
}

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completionCommand(): Command {
  return new Command("completion")
    .description("print what makes a shell complete commands and options")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SHELLS)))
    .addHelpText(
      "after",
      `
bash: echo 'eval "$(${PROGRAM} completion bash)"' >> ~/.bashrc
zsh:  echo 'eval "$(${PROGRAM} completion zsh)"' >> ~/.zshrc
fish: ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish`,
    )
    .action((shell: keyof typeof SHELLS, _options: object, self: Command) => {
      process.stdout.write(SHELLS[shell](placesOf(self.parent as Command)));
    });
}

/** Of every command that is shown. */
function placesOf(program: Command, path: string[] = []): Place[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== "help");
  const options = help.visibleOptions(program);
  const words = [
    ...commands.map((command) => ({ text: command.name(), description: command.description() })),
    ...options.flatMap(({ long, short, description }) => {
      const text = long ?? short;
      return text ? [{ text, description }] : [];
    }),
    ...program.registeredArguments.flatMap(({ argChoices, description }) =>
      (argChoices ?? []).map((text) => ({ text, description })),
    ),
  ];
  const valued = options
    .filter(({ required, optional }) => required || optional)
    .flatMap(({ long, short }) => [long, short].filter((text) => text !== undefined));
  return [
    { path: path.join(" "), words, valued },
    ...commands.flatMap((command) => placesOf(command, [...path, command.name()])),
  ];
}

/** As a word in single quotes of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const FUNCTION = `_${PROGRAM}`;

/** Shell words that leave in `place` the commands that were typed: what is no command there is passed over. */
function walk(places: readonly Place[], words: string): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `  local place="" word
  for word in ${words}; do
    case "\${place:+$place }$word" in
      ${known.join("|")}) place="\${place:+$place }$word" ;;
    esac
  done`;
}

function bashScript(places: readonly Place[]): string {
  const cases = places.map(
    ({ path, words, valued }) =>
      `    ${quoted(path)}) words=${quoted(words.map(({ text }) => text).join(" "))}; valued=${quoted(` ${valued.join(" ")} `)} ;;`,
  );
  return `${FUNCTION}() {
${walk(places, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
  local words="" valued=""
  case "$place" in
${cases.join("\n")}
  esac
  local typed="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  # Anything may be the value of an option; files are what the shell can offer.
  [[ "$valued" == *" $before "* ]] || COMPREPLY=($(compgen -W "$words" -- "$typed"))
}
complete -o bashdefault -o default -F ${FUNCTION} ${PROGRAM}
`;
}

function zshScript(places: readonly Place[]): string {
  const cases = places.map(({ path, words, valued }) => {
    const described = words.map(({ text, description }) =>
      quoted(`${text.replaceAll(":", "\\:")}:${description.replaceAll("\n", " ")}`),
    );
    return `    ${quoted(path)}) all=(${described.join(" ")}); valued=${quoted(` ${valued.join(" ")} `)} ;;`;
  });
  return `#compdef ${PROGRAM}
${FUNCTION}() {
${walk(places, `"\${(@)words[2,CURRENT-1]}"`)}
  local -a all
  local valued=""
  case "$place" in
${cases.join("\n")}
  esac
  if [[ "$valued" == *" \${words[CURRENT-1]} "* ]] || ! _describe ${quoted(PROGRAM)} all; then _files; fi
}
(( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit }
compdef ${FUNCTION} ${PROGRAM}
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, valued }) =>
    words.map(({ text, description }) => {
      const what = text.startsWith("--")
        ? `${valued.includes(text) ? "-r " : ""}-l ${text.slice(2)}`
        : `-f -a ${text}`;
      const at = `${FUNCTION}_at${path === "" ? "" : ` ${quoted(path)}`}`;
      return `complete -c ${PROGRAM} -n ${JSON.stringify(at)} ${what} -d ${fishQuoted(description)}`;
    }),
  );
  const known = places.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `function ${FUNCTION}_at
  set -l place ""
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$place $word")
    contains -- "$next" ${known.join(" ")}; and set place "$next"
  end
  test "$place" = "$argv[1]"
end
${lines.join("\n")}
`;
}

const fishQuoted = (text: string) =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", " ")}'`;
