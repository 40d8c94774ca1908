"""Print every GraphQL document of the official client installed beside this interpreter, as JSON [[where, text], …].

Documents are string constants of the Python files (plain, formatted or with placeholders) and text inside the Go binary.
What is put into a document while the client runs is filled in from FILL, or left out.
"""
import ast
import json
import re
import sysconfig
from pathlib import Path

PACKAGE = Path(sysconfig.get_paths()["purelib"]) / "wandb"
DOCUMENT = re.compile(r"\s*(#.*\n\s*)*(query|mutation|subscription|fragment)\b")
KEYWORD = re.compile(r"\b(query|mutation|subscription|fragment)\b")
GO_DOCUMENT = re.compile(rb"(query|mutation) [A-Z]\w+ ?(\([^\x00]{0,4000}?\))? ?\{\n")

# What the client puts in place of its own placeholders once it has seen what the server offers.
FILL = {
    "_CLI_QUERY_": "serverInfo { cliVersionInfo }",
    "_LOCAL_QUERY_": "serverInfo { latestLocalVersionInfo { outOfDate latestVersionString versionOnThisInstanceString } }",
    "_Server_Settings_": "serverSettings { serverMessages { utfText plainText htmlText messageType messageLevel } }",
    "_PROJECT_QUERY_": "project { id name entity { id name } }",
    "_MULTIPART_UPLOAD_FIELDS_": "storagePath uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }",
    "_USED_AS_TYPE_": "$usedAs: String",
    "_USED_AS_VALUE_": "usedAs: $usedAs",
    "_TTL_DURATION_SECONDS_TYPE_": "$ttlDurationSeconds: Int64",
    "_TTL_DURATION_SECONDS_VALUE_": "ttlDurationSeconds: $ttlDurationSeconds",
    "_TTL_DURATION_SECONDS_FIELDS_": "ttlDurationSeconds ttlIsInherited",
    "_TAGS_TO_ADD_TYPE_": "$tagsToAdd: [TagInput!]",
    "_TAGS_TO_ADD_VALUE_": "tagsToAdd: $tagsToAdd",
    "_TAGS_TO_DELETE_TYPE_": "$tagsToDelete: [TagInput!]",
    "_TAGS_TO_DELETE_VALUE_": "tagsToDelete: $tagsToDelete",
    "_CREATE_ARTIFACT_ADDITIONAL_TYPE_": "",
    "_CREATE_ARTIFACT_ADDITIONAL_VALUE_": "",
    "ID_TYPE": "$artifactID: ID",
    "ID_VALUE": "artifactID: $artifactID",
    "%s(samples": "history(samples",
    "{}(samples": "history(samples",
    "%s(after": "artifactCollections(after",
    "%s(name": "artifactCollection(name",
    "{}(after": "artifactCollections(after",
    "{}(name": "artifactCollection(name",
}

# Variables that formatted strings name.
FORMATTED = {
    "fragment_name": "RunFragment",
    "vars_str": "$entityName: String!, $projectName: String!, $name: String!, $enableTracking: Boolean",
    "args_str": "name: $name, enableTracking: $enableTracking",
}


def filled(text):
    for placeholder, value in FILL.items():
        text = text.replace(placeholder, value)
    if "{{" in text:  # made for str.format
        text = re.sub(r"(?<!\{)\{\w*\}(?!\})", "", text).replace("{{", "{").replace("}}", "}")
    # What remains of %-formatting is a fragment appended after the document.
    return text.replace("%s", "")


def constants(path):
    try:
        text = path.read_text()
        # Few files have one, and a tree is dear.
        if not KEYWORD.search(text):
            return
        tree = ast.parse(text)
    except (SyntaxError, UnicodeDecodeError):
        return
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(map(id, node.values))
            yield "".join(
                value.value if isinstance(value, ast.Constant) else FORMATTED.get(ast.unparse(value.value), "")
                for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def python_documents():
    for path in sorted(PACKAGE.rglob("*.py")):
        if "vendor" in path.relative_to(PACKAGE).parts:
            continue
        for text in constants(path):
            if DOCUMENT.match(text) and "{" in text:
                yield str(path.relative_to(PACKAGE)), filled(text)


def end_of_document(data, start):
    """Behind the last brace; fragments that follow belong to it."""
    depth, opened, at = 0, False, start
    while at < len(data) and data[at] != 0:
        if data[at] == ord("{"):
            depth, opened = depth + 1, True
        elif data[at] == ord("}"):
            depth -= 1
            if opened and depth == 0:
                more = re.compile(rb"\s*fragment ").match(data, at + 1)
                if not more:
                    return at + 1
                at, opened = more.end() - 1, False
        at += 1
    return start


def go_documents():
    binary = PACKAGE / "bin" / "wandb-core"
    if not binary.exists():
        return
    data = binary.read_bytes()
    for found in GO_DOCUMENT.finditer(data):
        text = data[found.start() : end_of_document(data, found.start())]
        if text:
            yield "bin/wandb-core", text.decode(errors="replace")


print(json.dumps([*python_documents(), *go_documents()]))
