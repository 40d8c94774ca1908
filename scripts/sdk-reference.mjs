import { join } from "node:path";
import { API, SignatureKind, SymbolFlags } from "typescript/unstable/sync";
import { SETTING_NAMES, settingOf } from "../packages/protocol/src/settings/index.ts";
import { table } from "./generated.mjs";
import { ROOT } from "./toolchain.mjs";

const ENTRY = join(ROOT, "packages", "sdk", "src", "index.ts");
/** Seen by the compiler alone: the SDK's entry and what it imports, with the rules of the whole tree. */
const PROJECT = join(ROOT, "packages", "sdk", "tsconfig.reference.json");
const PROJECT_TEXT = JSON.stringify({
  extends: "../../tsconfig.base.json",
  compilerOptions: { lib: ["ES2024", "ESNext.Disposable"], types: ["node"] },
  files: [ENTRY],
});

/**
 * The reference of `docs/sdk.md`: every export of the SDK with its members, from the types and docstrings. The compiler's
 * API is young (hence `unstable`) and the lock file pins it; nothing but this file uses it.
 *
 * An option of `InitOptions` is set by the variable of the setting of its own name, or of `@setting NAME`; its default is
 * the setting's, as `defaultOf` writes it, or what `@default` says. What is marked `@internal` is left out.
 *
 * @throws Error when something public has no docstring, naming each.
 */
export function sdkReference(defaultOf) {
  const api = new API({
    cwd: ROOT,
    fs: {
      readFile: (path) => (path === PROJECT ? PROJECT_TEXT : undefined),
      fileExists: (path) => (path === PROJECT ? true : undefined),
    },
  });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [PROJECT] });
    const [project] = snapshot.getProjects();
    const text = new Reference(project, defaultOf).text();
    snapshot.dispose();
    return text;
  } finally {
    api.close();
  }
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim();
/** A docstring's paragraphs, its line breaks taken out. */
const paragraphs = (text) => text.split(/\n\s*\n/).map(oneLine);
const code = (text) => (text === "" ? "–" : `\`${text}\``);
const block = (text) => ["```ts", text, "```"].join("\n");

class Reference {
  #checker;
  /** Of a setting, as text. */
  #defaultOf;
  #exports;
  #undocumented = [];
  /** Rows of the table of errors: error, thrown by, when. */
  #errors = [];

  constructor(project, defaultOf) {
    this.#defaultOf = defaultOf;
    this.#checker = project.checker;
    const entry = this.#checker.getSymbolAtLocation(project.program.getSourceFile(ENTRY));
    this.#exports = this.#checker
      .getExportsOfModule(entry)
      .filter(({ name }) => name !== "default")
      .map((symbol) => (symbol.flags & SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol));
  }

  text() {
    const { Function: FUNCTION, Variable, Class, Interface, TypeAlias } = SymbolFlags;
    const of = (flag) => this.#exports.filter((symbol) => symbol.flags & flag);
    const run = of(Class).find(({ name }) => name === "Run");
    const options = of(Interface).find(({ name }) => name === "InitOptions");
    const functions = [...of(FUNCTION)].sort((a, b) => Number(b.name === "init") - Number(a.name === "init"));
    const sections = [
      "### The module",
      ...functions.flatMap((symbol) => [
        ...this.#callable(symbol, symbol.name, "####"),
        ...(symbol.name === "init" ? this.#initOptions(options) : []),
      ]),
      ...of(Variable).flatMap((symbol) => this.#variable(symbol)),
      ...this.#type(run),
      "### Types",
      ...of(Class | Interface)
        .filter((symbol) => symbol !== run && symbol !== options && !this.#isError(symbol))
        .flatMap((symbol) => this.#type(symbol, "####")),
      ...of(TypeAlias).flatMap((symbol) => this.#alias(symbol)),
      ...this.#errorTable(of(Class).filter((symbol) => this.#isError(symbol))),
    ];
    if (this.#undocumented.length > 0)
      throw new Error(`packages/sdk: no docstring at ${this.#undocumented.join(", ")}`);
    return sections.join("\n\n");
  }

  #doc(symbol, place) {
    const doc = this.#checker.getDocumentationCommentOfSymbol(symbol).trim();
    if (doc === "" && !this.#tag(symbol, "throws")) this.#undocumented.push(place);
    return paragraphs(doc);
  }

  #tags(symbol, name) {
    return this.#checker
      .getJsDocTagsOfSymbol(symbol)
      .filter((tag) => tag.name === name)
      .map(({ text = "" }) => text.trim());
  }

  #tag(symbol, name) {
    return this.#tags(symbol, name)[0];
  }

  /** A function or method: its forms, what it does, what it takes and throws, an example. */
  #callable(symbol, name, heading) {
    const signatures = this.#signatures(symbol).map((signature) => `${name}${signature}`);
    const parts = [`${heading} \`${name}\``, block(signatures.join("\n")), ...this.#doc(symbol, name)];
    const params = this.#tags(symbol, "param").map((text) => {
      const [param, ...words] = oneLine(text).split(" ");
      return `- \`${param}\`: ${words.join(" ").replace(/^- /, "")}`;
    });
    if (params.length > 0) parts.push(params.join("\n"));
    const [returns] = this.#tags(symbol, "returns");
    if (returns) parts.push(`Returns ${oneLine(returns)}`);
    parts.push(...this.#throws(symbol, name));
    for (const example of this.#tags(symbol, "example")) parts.push(block(example));
    return parts;
  }

  /** `@throws ERROR when …; ERROR when …`, also gathered for the table. */
  #throws(symbol, name) {
    return this.#tags(symbol, "throws").map((text) => {
      for (const [, error, when] of oneLine(text).matchAll(/(\w*Error) (.+?)(?:; (?=\w*Error )|\.?$)/g))
        this.#errors.push([error, name, when]);
      return `Throws ${oneLine(text)}`;
    });
  }

  #signatures(symbol, kind = SignatureKind.Call) {
    const type = this.#checker.getTypeOfSymbol(symbol);
    return this.#checker.getSignaturesOfType(type, kind).map((signature) => {
      const declaration = signature.declaration.resolve();
      const parameters = declaration.parameters.map((parameter) => this.#parameter(parameter));
      const result =
        kind === SignatureKind.Construct
          ? ""
          : `: ${oneLine(declaration.type?.getText() ?? this.#checker.typeToString(this.#checker.getReturnTypeOfSignature(signature)))}`;
      return `(${parameters.join(", ")})${result}`;
    });
  }

  #parameter({ name, type, dotDotDotToken, questionToken, initializer }) {
    const said = name.getText();
    const shown = said.startsWith("{") ? "options" : said;
    const declared = type?.getText() ?? this.#checker.typeToString(this.#checker.getTypeAtLocation(name));
    const optional = questionToken || initializer ? "?" : "";
    return `${dotDotDotToken ? "..." : ""}${shown}${optional}: ${oneLine(declared)}`;
  }

  #initOptions(symbol) {
    const rows = this.#members(symbol).map((member) => {
      const said = this.#tag(member, "setting") ?? member.name;
      if (this.#tag(member, "setting") && !SETTING_NAMES.includes(said))
        throw new Error(`packages/sdk: InitOptions.${member.name} names no setting: ${said}`);
      const setting = SETTING_NAMES.includes(said) ? settingOf(said) : undefined;
      return [
        code(member.name),
        code(this.#typeOf(member)),
        this.#tag(member, "default") ?? (setting ? this.#defaultOf(setting) : "–"),
        code(setting?.variables[0] ?? ""),
        this.#doc(member, `InitOptions.${member.name}`).join("<br>"),
      ];
    });
    return [
      `#### \`${symbol.name}\``,
      ...this.#doc(symbol, symbol.name),
      table(["option", "type", "default", "variable", "meaning"], rows),
    ];
  }

  #variable(symbol) {
    const declaration = symbol.valueDeclaration.resolve();
    const kind = declaration.parent.getText().startsWith("let") ? "let" : "const";
    // A type of the entry that it does not export is known by this variable alone: its members are told here.
    const type = this.#checker.getTypeOfSymbol(symbol).getSymbol();
    const own = type?.declarations.some(({ path }) => path === symbol.valueDeclaration.path);
    const parts = [`#### \`${symbol.name}\``];
    if (!own) parts.push(block(`${kind} ${symbol.name}: ${this.#typeOf(symbol)}`));
    parts.push(...this.#doc(symbol, symbol.name));
    for (const example of this.#tags(symbol, "example")) parts.push(block(example));
    if (own) parts.push(this.#memberTable(type, symbol.name));
    return parts;
  }

  /** A class or interface: what it is, how it is made, its properties in a table, each method by itself. */
  #type(symbol, heading = "###") {
    const { name } = symbol;
    const parts = [`${heading} \`${name}\``, ...this.#doc(symbol, name)];
    for (const example of this.#tags(symbol, "example")) parts.push(block(example));
    if (!(symbol.flags & SymbolFlags.Class)) return [...parts, this.#memberTable(symbol, name)];
    const made = symbol.getMembers().get("__constructor");
    if (made && this.#tag(made, "internal") === undefined) {
      const forms = this.#signatures(symbol, SignatureKind.Construct).map((form) => `new ${name}${form}`);
      parts.push(
        block(forms.join("\n")),
        ...this.#doc(made, `new ${name}`),
        ...this.#throws(made, `new ${name}`),
      );
    }
    const members = this.#members(symbol);
    const methods = members.filter(({ flags }) => flags & SymbolFlags.Method);
    const properties = members.filter((member) => !methods.includes(member));
    if (properties.length > 0) parts.push(this.#table(properties, name, ["property", "type", ""]));
    if (name === "Run")
      return [...parts, ...methods.flatMap((member) => this.#callable(member, `run.${member.name}`, "####"))];
    if (methods.length > 0) parts.push(this.#table(methods, name, ["method", "type", ""]));
    return parts;
  }

  #memberTable(symbol, place) {
    return this.#table(this.#members(symbol), place, ["member", "type", ""]);
  }

  #table(members, place, head) {
    const rows = members.map((member) => {
      const text = this.#doc(member, `${place}.${member.name}`);
      const standard = this.#tag(member, "default");
      if (standard) text.push(`Default: ${standard}.`);
      const throws = this.#throws(member, `${place}.${member.name}`);
      return [
        code(member.name),
        code(this.#typeOf(member)),
        [...text, ...throws].filter(Boolean).join("<br>"),
      ];
    });
    return table(head, rows);
  }

  #members(symbol) {
    return this.#checker
      .getPropertiesOfType(this.#checker.getDeclaredTypeOfSymbol(symbol))
      .filter((member) => !member.name.startsWith("__#") && this.#tag(member, "internal") === undefined);
  }

  /** As it is written where it is written, else as the compiler says it. */
  #typeOf(symbol) {
    const declaration = symbol.declarations[0]?.resolve();
    if (symbol.flags & SymbolFlags.Method) return this.#signatures(symbol).join(", ");
    return oneLine(
      declaration?.type?.getText() ?? this.#checker.typeToString(this.#checker.getTypeOfSymbol(symbol)),
    );
  }

  #alias(symbol) {
    const declaration = oneLine(
      symbol.declarations[0]
        .resolve()
        .getText()
        .replace(/^export /, ""),
    );
    return [`#### \`${symbol.name}\``, block(declaration), ...this.#doc(symbol, symbol.name)];
  }

  #isError(symbol) {
    return symbol.name.endsWith("Error");
  }

  #errorTable(classes) {
    const own = classes.map((symbol) => {
      const members = this.#members(symbol).filter(({ name }) => symbol.getMembers().has(name));
      const parts = members.map(
        (member) => `\`${member.name}\`: ${this.#doc(member, member.name).join(" ")}`,
      );
      return `\`${symbol.name}\`: ${[...this.#doc(symbol, symbol.name), ...parts].join(" ")}`;
    });
    return [
      "### Errors",
      "Messages say what to do next. Whatever happens after `init` (server away, disk full) is printed and never thrown into the program.",
      table(
        ["error", "thrown by", "when"],
        this.#errors.map(([error, name, when]) => [code(error), code(name), when.replace(/^when /, "")]),
      ),
      ...own,
    ];
  }
}
