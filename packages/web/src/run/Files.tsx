import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useLocation } from "wouter";
import { addressOf, useAddress } from "../address/query-state.ts";
import { graphql, request } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { EmptyState, ErrorState, RelativeTime, Skeleton } from "../ui/controls.tsx";
import { bytes } from "../ui/format.ts";
import type { RunAddress } from "./Run.tsx";

interface RunFile {
  id: string;
  name: string;
  directUrl: string;
  sizeBytes: number;
  mimetype: string | null;
  updatedAt: string;
}

const MAX_TEXT_BYTES = 2_000_000;
const MAX_CSV_ROWS = 1000;

/** Folders and files of a run, a preview beside them; the folder is in the path, the file in the query. */
export default function Files({ entity, project, run, path }: RunAddress & { path: string[] }) {
  const [, navigate] = useLocation();
  const address = useAddress();
  const files = useQuery({
    queryKey: ["files", entity, project, run],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ project: { run: { files: { edges: { node: RunFile }[] } } } }>(
          `query Files($entity: String, $project: String, $run: String!) {
            project(name: $project, entityName: $entity) {
              run(name: $run) { files(first: 10000) { edges { node { id name directUrl sizeBytes mimetype updatedAt } } } }
            }
          }`,
          { entity, project, run },
          signal,
        )
      ).project.run.files.edges.map(({ node }) => node),
  });
  const prefix = path.length > 0 ? `${path.join("/")}/` : "";
  const { folders, here } = useMemo(() => {
    const inside = (files.data ?? []).filter(({ name }) => name.startsWith(prefix));
    const names = new Set<string>();
    const direct: RunFile[] = [];
    for (const file of inside) {
      const rest = file.name.slice(prefix.length);
      if (rest.includes("/")) names.add(rest.slice(0, rest.indexOf("/")));
      else direct.push(file);
    }
    return { folders: [...names].sort(), here: direct.sort((a, b) => a.name.localeCompare(b.name)) };
  }, [files.data, prefix]);

  if (files.isPending) return <Skeleton lines={8} />;
  if (files.error) return <ErrorState error={files.error} retry={() => files.refetch()} />;
  if (files.data.length === 0) return <EmptyState title={t("files.none")} />;
  const open = (parts: string[]) =>
    navigate(
      `${addressOf.run(entity, project, run, "files")}${parts.map((part) => `/${encodeURIComponent(part)}`).join("")}`,
    );
  const chosen =
    files.data.find(({ name }) => name === address.get("file")) ??
    files.data.find(({ name }) => name === path.join("/"));
  return (
    <div className="files">
      <nav className="list" aria-label={t("run.files")}>
        {path.length > 0 && (
          <button type="button" className="file" onClick={() => open(path.slice(0, -1))}>
            <span aria-hidden="true">←</span>
            <span className="muted">{prefix}</span>
          </button>
        )}
        {folders.map((folder) => (
          <button key={folder} type="button" className="file" onClick={() => open([...path, folder])}>
            <span aria-hidden="true">▸</span>
            {folder}/
          </button>
        ))}
        {here.map((file) => (
          <button
            key={file.id}
            type="button"
            className="file"
            aria-current={file === chosen}
            onClick={() => address.set({ file: file.name })}
          >
            <span />
            <span style={{ overflowWrap: "anywhere" }}>{file.name.slice(prefix.length)}</span>
            <span className="muted mono">{bytes(file.sizeBytes)}</span>
          </button>
        ))}
      </nav>
      <section className="preview" aria-label={t("files.preview")}>
        {chosen ? <Preview key={chosen.id} file={chosen} /> : <p className="muted">{t("files.preview")}</p>}
      </section>
    </div>
  );
}

function Preview({ file }: { file: RunFile }) {
  const type = file.mimetype ?? "application/octet-stream";
  const kind = type.startsWith("image/")
    ? "image"
    : type.startsWith("audio/")
      ? "audio"
      : type.startsWith("video/")
        ? "video"
        : type === "text/html"
          ? "html"
          : "content";
  return (
    <>
      <div className="switch-row" style={{ marginBottom: 10 }}>
        <strong style={{ overflowWrap: "anywhere" }}>{file.name}</strong>
        <span className="muted">
          {bytes(file.sizeBytes)} · <RelativeTime iso={file.updatedAt} />
        </span>
        <span className="grow" />
        <a className="button" href={`${file.directUrl}?download`}>
          {t("common.download")}
        </a>
      </div>
      {kind === "image" && <img src={file.directUrl} alt={file.name} />}
      {kind === "audio" && (
        // biome-ignore lint/a11y/useMediaCaption: a logged sound has no captions
        <audio controls src={file.directUrl} />
      )}
      {kind === "video" && (
        // biome-ignore lint/a11y/useMediaCaption: a logged video has no captions
        <video controls src={file.directUrl} />
      )}
      {kind === "html" && <iframe title={file.name} sandbox="" src={file.directUrl} />}
      {kind === "content" && <Content file={file} type={type} />}
    </>
  );
}

/** Text as text, JSON indented, CSV as a table; what is neither, in hexadecimal. */
function Content({ file, type }: { file: RunFile; type: string }) {
  const content = useQuery({
    queryKey: ["file-content", file.id, file.updatedAt],
    enabled: file.sizeBytes <= MAX_TEXT_BYTES,
    queryFn: async ({ signal }) =>
      new Uint8Array(await (await request(file.directUrl, { signal })).arrayBuffer()),
  });
  if (file.sizeBytes > MAX_TEXT_BYTES)
    return <p className="muted">{t("files.tooLarge", { size: bytes(file.sizeBytes) })}</p>;
  if (content.isPending) return <Skeleton />;
  if (content.error) return <ErrorState error={content.error} retry={() => content.refetch()} />;
  const data = content.data;
  if (data.subarray(0, 4096).includes(0)) {
    return (
      <>
        <p className="muted">{t("files.binary")}</p>
        <pre>{hex(data.subarray(0, 256))}</pre>
      </>
    );
  }
  const text = new TextDecoder().decode(data);
  if (type === "text/csv" || type === "text/tab-separated-values") {
    return (
      <table>
        <tbody>
          {csvRows(text, type === "text/csv" ? "," : "\t", MAX_CSV_ROWS).map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file have no other name
            <tr key={at}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: nor have its cells
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    );
  }
  return <pre>{type === "application/json" ? pretty(text) : text}</pre>;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function hex(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const part = [...data.subarray(at, at + 16)];
    const codes = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    lines.push(
      `${at.toString(16).padStart(4, "0")}  ${codes.padEnd(48)} ${part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("")}`,
    );
  }
  return lines.join("\n");
}

/** RFC 4180, as far as a preview needs it. */
function csvRows(text: string, separator: string, limit: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < limit; at++) {
    const character = text[at] as string;
    if (quoted) {
      if (character === '"' && text[at + 1] === '"') {
        cell += '"';
        at++;
      } else if (character === '"') quoted = false;
      else cell += character;
    } else if (character === '"' && cell === "") quoted = true;
    else if (character === separator) {
      row.push(cell);
      cell = "";
    } else if (character === "\n") {
      rows.push([...row, cell.replace(/\r$/, "")]);
      row = [];
      cell = "";
    } else cell += character;
  }
  if (cell !== "" || row.length > 0) rows.push([...row, cell]);
  return rows;
}
