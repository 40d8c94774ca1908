import { ProtoReader } from "./proto-reader.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** By their numbers in a record. */
const POLICIES = ["now", "end", "live"] as const;
const TYPES = ["other", "wandb", "media", "artifact"] as const;

/** When a file is uploaded: once and at once; at the end of the run; at once, whenever it changes, and at the end. */
export type FilePolicy = (typeof POLICIES)[number];

/** A file of a run, as `FilesRecord` of the official client has it. */
export interface FileItem {
  /** Below the run's `files/`, with `/`. */
  path: string;
  policy: FilePolicy;
  /** `other` are the user's; `wandb` the client's own. */
  type: (typeof TYPES)[number];
}

export function filesBody(files: readonly FileItem[]): Uint8Array {
  const body = new ProtoWriter();
  const item = new ProtoWriter();
  for (const { path, policy, type } of files)
    body.message(1, item.string(1, path).int(2, POLICIES.indexOf(policy)).int(3, TYPES.indexOf(type)).take());
  return body.take();
}

/** Throws RangeError when the bytes are no `FilesRecord`. */
export function readFilesBody(bytes: Uint8Array): FileItem[] {
  const reader = new ProtoReader(bytes);
  const files: FileItem[] = [];
  while (reader.next()) {
    if (reader.field === 1) files.push(readItem(reader.bytes()));
    else reader.skip();
  }
  return files;
}

function readItem(bytes: Uint8Array): FileItem {
  const reader = new ProtoReader(bytes);
  const file: FileItem = { path: "", policy: "now", type: "other" };
  while (reader.next()) {
    if (reader.field === 1) file.path = reader.text();
    else if (reader.field === 2) file.policy = POLICIES[reader.int()] ?? "now";
    else if (reader.field === 3) file.type = TYPES[reader.int()] ?? "other";
    else reader.skip();
  }
  return file;
}
