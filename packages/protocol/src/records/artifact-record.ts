import { ProtoReader } from "./proto-reader.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** A value of a record as JSON text under its key. */
export type KeyedJson = readonly [key: string, valueJson: string];

/** One file of an artifact, or a reference to something elsewhere. */
export interface ArtifactEntry {
  /** Within the artifact, with `/`. */
  path: string;
  /** base64 MD5 of the content; of a reference, whatever its store says. */
  digest: string;
  /** Address of what is referred to; "" for a file. */
  ref: string;
  sizeBytes: number;
  mimetype: string;
  /** Where the content lies on the machine that wrote the log; "" for what need not be uploaded. */
  localPath: string;
  /** Artifact the content came with first, when it is of another. */
  birthArtifactId: string;
  skipCache: boolean;
  extra: readonly KeyedJson[];
}

/** An artifact as a log has it: `ArtifactRecord` of the official client. */
export interface ArtifactFields {
  runId: string;
  project: string;
  entity: string;
  type: string;
  name: string;
  /** Hex MD5 of the manifest's logical text. */
  digest: string;
  description: string;
  /** JSON text of an object; "" when there is none. */
  metadata: string;
  /** It belongs to no run: made by the user, not logged. */
  userCreated: boolean;
  /** The run is to use it once it is there. */
  useAfterCommit: boolean;
  aliases: readonly string[];
  tags: readonly string[];
  /** Several runs write one version under this id. */
  distributedId: string;
  /** It is complete: false while other runs still add to it. */
  finalize: boolean;
  clientId: string;
  sequenceClientId: string;
  baseId: string;
  /** 0: nothing said. */
  ttlDurationS: number;
  /** The manifest has only what is new beside the base. */
  incremental: boolean;
  storagePolicyConfig: readonly KeyedJson[];
  entries: readonly ArtifactEntry[];
  /** Gzipped JSON lines with the entries, where they are too many for a record; else "". */
  manifestFile: string;
}

const STORAGE_POLICY = "wandb-storage-policy-v1";

/** Body of an `ArtifactRecord`. */
export function artifactBody(artifact: ArtifactFields): Uint8Array {
  const manifest = new ProtoWriter().int(1, 1).string(2, STORAGE_POLICY);
  for (const pair of artifact.storagePolicyConfig) manifest.message(3, keyed(pair));
  for (const entry of artifact.entries) manifest.message(4, entryBody(entry));
  manifest.string(5, artifact.manifestFile);
  const body = new ProtoWriter()
    .string(1, artifact.runId)
    .string(2, artifact.project)
    .string(3, artifact.entity)
    .string(4, artifact.type)
    .string(5, artifact.name)
    .string(6, artifact.digest)
    .string(7, artifact.description)
    .string(8, artifact.metadata)
    .bool(9, artifact.userCreated)
    .bool(10, artifact.useAfterCommit);
  for (const alias of artifact.aliases) body.repeatedString(11, alias);
  body
    .message(12, manifest.take())
    .string(13, artifact.distributedId)
    .bool(14, artifact.finalize)
    .string(15, artifact.clientId)
    .string(16, artifact.sequenceClientId)
    .string(17, artifact.baseId)
    .int(18, artifact.ttlDurationS);
  for (const tag of artifact.tags) body.repeatedString(19, tag);
  return body.bool(100, artifact.incremental).take();
}

function keyed([key, valueJson]: KeyedJson): Uint8Array {
  return new ProtoWriter().string(1, key).string(2, valueJson).take();
}

function entryBody(entry: ArtifactEntry): Uint8Array {
  const body = new ProtoWriter()
    .string(1, entry.path)
    .string(2, entry.digest)
    .string(3, entry.ref)
    .int(4, entry.sizeBytes)
    .string(5, entry.mimetype)
    .string(6, entry.localPath)
    .string(7, entry.birthArtifactId)
    .bool(8, entry.skipCache);
  for (const pair of entry.extra) body.message(16, keyed(pair));
  return body.take();
}

type TextName = {
  [Name in keyof ArtifactFields]: ArtifactFields[Name] extends string ? Name : never;
}[keyof ArtifactFields];
const TEXTS: Record<number, TextName> = {
  1: "runId",
  2: "project",
  3: "entity",
  4: "type",
  5: "name",
  6: "digest",
  7: "description",
  8: "metadata",
  13: "distributedId",
  15: "clientId",
  16: "sequenceClientId",
  17: "baseId",
};
const FLAGS: Record<number, "userCreated" | "useAfterCommit" | "finalize" | "incremental"> = {
  9: "userCreated",
  10: "useAfterCommit",
  14: "finalize",
  100: "incremental",
};

/** Throws RangeError when the bytes are no `ArtifactRecord`. */
export function readArtifactBody(bytes: Uint8Array): ArtifactFields {
  const reader = new ProtoReader(bytes);
  const aliases: string[] = [];
  const tags: string[] = [];
  const artifact: ArtifactFields = {
    runId: "",
    project: "",
    entity: "",
    type: "",
    name: "",
    digest: "",
    description: "",
    metadata: "",
    userCreated: false,
    useAfterCommit: false,
    aliases,
    tags,
    distributedId: "",
    finalize: false,
    clientId: "",
    sequenceClientId: "",
    baseId: "",
    ttlDurationS: 0,
    incremental: false,
    storagePolicyConfig: [],
    entries: [],
    manifestFile: "",
  };
  while (reader.next()) {
    const text = TEXTS[reader.field];
    const flag = FLAGS[reader.field];
    if (text) artifact[text] = reader.text();
    else if (flag) artifact[flag] = reader.int() === 1;
    else if (reader.field === 11) aliases.push(reader.text());
    else if (reader.field === 12) Object.assign(artifact, readManifest(reader.bytes()));
    else if (reader.field === 18) artifact.ttlDurationS = reader.int();
    else if (reader.field === 19) tags.push(reader.text());
    else reader.skip();
  }
  return artifact;
}

function readManifest(
  bytes: Uint8Array,
): Pick<ArtifactFields, "storagePolicyConfig" | "entries" | "manifestFile"> {
  const reader = new ProtoReader(bytes);
  const storagePolicyConfig: KeyedJson[] = [];
  const entries: ArtifactEntry[] = [];
  let manifestFile = "";
  while (reader.next()) {
    if (reader.field === 3) storagePolicyConfig.push(readKeyed(reader.bytes()));
    else if (reader.field === 4) entries.push(readEntry(reader.bytes()));
    else if (reader.field === 5) manifestFile = reader.text();
    else reader.skip();
  }
  return { storagePolicyConfig, entries, manifestFile };
}

function readKeyed(bytes: Uint8Array): KeyedJson {
  const reader = new ProtoReader(bytes);
  let key = "";
  let json = "null";
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) json = reader.text();
    else reader.skip();
  }
  return [key, json];
}

const ENTRY_TEXTS: Record<number, "path" | "digest" | "ref" | "mimetype" | "localPath" | "birthArtifactId"> =
  { 1: "path", 2: "digest", 3: "ref", 5: "mimetype", 6: "localPath", 7: "birthArtifactId" };

function readEntry(bytes: Uint8Array): ArtifactEntry {
  const reader = new ProtoReader(bytes);
  const extra: KeyedJson[] = [];
  const entry: ArtifactEntry = { ...EMPTY_ENTRY, extra };
  while (reader.next()) {
    const text = ENTRY_TEXTS[reader.field];
    if (text) entry[text] = reader.text();
    else if (reader.field === 4) entry.sizeBytes = reader.int();
    else if (reader.field === 8) entry.skipCache = reader.int() === 1;
    else if (reader.field === 16) extra.push(readKeyed(reader.bytes()));
    else reader.skip();
  }
  return entry;
}

/** An entry of which nothing is said yet. */
export const EMPTY_ENTRY: ArtifactEntry = {
  path: "",
  digest: "",
  ref: "",
  sizeBytes: 0,
  mimetype: "",
  localPath: "",
  birthArtifactId: "",
  skipCache: false,
  extra: [],
};
