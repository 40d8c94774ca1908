/** What the SDK and the command line ask of a server, of ours or of any that speaks the wire. Checked against the schema in a test. */
export const UPSERT_RUN = `mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String, $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String, $program: String, $repo: String, $jobType: String, $sweep: String, $tags: [String!], $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity, groupName: $groupName, displayName: $displayName, notes: $notes, commit: $commit, config: $config, host: $host, jobProgram: $program, jobRepo: $repo, jobType: $jobType, sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics}) {
    bucket { id name displayName config historyLineCount project { id name entity { id name } } }
    inserted
  }
}`;

export const RUN_RESUME_STATUS = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id
    bucket(name: $name, missingOk: true) {
      id name summaryMetrics displayName logLineCount historyLineCount eventsLineCount historyTail eventsTail config tags notes
    }
  }
}`;

/** Rows from `minStep` up to, not including, `maxStep`. */
export const RUN_HISTORY = `query RunHistory($project: String, $entity: String, $runId: String!, $minStep: Int64, $maxStep: Int64) {
  project(name: $project, entityName: $entity) { run(name: $runId) { history(minStep: $minStep, maxStep: $maxStep, samples: 1000) } }
}`;

export const CREATE_RUN_FILES = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}`;

/** A new anonymous account; `name` is its key. Servers that make none refuse. */
export const CREATE_ANONYMOUS_KEY = `mutation CreateAnonymousApiKey { createAnonymousEntity(input: {}) { apiKey { name } } }`;

export const REWIND_RUN = `mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, $metricValue: Float!) {
  rewindRun(input: {runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName, metricValue: $metricValue}) {
    rewoundRun { id name historyLineCount }
  }
}`;

export const NOTIFY_ALERT = `mutation NotifyScriptableRunAlert($entity: String!, $project: String!, $run: String!, $title: String!, $text: String!, $severity: AlertSeverity, $waitDuration: Duration) {
  notifyScriptableRunAlert(input: {entityName: $entity, projectName: $project, runName: $run, title: $title, text: $text, severity: $severity, waitDuration: $waitDuration}) { success }
}`;

/** Settings that an account has at the server: JSON text, `code_saving_enabled` among them. */
export const ACCOUNT_FLAGS = `query AccountFlags { viewer { id flags } }`;

export const CREATE_ARTIFACT = `mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state artifactSequence { latestArtifact { id } } } }
}`;

export const CREATE_ARTIFACT_MANIFEST = `mutation CreateArtifactManifest($artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!, $entityName: String!, $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType, $includeUpload: Boolean!) {
  createArtifactManifest(input: {artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name, digest: $digest, entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType}) {
    artifactManifest { id file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) } }
  }
}`;

export const UPDATE_ARTIFACT_MANIFEST = `mutation UpdateArtifactManifest($artifactManifestID: ID!, $digest: String, $baseArtifactID: ID) {
  updateArtifactManifest(input: {artifactManifestID: $artifactManifestID, digest: $digest, baseArtifactID: $baseArtifactID}) {
    artifactManifest { id file { id uploadUrl uploadHeaders } }
  }
}`;

export const CREATE_ARTIFACT_FILES = `mutation CreateArtifactFiles($artifactFiles: [CreateArtifactFileSpecInput!]!, $storageLayout: ArtifactStorageLayout!) {
  createArtifactFiles(input: {artifactFiles: $artifactFiles, storageLayout: $storageLayout}) {
    files { edges { node { id uploadUrl uploadHeaders artifact { id } } } }
  }
}`;

export const COMMIT_ARTIFACT = `mutation CommitArtifact($artifactID: ID!) {
  commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest } }
}`;

export const ARTIFACT_BY_ID = `query ArtifactById($id: ID!) {
  artifact(id: $id) { versionIndex artifactType { name } artifactSequence { name } }
}`;

export const USE_ARTIFACT = `mutation UseArtifact($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }`;

/** Artifact that a client made under this id of its own. */
export const CLIENT_ID_MAPPING = `query ClientIDMapping($clientID: ID!) { clientIDMapping(clientID: $clientID) { serverID } }`;

export const PROJECTS = `query Projects($entity: String, $cursor: String, $perPage: Int = 50) {
  models(entityName: $entity, after: $cursor, first: $perPage) {
    edges { node { name entityName description createdAt } }
    pageInfo { endCursor hasNextPage }
  }
}`;

export const RUN_NAMES = `query RunNames($project: String!, $entity: String, $first: Int!) {
  project(name: $project, entityName: $entity) {
    runs(first: $first, order: "-created_at") { edges { node { name displayName } } }
  }
}`;

const RUN_FIELDS = `id name displayName state tags group jobType notes host commit sweepName exitcode createdAt heartbeatAt config summaryMetrics historyLineCount eventsLineCount logLineCount user { username }`;

export const RUNS = `query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $order: String, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runCount(filters: $filters)
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node { ${RUN_FIELDS} } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

export const RUN = `query Run($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { ${RUN_FIELDS} } }
}`;

/** Of this server alone: runs that were deleted and can be brought back. */
export const DELETED_RUNS = `query DeletedRuns($project: String!, $entity: String!, $first: Int) {
  project(name: $project, entityName: $entity) { deletedRuns(first: $first) { id name displayName deletedAt createdAt user { username } } }
}`;

export const RUN_LOG_LINES = `query RunLogLines($project: String!, $entity: String!, $name: String!, $first: Int, $after: String, $last: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      state
      logLines(first: $first, after: $after, last: $last) { edges { node { number timestamp level label line } } pageInfo { hasNextPage } }
    }
  }
}`;

export const RUN_FILES = `query RunFiles($project: String!, $entity: String!, $name: String!, $fileCursor: String, $fileLimit: Int = 50) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      files(after: $fileCursor, first: $fileLimit) { edges { node { name sizeBytes md5 directUrl } } pageInfo { endCursor hasNextPage } }
    }
  }
}`;

/** A version, its type and a page of its files; `name` is `collection:version or alias`. */
export const ARTIFACT_FILES = `query ArtifactFiles($project: String!, $entity: String!, $name: String!, $cursor: String, $limit: Int) {
  project(name: $project, entityName: $entity) {
    artifact(name: $name) {
      id versionIndex size fileCount artifactType { name } artifactSequence { name }
      files(after: $cursor, first: $limit) { edges { node { name sizeBytes md5 directUrl } } pageInfo { endCursor hasNextPage } }
    }
  }
}`;

/** The collections of a project, each with its newest version. */
export const ARTIFACT_COLLECTIONS = `query ArtifactCollections($project: String!, $entity: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    artifactCollections(after: $cursor, first: $perPage) {
      edges { node { name defaultArtifactType { name } artifacts(first: 1) { edges { version node { createdAt updatedAt size } } } } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

export const STOP_RUN = `mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }`;

export const DELETE_RUN = `mutation DeleteRun($id: ID!, $deleteArtifacts: Boolean) { deleteRun(input: {id: $id, deleteArtifacts: $deleteArtifacts}) { success } }`;

/** Of this server alone. */
export const RESTORE_RUN = `mutation RestoreRun($id: ID!) { restoreRun(input: {id: $id}) { run { id name } } }`;
