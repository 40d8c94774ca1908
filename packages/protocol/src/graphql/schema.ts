import { artifactsSdl } from "./artifacts.ts";

/**
 * The GraphQL schema of the wire. Argument types follow what the clients declare their variables as, nullability
 * included: a validator refuses `$names: [String]` for `[String!]`, so loosening is safe and tightening is not.
 * Every document of every client version is validated against it (`conformance/`).
 */
const coreSdl = `scalar JSONString
scalar JSON
scalar Int64
scalar DateTime
scalar Duration

type Query {
  viewer: User                       # null when not authenticated
  serverInfo: ServerInfo
  entity(name: String): Entity       # null when unknown or not visible
  organization(name: String!): Organization
  users(query: String): UserConnection
  project(name: String, entityName: String): Project
  model(name: String, entityName: String): Project          # old name of project
  models(entityName: String, after: String, before: String, first: Int, last: Int): ProjectConnection
  view(id: ID!): View
  clientIDMapping(clientID: ID!): ClientIDMapping
}

type ServerInfo {
  cliVersionInfo: JSON               # {"max_cli_version": "...", "min_cli_version": "..."}
  latestLocalVersionInfo: LocalVersionInfo
  features: [ServerFeature]!
}
type LocalVersionInfo { outOfDate: Boolean! latestVersionString: String! versionOnThisInstanceString: String! }
type ServerFeature { name: String! isEnabled: Boolean! }
type ServerSettings { serverMessages: [ServerMessage!]! }    # probed by 0.16/0.17
type ServerMessage { utfText: String plainText: String htmlText: String messageType: String messageLevel: Int }
type ClientIDMapping { serverID: ID! }

type User {
  id: ID!
  name: String!
  username: String
  email: String
  admin: Boolean
  flags: JSONString                  # {"code_saving_enabled": true}
  entity: String                     # default entity's name
  photoUrl: String
  deletedAt: DateTime
  accountType: String
  apiKeys(first: Int): ApiKeyConnection   # own keys, or for admins
  teams(first: Int): EntityConnection     # own entity included
  organizations: [Organization!]
  projects(after: String, first: Int): ProjectConnection
}
type UserConnection { edges: [UserEdge!]! pageInfo: PageInfo! }
type UserEdge { node: User cursor: String }
type ApiKey { id: ID! name: String! description: String createdAt: DateTime }   # name = key prefix; full key only in generateApiKey
type ApiKeyConnection { edges: [ApiKeyEdge!]! }
type ApiKeyEdge { node: ApiKey cursor: String }

type Entity {
  id: ID!
  name: String!
  available: Boolean
  photoUrl: String
  readOnly: Boolean
  readOnlyAdmin: Boolean!
  isTeam: Boolean!
  entityType: String                 # "user", "team", "organization"
  privateOnly: Boolean!
  storageBytes: Int64!
  codeSavingEnabled: Boolean!
  defaultAccess: String!
  isPaid: Boolean
  limits: JSONString
  members: [Member!]!
  organization: Organization
  user: User
  defaultResourceConfig(id: ID!): DefaultResourceConfig
  xxhashDigestsEnabled: Boolean      # asked by 0.31 before it digests an artifact; null = MD5
}
type EntityConnection { edges: [EntityEdge!]! pageInfo: PageInfo! }
type EntityEdge { node: Entity cursor: String }
type Member {
  id: String
  admin: Boolean
  pending: Boolean
  email: String
  username: String
  name: String!
  photoUrl: String
  accountType: String                # "USER", "SERVICE"
  apiKey: String
  """admin, member or viewer of the team; admin of one's own entity."""
  role: String
}
type Organization {
  id: ID!
  name: String!
  orgEntity: Entity
  coreWeaveOrganizationId: String
  featureFlags(rampIDType: RampIDType): [FeatureFlag]
}
enum RampIDType { OrgName }          # other values unknown
type FeatureFlag { rampKey: String! isEnabled: Boolean! }

type PageInfo { endCursor: String hasNextPage: Boolean! startCursor: String hasPreviousPage: Boolean }

type Project {
  id: ID!
  internalId: ID                     # decimal digits
  name: String!
  entityName: String!
  entity: Entity!
  description: String
  access: String
  views: JSONString
  repo: String
  dockerImage: String
  createdAt: DateTime!
  isBenchmark: Boolean!
  readOnly: Boolean
  user: User
  runCount(filters: JSONString): Int!
  runs(filters: JSONString, order: String, after: String, before: String, first: Int, last: Int, offset: Int): RunConnection
  buckets(filters: JSONString, order: String, after: String, first: Int): RunConnection
  run(name: String!, desc: String): Run
  bucket(name: String!, missingOk: Boolean, desc: String): Run
  allViews(viewType: String, viewName: String, userName: String, after: String, first: Int): ViewConnection
  runQueues: [RunQueue!]
  runQueue(name: String!): RunQueue
  """Every path of config and summary that a run of this project has, with what it holds; for column pickers."""
  runColumns: [RunColumn!]!
  """Runs that were deleted and can be restored, the last deleted first; for those who may restore them."""
  deletedRuns(first: Int): [DeletedRun!]!
  """What is left to say at the address of a run that was deleted; null for one that is there, and for one that never was."""
  deletedRun(name: String!): DeletedRun
}
"""readOnly: the viewer may not restore it. deletedBy: null when it is not known."""
type DeletedRun {
  id: ID!
  name: String!
  displayName: String!
  deletedAt: DateTime!
  deletedBy: User
  createdAt: DateTime!
  user: User
  readOnly: Boolean!
}
type ProjectConnection { edges: [ProjectEdge!]! pageInfo: PageInfo! }
type ProjectEdge { node: Project cursor: String }

type Run {
  id: ID!                            # storage id
  name: String!                      # public run id
  displayName: String
  description: String
  notes: String
  state: String
  """With keys: those at its top alone."""
  config(keys: [String!]): JSONString
  wandbConfig(keys: [String!]): JSONString
  summaryMetrics: JSONString
  systemMetrics: JSONString
  tags: [String!]!
  group: String
  jobType: String
  commit: String
  host: String
  sweepName: String
  readOnly: Boolean
  createdAt: DateTime!
  updatedAt: DateTime
  heartbeatAt: DateTime
  exitcode: Int
  stopped: Boolean
  shouldStop: Boolean
  failed: Boolean
  running: Boolean
  user: User
  project: Project
  projectId: Int
  historyLineCount: Int
  eventsLineCount: Int
  logLineCount: Int
  historyTail: JSONString            # JSON list of JSON strings
  eventsTail: JSONString
  historyKeys: JSON
  history(minStep: Int64, maxStep: Int64, samples: Int): [JSONString!]
  events(samples: Int): [JSONString!]
  sampledHistory(specs: [JSONString!]!): [JSON]
  parquetHistory(liveKeys: [String!]!): ParquetHistory!
  logLines(first: Int, after: String, last: Int, before: String, useImprovedPagination: Boolean): LogLineConnection
  fileCount: Int
  files(names: [String], pattern: String, after: String, first: Int): FileConnection
  runInfo: RunInfo
  """How many runs were made in the project before this one."""
  defaultColorIndex: Int
  """The newest hundred, newest first."""
  alerts: [RunAlert!]!
}
type RunAlert { title: String! text: String! severity: String! createdAt: DateTime! }
"""path = config.lr or summary.loss; kind = number, text or mixed."""
type RunColumn { path: String! kind: String! }
type RunConnection { edges: [RunEdge!]! pageInfo: PageInfo! totalCount: Int }
type RunEdge { node: Run! cursor: String! }
type ParquetHistory { parquetUrls: [String!]! liveData: [JSON!] }
type LogLineConnection { edges: [LogLineEdge!]! pageInfo: PageInfo! }
type LogLineEdge { node: LogLine! cursor: String }
type LogLine { number: Int timestamp: String level: String label: String line: String }
type RunInfo {
  program: String args: [String!] os: String python: String colab: String executable: String
  codeSaved: Boolean cpuCount: Int gpuCount: Int gpu: String git: GitInfo
}
type GitInfo { remote: String commit: String }

type File {
  id: ID!
  name: String!
  url(upload: Boolean): String
  directUrl: String
  uploadUrl: String
  sizeBytes: Int64
  mimetype: String
  md5: String                        # base64
  updatedAt: DateTime
}
type FileConnection { edges: [FileEdge!]! pageInfo: PageInfo! uploadHeaders: [String!]! totalCount: Int }
type FileEdge { node: File cursor: String }

type View {
  id: ID! type: String name: String displayName: String description: String
  spec: JSONString user: User project: Project createdAt: DateTime updatedAt: DateTime
  accessTokens: [AccessToken!]
}
type ViewConnection { edges: [ViewEdge!]! pageInfo: PageInfo! }
type ViewEdge { node: View cursor: String }
type AccessToken { token: String type: String revokedAt: DateTime }
enum ViewSource { WANDB_SDK }        # createdUsing; other values unknown

type RunQueue {
  id: ID! name: String! createdBy: String access: RunQueueAccessType
  defaultResourceConfigID: ID prioritizationMode: RunQueuePrioritizationMode externalLinks: JSONString
  runQueueItems(first: Int): RunQueueItemConnection
  runQueueItem(id: ID!): RunQueueItem
}
type RunQueueItemConnection { edges: [RunQueueItemEdge!]! }
type RunQueueItemEdge { node: RunQueueItem }
type RunQueueItem { id: ID! state: String associatedRunId: String }
enum RunQueueAccessType { PROJECT USER }
enum RunQueuePrioritizationMode { DISABLED V0 }
type DefaultResourceConfig { config: JSON resource: String templateVariables: [TemplateVariable!] }
type TemplateVariable { name: String schema: JSONString }

enum AlertSeverity { INFO WARN ERROR }

type Mutation {
  upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
  rewindRun(input: RewindRunInput!): RewindRunPayload
  deleteRun(input: DeleteRunInput!): DeleteRunPayload
  """Bring back a run deleted by mistake: rows, files and all."""
  restoreRun(input: RestoreRunInput!): RestoreRunPayload
  stopRun(input: StopRunInput!): SuccessPayload
  updateRunState(input: UpdateRunStateInput!): SuccessPayload
  createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
  markRunFilesUploaded(input: CreateRunFilesInput!): SuccessPayload
  deleteFiles(input: DeleteFilesInput!): SuccessPayload
  notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
  createCustomChart(input: CreateCustomChartInput!): CreateCustomChartPayload
  upsertModel(input: UpsertModelInput!): UpsertModelPayload
  renameProject(input: RenameProjectInput!): ProjectPayload
  """To another entity that the viewer administers; runs keep their ids and rows."""
  moveProject(input: MoveProjectInput!): ProjectPayload
  deleteProject(input: DeleteProjectInput!): SuccessPayload
  """The name 0.31 gives it in its own documents."""
  deleteModel(input: DeleteProjectInput!): SuccessPayload
  upsertView(input: UpsertViewInput!): UpsertViewPayload
  deleteView(input: DeleteViewInput!): DeleteViewPayload
  createUser(input: CreateUserInput!): UserPayload
  createServiceAccount(input: CreateServiceAccountInput!): UserPayload
  createTeam(input: CreateTeamInput!): EntityPayload
  createAnonymousEntity(input: CreateAnonymousEntityInput!): CreateAnonymousEntityPayload
  createInvite(input: CreateInviteInput!): CreateInvitePayload
  deleteInvite(input: DeleteInviteInput!): SuccessPayload
  generateApiKey(input: GenerateApiKeyInput!): GenerateApiKeyPayload
  deleteApiKey(input: DeleteApiKeyInput!): SuccessPayload
}

# The client reads a payload's type name only in error texts, so those that only say "done" share one.
type SuccessPayload { success: Boolean! clientMutationId: String }

input UpsertBucketInput {
  id: String name: String entityName: String modelName: String groupName: String
  description: String displayName: String notes: String commit: String config: JSONString
  host: String debug: Boolean jobProgram: String jobRepo: String jobType: String
  state: String sweep: String tags: [String!] summaryMetrics: JSONString clientMutationId: String
}
type UpsertBucketPayload { bucket: Run inserted: Boolean serverSettings: ServerSettings clientMutationId: String }
input RewindRunInput { runName: String! entityName: String projectName: String metricName: String! metricValue: Float! clientMutationId: String }
type RewindRunPayload { rewoundRun: Run clientMutationId: String }
input DeleteRunInput { id: ID! deleteArtifacts: Boolean clientMutationId: String }
type DeleteRunPayload { success: Boolean clientMutationId: String }
input RestoreRunInput { id: ID! clientMutationId: String }
type RestoreRunPayload { run: Run clientMutationId: String }
input RenameProjectInput { entityName: String! oldProjectName: String! newProjectName: String! clientMutationId: String }
input MoveProjectInput { entityName: String! projectName: String! newEntityName: String! clientMutationId: String }
input DeleteProjectInput { id: String! clientMutationId: String }
type ProjectPayload { project: Project inserted: Boolean clientMutationId: String }
input StopRunInput { id: ID! clientMutationId: String }
input UpdateRunStateInput { id: ID! state: String! clientMutationId: String }
input CreateRunFilesInput { entityName: String! projectName: String! runName: String! files: [String!]! clientMutationId: String }
type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! clientMutationId: String }
input DeleteFilesInput { files: [ID!]! projectId: Int clientMutationId: String } # old clients probe this name
input NotifyScriptableRunAlertInput {
  entityName: String! projectName: String! runName: String!
  title: String! text: String! severity: AlertSeverity = INFO waitDuration: Duration clientMutationId: String }
input CreateCustomChartInput { entity: String! name: String! displayName: String! type: String! access: String! spec: JSONString! clientMutationId: String }
type CreateCustomChartPayload { chart: CustomChart! clientMutationId: String }
type CustomChart { id: ID! }
input UpsertModelInput {
  id: String name: String entityName: String description: String repo: String dockerImage: String
  access: String views: JSONString framework: String isBenchmark: Boolean isPublished: Boolean owner: ID
  icon: ProjectIconInput rateLimits: RateLimitsInput
  allowAllArtifactTypesInRegistry: Boolean artifactTypes: [ArtifactTypeInput!] clientMutationId: String
}                                    # name <= 128, repo <= 256, dockerImage <= 512 characters
input ProjectIconInput { name: String! color: String! }
input ArtifactTypeInput { name: String! description: String }
input RateLimitsInput {
  graphql: Int sdkGraphql: Int sdkGraphqlQuerySeconds: Float filestreamCount: Float filestreamPerRunCount: Float
  filestreamSize: Int runUpdateCount: Float createArtifacts: Int createArtifactsRequestCount: Int createArtifactsTimeWindow: Int
}
type UpsertModelPayload { project: Project model: Project inserted: Boolean clientMutationId: String }
input UpsertViewInput {
  id: ID entityName: String projectName: String type: String name: String displayName: String
  description: String spec: String createdUsing: ViewSource clientMutationId: String }
type UpsertViewPayload { view: View inserted: Boolean clientMutationId: String }
input DeleteViewInput { id: ID! deleteDrafts: Boolean clientMutationId: String }
type DeleteViewPayload { success: Boolean pendingDrafts: JSON clientMutationId: String }
input CreateUserInput { email: String! admin: Boolean clientMutationId: String }
input CreateServiceAccountInput { entityName: String! description: String! clientMutationId: String }
type UserPayload { user: User clientMutationId: String }
input CreateTeamInput { teamName: String! teamAdminUserName: String clientMutationId: String }
type EntityPayload { entity: Entity clientMutationId: String }
input CreateAnonymousEntityInput { clientMutationId: String }
type CreateAnonymousEntityPayload { apiKey: ApiKey clientMutationId: String }
input CreateInviteInput { entityName: String! email: String username: String admin: Boolean clientMutationId: String }
type CreateInvitePayload { invite: Invite clientMutationId: String }
type Invite { id: ID! name: String! email: String createdAt: DateTime toUser: User }
input DeleteInviteInput { id: String entityName: String clientMutationId: String }
input GenerateApiKeyInput { description: String clientMutationId: String }
type GenerateApiKeyPayload { apiKey: ApiKey clientMutationId: String }
input DeleteApiKeyInput { id: String! clientMutationId: String }

# Looked up by name by old clients before they decide what to send; launch itself is not served.
type LaunchAgent { id: ID! }
input CreateRunQueueInput { entityName: String! projectName: String! queueName: String! access: RunQueueAccessType! clientMutationId: String }
input PushToRunQueueInput { queueID: ID! runSpec: JSONString! clientMutationId: String }
input FailRunQueueItemInput { runQueueItemId: ID! clientMutationId: String }
`;

export const SCHEMA_SDL = [coreSdl, artifactsSdl].join("\n");
