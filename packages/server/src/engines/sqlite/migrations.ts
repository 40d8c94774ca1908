/**
 * Append-only: a migration that was released is never edited; the next change is a new entry. Each runs in one
 * transaction; `PRAGMA user_version` holds how many have run.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE organizations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) STRICT;
  CREATE TABLE entities (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, kind TEXT NOT NULL,
    organization_id INTEGER REFERENCES organizations(id) ON DELETE SET NULL, created_at INTEGER NOT NULL) STRICT;
  CREATE TABLE users (
    id INTEGER PRIMARY KEY, entity_id INTEGER NOT NULL REFERENCES entities(id), username TEXT NOT NULL UNIQUE COLLATE NOCASE,
    email TEXT UNIQUE COLLATE NOCASE, display_name TEXT, password_hash TEXT, admin INTEGER NOT NULL, kind TEXT NOT NULL,
    created_at INTEGER NOT NULL, deleted_at INTEGER) STRICT;
  CREATE TABLE members (
    entity_id INTEGER NOT NULL REFERENCES entities(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    role TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (entity_id, user_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX members_user ON members(user_id);
  CREATE TABLE organization_members (
    organization_id INTEGER NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    role TEXT NOT NULL, PRIMARY KEY (organization_id, user_id)) STRICT, WITHOUT ROWID;
  CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, hash TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL, description TEXT, created_at INTEGER NOT NULL, last_used_at INTEGER) STRICT;
  CREATE INDEX api_keys_user ON api_keys(user_id);
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT;
  CREATE TABLE sign_in_links (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, hash TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL, used_at INTEGER) STRICT;
  CREATE TABLE projects (
    id INTEGER PRIMARY KEY, entity_id INTEGER NOT NULL REFERENCES entities(id), name TEXT NOT NULL, description TEXT,
    access TEXT NOT NULL, views TEXT, repo TEXT, docker_image TEXT, user_id INTEGER NOT NULL REFERENCES users(id),
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER, UNIQUE (entity_id, name)) STRICT;
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects(id), name TEXT NOT NULL,
    display_name TEXT NOT NULL, state TEXT NOT NULL, user_id INTEGER NOT NULL REFERENCES users(id),
    group_name TEXT, job_type TEXT, notes TEXT, description TEXT, host TEXT, program TEXT, repo TEXT, git_commit TEXT,
    sweep_name TEXT, config TEXT NOT NULL, summary TEXT NOT NULL, system_metrics TEXT NOT NULL, fork_of TEXT,
    stop_requested INTEGER NOT NULL, exit_code INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL, finished_at INTEGER, deleted_at INTEGER, UNIQUE (project_id, name)) STRICT;
  CREATE INDEX runs_created ON runs(project_id, created_at, id);
  CREATE INDEX runs_state ON runs(state, heartbeat_at);
  CREATE TABLE run_cells (
    project_id INTEGER NOT NULL, path TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    num REAL, txt TEXT, PRIMARY KEY (run_id, path)) STRICT, WITHOUT ROWID;
  CREATE INDEX run_cells_num ON run_cells(project_id, path, num, run_id) WHERE num IS NOT NULL;
  CREATE INDEX run_cells_txt ON run_cells(project_id, path, txt, run_id) WHERE txt IS NOT NULL;
  CREATE TABLE run_tags (
    project_id INTEGER NOT NULL, tag TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    PRIMARY KEY (run_id, tag)) STRICT, WITHOUT ROWID;
  CREATE INDEX run_tags_tag ON run_tags(project_id, tag, run_id);
  CREATE TABLE run_files (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, name TEXT NOT NULL,
    blob_key TEXT, size_bytes INTEGER NOT NULL, md5 TEXT, mimetype TEXT, created_at INTEGER NOT NULL,
    uploaded_at INTEGER, deleted_at INTEGER, UNIQUE (run_id, name)) STRICT;
  CREATE TABLE alerts (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE, title TEXT NOT NULL,
    text TEXT NOT NULL, severity TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
  CREATE INDEX alerts_run ON alerts(run_id, created_at);
  CREATE TABLE views (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects(id), user_id INTEGER NOT NULL REFERENCES users(id),
    type TEXT NOT NULL, name TEXT NOT NULL, display_name TEXT, description TEXT, spec TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
  CREATE INDEX views_project ON views(project_id, type, name);
  CREATE TABLE custom_charts (
    id INTEGER PRIMARY KEY, entity_id INTEGER NOT NULL REFERENCES entities(id), name TEXT NOT NULL, display_name TEXT NOT NULL,
    type TEXT NOT NULL, access TEXT NOT NULL, spec TEXT NOT NULL, UNIQUE (entity_id, name)) STRICT;
  CREATE TABLE artifact_types (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects(id), name TEXT NOT NULL, description TEXT,
    created_at INTEGER NOT NULL, UNIQUE (project_id, name)) STRICT;
  CREATE TABLE artifact_collections (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects(id),
    type_id INTEGER NOT NULL REFERENCES artifact_types(id), name TEXT NOT NULL, kind TEXT NOT NULL, description TEXT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (project_id, name)) STRICT;
  CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY, collection_id INTEGER NOT NULL REFERENCES artifact_collections(id), version_index INTEGER,
    state TEXT NOT NULL, digest TEXT NOT NULL, client_id TEXT UNIQUE, sequence_client_id TEXT, description TEXT,
    metadata TEXT, size_bytes INTEGER NOT NULL, file_count INTEGER NOT NULL, created_by_run_id INTEGER,
    created_by_user_id INTEGER NOT NULL, pending_aliases TEXT, history_step INTEGER, ttl_seconds INTEGER,
    created_at INTEGER NOT NULL, committed_at INTEGER) STRICT;
  CREATE INDEX artifacts_collection ON artifacts(collection_id, version_index);
  CREATE INDEX artifacts_digest ON artifacts(collection_id, digest);
  CREATE INDEX artifacts_run ON artifacts(created_by_run_id);
  CREATE TABLE artifact_aliases (
    collection_id INTEGER NOT NULL REFERENCES artifact_collections(id) ON DELETE CASCADE, alias TEXT NOT NULL,
    artifact_id INTEGER NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE, PRIMARY KEY (collection_id, alias)) STRICT, WITHOUT ROWID;
  CREATE TABLE artifact_manifests (
    id INTEGER PRIMARY KEY, artifact_id INTEGER NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE, name TEXT NOT NULL,
    digest TEXT NOT NULL, type TEXT NOT NULL, base_artifact_id INTEGER, blob_key TEXT, created_at INTEGER NOT NULL) STRICT;
  CREATE TABLE artifact_files (
    id INTEGER PRIMARY KEY, artifact_id INTEGER NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE, name TEXT NOT NULL,
    md5 TEXT NOT NULL, size_bytes INTEGER NOT NULL, blob_key TEXT, storage_path TEXT, birth_artifact_id INTEGER,
    created_at INTEGER NOT NULL, uploaded_at INTEGER, UNIQUE (artifact_id, name)) STRICT;
  CREATE TABLE artifact_uses (
    artifact_id INTEGER NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE, run_id INTEGER NOT NULL,
    used_as TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (artifact_id, run_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX artifact_uses_run ON artifact_uses(run_id);
  CREATE TABLE server_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE artifacts ADD COLUMN distributed_id TEXT;
  ALTER TABLE artifacts ADD COLUMN replaced_by INTEGER;
  ALTER TABLE artifacts ADD COLUMN updated_at INTEGER;
  ALTER TABLE artifact_files ADD COLUMN ref TEXT;
  CREATE INDEX artifact_files_md5 ON artifact_files(md5);
  CREATE INDEX artifact_files_blob ON artifact_files(blob_key);
  CREATE INDEX artifact_manifests_artifact ON artifact_manifests(artifact_id);
  CREATE TABLE artifact_client_ids (
    client_id TEXT PRIMARY KEY, artifact_id INTEGER REFERENCES artifacts(id) ON DELETE CASCADE,
    collection_id INTEGER REFERENCES artifact_collections(id) ON DELETE CASCADE) STRICT, WITHOUT ROWID;
  CREATE TABLE artifact_outputs (
    artifact_id INTEGER NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE, run_id INTEGER NOT NULL,
    PRIMARY KEY (artifact_id, run_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX artifact_outputs_run ON artifact_outputs(run_id);
  CREATE TABLE artifact_tags (
    artifact_id INTEGER NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE, tag TEXT NOT NULL,
    PRIMARY KEY (artifact_id, tag)) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE former_project_names (
    entity_id INTEGER NOT NULL REFERENCES entities(id) ON DELETE CASCADE, name TEXT NOT NULL,
    project_id INTEGER NOT NULL REFERENCES projects(id) ON DELETE CASCADE, PRIMARY KEY (entity_id, name)) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE projects ADD COLUMN runs_made INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN color_index INTEGER NOT NULL DEFAULT 0;
  UPDATE runs SET color_index = made.before FROM (
    SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY created_at, id) - 1 AS before FROM runs) AS made
    WHERE made.id = runs.id;
  UPDATE projects SET runs_made = made.runs FROM (
    SELECT project_id, count(*) AS runs FROM runs GROUP BY project_id) AS made WHERE made.project_id = projects.id;
  `,
  `
  CREATE TABLE claimed_runs (
    run_id INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE) STRICT;
  CREATE INDEX claimed_runs_user ON claimed_runs(user_id);
  `,
  `
  ALTER TABLE runs ADD COLUMN deleted_by INTEGER REFERENCES users(id) ON DELETE SET NULL;
  `,
  `
  CREATE INDEX run_cells_none ON run_cells(project_id, path, run_id) WHERE num IS NULL AND txt IS NULL;
  `,
  `
  CREATE TABLE history_exports (
    project_id INTEGER NOT NULL REFERENCES projects(id) ON DELETE CASCADE, name TEXT NOT NULL, run_id INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL, lines INTEGER NOT NULL, PRIMARY KEY (project_id, name)) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE INDEX runs_deleted ON runs(project_id, id) WHERE deleted_at IS NOT NULL;
  `,
];

export interface Migration {
  /** From 1. */
  number: number;
  /** What it does to the schema, a statement each: `ALTER TABLE artifacts`. */
  changes: string[];
}

/** Those that a catalog lacks in which `done` have run. */
export function migrationsAfter(done: number): Migration[] {
  return MIGRATIONS.slice(done).map((sql, at) => ({
    number: done + at + 1,
    changes: Array.from(
      sql.matchAll(
        /^\s*((?:CREATE (?:UNIQUE )?(?:TABLE|INDEX|VIEW|TRIGGER)|ALTER TABLE|DROP \w+|UPDATE|DELETE FROM|INSERT INTO) [\w.]+)/gm,
      ),
      ([, change = ""]) => change,
    ),
  }));
}
