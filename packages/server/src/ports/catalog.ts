import type { Generated, Kysely, Transaction } from "kysely";

/**
 * The catalog: everything that is not a logged row and not file content. Relational, the same tables on every engine
 * (`engines/sqlite`). Features ask it through Kysely in their `*-store.ts`; nobody else writes SQL.
 *
 * Conventions: times are integers, milliseconds since 1970 UTC; booleans are 0 | 1; JSON is text; `id` is the internal
 * number, `name` the public one. Every migration is append-only (`engines/sqlite/migrations.ts`).
 */
export interface CatalogTables {
  entities: EntitiesTable;
  users: UsersTable;
  members: MembersTable;
  organizations: OrganizationsTable;
  organization_members: OrganizationMembersTable;
  api_keys: ApiKeysTable;
  sessions: SessionsTable;
  sign_in_links: SignInLinksTable;
  projects: ProjectsTable;
  runs: RunsTable;
  run_cells: RunCellsTable;
  run_tags: RunTagsTable;
  run_files: RunFilesTable;
  alerts: AlertsTable;
  views: ViewsTable;
  custom_charts: CustomChartsTable;
  artifact_types: ArtifactTypesTable;
  artifact_collections: ArtifactCollectionsTable;
  artifacts: ArtifactsTable;
  artifact_aliases: ArtifactAliasesTable;
  artifact_manifests: ArtifactManifestsTable;
  artifact_files: ArtifactFilesTable;
  artifact_uses: ArtifactUsesTable;
  artifact_client_ids: ArtifactClientIdsTable;
  artifact_outputs: ArtifactOutputsTable;
  artifact_tags: ArtifactTagsTable;
  former_project_names: FormerProjectNamesTable;
  claimed_runs: ClaimedRunsTable;
  history_exports: HistoryExportsTable;
  server_state: ServerStateTable;
}

/** A namespace: a user's own, or a team's. */
export interface EntitiesTable {
  id: Generated<number>;
  name: string;
  kind: "user" | "team";
  organization_id: number | null;
  created_at: number;
}
/** A person; a program of a team; who has no account yet and only a link. */
export type AccountKind = "user" | "service" | "anonymous";
export interface UsersTable {
  id: Generated<number>;
  /** The user's own entity; its name is the username. */
  entity_id: number;
  username: string;
  email: string | null;
  display_name: string | null;
  /** scrypt: `scrypt$N$r$p$salt$hash` (base64url); null = no password sign-in. */
  password_hash: string | null;
  admin: number;
  kind: AccountKind;
  created_at: number;
  deleted_at: number | null;
}
/** Members of a team (an entity of kind team). */
export interface MembersTable {
  entity_id: number;
  user_id: number;
  role: "admin" | "member" | "viewer";
  created_at: number;
}
export interface OrganizationsTable {
  id: Generated<number>;
  name: string;
  created_at: number;
}
export interface OrganizationMembersTable {
  organization_id: number;
  user_id: number;
  role: "admin" | "member" | "viewer";
}
export interface ApiKeysTable {
  id: Generated<number>;
  user_id: number;
  /** SHA-256, hex. Keys are random and long, so a slow hash would only slow the wire. */
  hash: string;
  /** First 6 characters, to recognise it in lists. */
  prefix: string;
  description: string | null;
  created_at: number;
  last_used_at: number | null;
}
export interface SessionsTable {
  id: Generated<number>;
  user_id: number;
  /** SHA-256 of the cookie's token, hex. */
  hash: string;
  created_at: number;
  expires_at: number;
}
export interface SignInLinksTable {
  id: Generated<number>;
  user_id: number;
  hash: string;
  expires_at: number;
  used_at: number | null;
}
/** Names a project had: where its live clients and old links still look for it. */
export interface FormerProjectNamesTable {
  entity_id: number;
  name: string;
  project_id: number;
}
/** Runs that somebody claimed while their anonymous client was still writing them: it may go on until they end. */
export interface ClaimedRunsTable {
  run_id: number;
  /** The anonymous account. */
  user_id: number;
}
export interface ProjectsTable {
  /** Fits 32 bits: the client parses it as an Int. */
  id: Generated<number>;
  entity_id: number;
  name: string;
  description: string | null;
  /** PRIVATE | ENTITY_WRITE | USER_READ | USER_WRITE, as on the wire. */
  access: string;
  views: string | null;
  repo: string | null;
  docker_image: string | null;
  user_id: number;
  /** Runs ever made in it, deleted ones too: the next one's number. */
  runs_made: Generated<number>;
  created_at: number;
  updated_at: number;
  deleted_at: number | null;
}
export type RunState =
  | "running"
  | "pending"
  | "finished"
  | "failed"
  | "crashed"
  | "killed"
  | "preempting"
  | "preempted";
export interface RunsTable {
  id: Generated<number>;
  project_id: number;
  /** Public id in addresses (`abcd1234`), unique in the project. */
  name: string;
  display_name: string;
  /** How many runs of the project were made before it; the page takes its colour from that. */
  color_index: Generated<number>;
  state: RunState;
  user_id: number;
  /** Entity-wide group, job type and so on, as sent. */
  group_name: string | null;
  job_type: string | null;
  notes: string | null;
  description: string | null;
  host: string | null;
  program: string | null;
  repo: string | null;
  git_commit: string | null;
  sweep_name: string | null;
  /** `{"key": {"value": v}}`, extended JSON as sent. */
  config: string;
  /** Plain object, extended JSON as sent. */
  summary: string;
  /** Last row of system metrics, plain object. */
  system_metrics: string;
  /** Run this one was forked from, `{"run_id", "step"}` as JSON. */
  fork_of: string | null;
  stop_requested: number;
  exit_code: number | null;
  created_at: number;
  updated_at: number;
  heartbeat_at: number;
  finished_at: number | null;
  deleted_at: number | null;
  /** Null for one that is not deleted, or whose deletion is older than this column. */
  deleted_by: number | null;
}
/**
 * Typed cells of config and summary: what filters and sorts of the runs table read. `path` = `config.lr` or
 * `summary.loss` (dotted, nested objects flattened). Numbers in `num` (NaN and ±Infinity are not stored),
 * everything else that is a scalar in `txt`; booleans as txt `true` / `false`. Both null: the key has a value that nothing
 * is compared with (a list, media, NaN).
 */
export interface RunCellsTable {
  project_id: number;
  path: string;
  run_id: number;
  num: number | null;
  txt: string | null;
}
export interface RunTagsTable {
  project_id: number;
  tag: string;
  run_id: number;
}
export interface RunFilesTable {
  id: Generated<number>;
  run_id: number;
  /** Path within the run, `/` between parts; parsed and checked before it comes here. */
  name: string;
  blob_key: string | null;
  size_bytes: number;
  md5: string | null;
  mimetype: string | null;
  created_at: number;
  /** null = asked for, not uploaded yet. */
  uploaded_at: number | null;
  deleted_at: number | null;
}
export interface AlertsTable {
  id: Generated<number>;
  run_id: number;
  title: string;
  text: string;
  severity: "INFO" | "WARN" | "ERROR";
  created_at: number;
}
export interface ViewsTable {
  id: Generated<number>;
  project_id: number;
  user_id: number;
  /** `runs` (report), `runs/draft`, `project-view` (workspace). */
  type: string;
  name: string;
  display_name: string | null;
  description: string | null;
  spec: string;
  created_at: number;
  updated_at: number;
}
export interface CustomChartsTable {
  id: Generated<number>;
  entity_id: number;
  name: string;
  display_name: string;
  type: string;
  access: string;
  spec: string;
}
export interface ArtifactTypesTable {
  id: Generated<number>;
  project_id: number;
  name: string;
  description: string | null;
  created_at: number;
}
/** A sequence (or portfolio) of versions. */
export interface ArtifactCollectionsTable {
  id: Generated<number>;
  project_id: number;
  type_id: number;
  name: string;
  kind: "sequence" | "portfolio";
  description: string | null;
  created_at: number;
  updated_at: number;
}
export interface ArtifactsTable {
  id: Generated<number>;
  collection_id: number;
  /** null until committed. */
  version_index: number | null;
  state: "PENDING" | "COMMITTED" | "DELETED";
  digest: string;
  client_id: string | null;
  sequence_client_id: string | null;
  description: string | null;
  metadata: string | null;
  size_bytes: number;
  file_count: number;
  created_by_run_id: number | null;
  created_by_user_id: number;
  /** JSON list of aliases asked for at creation, applied at commit. */
  pending_aliases: string | null;
  history_step: number | null;
  ttl_seconds: number | null;
  created_at: number;
  committed_at: number | null;
  /** Several runs add to one pending version under this id. */
  distributed_id: string | null;
  /** The version that had the same content when this one was committed; this one is DELETED then. */
  replaced_by: number | null;
  updated_at: number | null;
}
export interface ArtifactAliasesTable {
  collection_id: number;
  alias: string;
  artifact_id: number;
}
export interface ArtifactManifestsTable {
  id: Generated<number>;
  artifact_id: number;
  name: string;
  digest: string;
  type: string;
  base_artifact_id: number | null;
  blob_key: string | null;
  created_at: number;
}
export interface ArtifactFilesTable {
  id: Generated<number>;
  artifact_id: number;
  name: string;
  /** md5, base64. */
  md5: string;
  size_bytes: number;
  blob_key: string | null;
  storage_path: string | null;
  birth_artifact_id: number | null;
  created_at: number;
  uploaded_at: number | null;
  /** Where a reference points; null = content of ours. A reference's `md5` is whatever digest it came with. */
  ref: string | null;
}
export interface ArtifactUsesTable {
  artifact_id: number;
  run_id: number;
  used_as: string | null;
  created_at: number;
}
/**
 * What the clients' own ids mean, for ever: rows of history hold them. One names a version (`artifact_id`) or a sequence
 * (`collection_id`).
 */
export interface ArtifactClientIdsTable {
  client_id: string;
  artifact_id: number | null;
  collection_id: number | null;
}
/** Runs that logged a version; more than one where several logged the same content. */
export interface ArtifactOutputsTable {
  artifact_id: number;
  run_id: number;
}
export interface ArtifactTagsTable {
  artifact_id: number;
  tag: string;
}
/** Small facts of this server: secrets for signed links, format versions. */
export interface ServerStateTable {
  key: string;
  value: string;
}

export type CatalogReader = Kysely<CatalogTables>;
export type CatalogTransaction = Transaction<CatalogTables>;

export interface Catalog {
  /**
   * For reads, and for single-statement writes that are rare: each waits for the disk by itself, and everybody with it, where
   * those of `write` share one sync.
   */
  readonly db: CatalogReader;
  /**
   * Run `work` in one durable transaction; writers queue. Keep it short and free of other I/O. Nested calls are an error:
   * pass the transaction down instead.
   */
  write<T>(work: (tx: CatalogTransaction) => Promise<T>): Promise<T>;
  /** Where the engine keeps large projects' columns in memory. Answers as SQL over the same tables would. */
  readonly runColumns?: RunColumns;
  stats(): Promise<{ bytes: number }>;
  close(): Promise<void>;
}

/** A list of runs as `query/` parses it: filter, order and cursor in their texts. */
export interface RunColumnsQuestion {
  project: number;
  filters: string | null;
  order: string | null;
  after: string | null;
  offset: number;
  /** 0: only the total. */
  limit: number;
}

/** A run of a list, and what it was ordered by. */
export interface RunHit {
  id: number;
  num: number | null;
  txt: string | null;
  created_at: number;
}

export interface RunColumnsAnswer {
  hits: RunHit[];
  /** Runs that the filter lets through. */
  total: number;
}

export interface RunColumns {
  /** Throws what parsing throws: invalid-filter, bad-request. Filters on artifacts are not for it. */
  find(question: RunColumnsQuestion): Promise<RunColumnsAnswer>;
  close(): Promise<void>;
}

/**
 * Runs whose history was given out as a file. Clients keep it by the run's name and never look again, so that it may be
 * given out as it was, or not at all.
 */
export interface HistoryExportsTable {
  project_id: number;
  /** Public id of the run. */
  name: string;
  /** What the run was then. */
  run_id: number;
  heartbeat_at: number;
  lines: number;
}
