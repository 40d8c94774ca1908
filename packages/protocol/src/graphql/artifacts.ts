/**
 * What artifacts add to the schema of the wire. Type names are those the clients write in their documents, argument types
 * those they declare their variables as.
 */
export const artifactsSdl = `
enum ArtifactState { PENDING COMMITTED DELETED }
enum ArtifactCollectionState { READY DELETED }
enum ArtifactDigestAlgorithm { MANIFEST_MD5 }
enum ArtifactManifestType { FULL PATCH INCREMENTAL }
enum ArtifactStorageLayout { V1 V2 }

interface ArtifactCollection {
  id: ID! name: String! description: String state: ArtifactCollectionState! createdAt: DateTime! updatedAt: DateTime
  project: Project defaultArtifactType: ArtifactType!
  tags(first: Int, after: String): TagConnection!
  aliases(first: Int, after: String): ArtifactAliasConnection!
  artifacts(first: Int, after: String, order: String, filters: JSONString): VersionedArtifactConnection!
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
  artifactMemberships(first: Int, after: String, order: String, filters: JSONString): ArtifactCollectionMembershipConnection!
}
type ArtifactSequence implements ArtifactCollection {
  id: ID! name: String! description: String state: ArtifactCollectionState! createdAt: DateTime! updatedAt: DateTime
  project: Project defaultArtifactType: ArtifactType!
  tags(first: Int, after: String): TagConnection!
  aliases(first: Int, after: String): ArtifactAliasConnection!
  artifacts(first: Int, after: String, order: String, filters: JSONString): VersionedArtifactConnection!
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
  artifactMemberships(first: Int, after: String, order: String, filters: JSONString): ArtifactCollectionMembershipConnection!
  latestArtifact: Artifact digestAlgorithm: ArtifactDigestAlgorithm!
}
"""A collection that versions are linked into; this server has none yet, the type is named in every client's documents."""
type ArtifactPortfolio implements ArtifactCollection {
  id: ID! name: String! description: String state: ArtifactCollectionState! createdAt: DateTime! updatedAt: DateTime
  project: Project defaultArtifactType: ArtifactType!
  tags(first: Int, after: String): TagConnection!
  aliases(first: Int, after: String): ArtifactAliasConnection!
  artifacts(first: Int, after: String, order: String, filters: JSONString): VersionedArtifactConnection!
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
  artifactMemberships(first: Int, after: String, order: String, filters: JSONString): ArtifactCollectionMembershipConnection!
}
type ArtifactCollectionConnection { edges: [ArtifactCollectionEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactCollectionEdge { node: ArtifactCollection cursor: String! }

type ArtifactType {
  id: ID! name: String! description: String createdAt: DateTime!
  artifactCollection(name: String!): ArtifactCollection
  artifactCollections(first: Int, after: String, filters: JSONString, order: String): ArtifactCollectionConnection!
  """What 0.20 and older ask."""
  artifactSequence(name: String!): ArtifactSequence
  artifactSequences(first: Int, after: String): ArtifactCollectionConnection!
  artifact(name: String!): Artifact
}
type ArtifactTypeConnection { edges: [ArtifactTypeEdge!]! pageInfo: PageInfo! totalCount: Int }
type ArtifactTypeEdge { node: ArtifactType cursor: String! }
type ArtifactAlias { id: ID! alias: String! artifactCollection: ArtifactCollection artifactCollectionName: String! }
type ArtifactAliasConnection { edges: [ArtifactAliasEdge!]! pageInfo: PageInfo! }
type ArtifactAliasEdge { node: ArtifactAlias cursor: String! }
type Tag { id: ID! name: String! tagCategoryName: String attributes: JSONString }
type TagConnection { edges: [TagEdge!]! pageInfo: PageInfo! }
type TagEdge { node: Tag! cursor: String! }
union ArtifactCreator = Run | User

type Artifact {
  id: ID! artifactType: ArtifactType! artifactSequence: ArtifactSequence! versionIndex: Int
  state: ArtifactState! digest: String! digestAlgorithm: ArtifactDigestAlgorithm! size: Int64! fileCount: Int64! storageBytes: Int64! commitHash: String
  description: String metadata: JSONString labels: JSONString
  """Seconds; -2 = kept for ever."""
  ttlDurationSeconds: Int64! ttlIsInherited: Boolean! historyStep: Int64 createdAt: DateTime! updatedAt: DateTime
  tags: [Tag!]! aliases: [ArtifactAlias!]!
  currentManifest: ArtifactManifest createdBy: ArtifactCreator
  usedBy(first: Int, after: String): RunConnection!
  artifactMemberships(first: Int, after: String): ArtifactCollectionMembershipConnection!
  files(names: [String!], first: Int, after: String): FileConnection
  filesByManifestEntries(entries: [ArtifactManifestEntryInput!], storageLayout: String!, manifestVersion: String!, storageRegion: String, first: Int, after: String): FileConnection
}
type ArtifactConnection { edges: [ArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type InputArtifactConnection { edges: [ArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactEdge { node: Artifact cursor: String! }
type VersionedArtifactConnection { edges: [VersionedArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
"""version = v3."""
type VersionedArtifactEdge { version: String! node: Artifact! cursor: String! }
type ArtifactCollectionMembership {
  id: ID! versionIndex: Int aliases: [ArtifactAlias!]! artifactCollection: ArtifactCollection artifact: Artifact
  createdAt: DateTime! files(names: [String!], first: Int, after: String): FileConnection
}
type ArtifactCollectionMembershipConnection { edges: [ArtifactCollectionMembershipEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactCollectionMembershipEdge { node: ArtifactCollectionMembership cursor: String! }
type ArtifactManifest { id: ID! digest: String! type: ArtifactManifestType! artifact: Artifact! file: File! }
type UploadUrlPart { partNumber: Int64! uploadUrl: String! }
type UploadMultipartUrls { uploadID: String! uploadUrlParts: [UploadUrlPart!]! }

extend type File {
  displayName: String uploadHeaders: [String!]! storagePath: String digest: String
  """Always null: a file of any size is one PUT to uploadUrl."""
  uploadMultipartUrls: UploadMultipartUrls
  """null for files of runs."""
  artifact: Artifact
}
extend type Project {
  artifact(name: String!, enableTracking: Boolean): Artifact
  artifactType(name: String!): ArtifactType
  artifactTypes(first: Int, after: String, includeAll: Boolean): ArtifactTypeConnection!
  artifactCollection(name: String!): ArtifactCollection
  artifactCollections(first: Int, after: String, filters: JSONString, order: String): ArtifactCollectionConnection!
  artifactCollectionMembership(name: String!): ArtifactCollectionMembership
}
extend type Run {
  inputArtifacts(first: Int, after: String): InputArtifactConnection!
  outputArtifacts(first: Int, after: String): ArtifactConnection!
}
extend type Query {
  artifact(id: ID!): Artifact
  artifactCollection(id: ID!): ArtifactCollection
}
extend type Mutation {
  createArtifactType(input: CreateArtifactTypeInput!): CreateArtifactTypePayload
  createArtifact(input: CreateArtifactInput!): CreateArtifactPayload
  createArtifactManifest(input: CreateArtifactManifestInput!): CreateArtifactManifestPayload
  updateArtifactManifest(input: UpdateArtifactManifestInput!): CreateArtifactManifestPayload
  createArtifactFiles(input: CreateArtifactFilesInput!): CreateArtifactFilesPayload
  completeMultipartUploadArtifact(input: CompleteMultipartUploadArtifactInput!): CompleteMultipartUploadArtifactPayload
  commitArtifact(input: CommitArtifactInput!): ArtifactPayload
  useArtifact(input: UseArtifactInput!): ArtifactPayload
  updateArtifact(input: UpdateArtifactInput!): ArtifactPayload
  deleteArtifact(input: DeleteArtifactInput!): ArtifactPayload
  updateArtifactSequence(input: UpdateArtifactSequenceInput!): ArtifactCollectionPayload
  deleteArtifactSequence(input: DeleteArtifactSequenceInput!): ArtifactCollectionPayload
  addAliases(input: AddAliasesInput!): SuccessPayload
  deleteAliases(input: DeleteAliasesInput!): SuccessPayload
}

input ArtifactAliasInput { artifactCollectionName: String! alias: String! }
input ArtifactCollectionAliasInput { entityName: String projectName: String artifactCollectionName: String! alias: String! }
input TagInput { tagName: String! tagCategoryName: String attributes: JSONString }
input ArtifactManifestEntryInput { name: String! digest: String! birthArtifactID: String ref: String size: Int64 }

input CreateArtifactTypeInput { entityName: String! projectName: String! name: String! description: String clientMutationId: String }
type CreateArtifactTypePayload { artifactType: ArtifactType! clientMutationId: String }
input CreateArtifactInput {
  entityName: String! projectName: String! runName: String artifactTypeName: String!
  artifactCollectionName: String artifactCollectionNames: [String!] digest: String! digestAlgorithm: ArtifactDigestAlgorithm!
  description: String aliases: [ArtifactAliasInput!] tags: [TagInput!] metadata: JSONString labels: JSONString
  ttlDurationSeconds: Int64 historyStep: Int64 distributedID: String clientID: ID sequenceClientID: ID
  enableDigestDeduplication: Boolean storageRegion: String cloudRegionID: ID clientMutationId: String
}
type CreateArtifactPayload { artifact: Artifact! clientMutationId: String }
input CreateArtifactManifestInput {
  artifactID: ID! baseArtifactID: ID name: String! digest: String! entityName: String! projectName: String! runName: String!
  type: ArtifactManifestType clientMutationId: String
}
input UpdateArtifactManifestInput { artifactManifestID: ID! digest: String baseArtifactID: ID clientMutationId: String }
type CreateArtifactManifestPayload { artifactManifest: ArtifactManifest! clientMutationId: String }
input UploadPartsInput { partNumber: Int64! hexMD5: String! }
input CreateArtifactFileSpecInput { artifactID: ID! artifactManifestID: ID name: String! md5: String! mimetype: String uploadPartsInput: [UploadPartsInput!] }
input CreateArtifactFilesInput { artifactFiles: [CreateArtifactFileSpecInput!]! storageLayout: ArtifactStorageLayout cloudRegionID: ID clientMutationId: String }
type CreateArtifactFilesPayload { files: FileConnection! clientMutationId: String }
enum CompleteMultipartAction { Complete }
input CompleteMultipartUploadArtifactInput {
  completeMultipartAction: CompleteMultipartAction! completedParts: [UploadPartsInput!]! artifactID: ID! storagePath: String!
  uploadID: String! clientMutationId: String
}
type CompleteMultipartUploadArtifactPayload { digest: String clientMutationId: String }
input CommitArtifactInput { artifactID: ID! clientMutationId: String }
type ArtifactPayload { artifact: Artifact! clientMutationId: String }
input UseArtifactInput {
  entityName: String! projectName: String! runName: String! artifactID: ID! usedAs: String
  artifactEntityName: String artifactProjectName: String clientMutationId: String
}
input UpdateArtifactInput {
  artifactID: ID! description: String metadata: JSONString labels: JSONString ttlDurationSeconds: Int64
  aliases: [ArtifactAliasInput!] tagsToAdd: [TagInput!] tagsToDelete: [TagInput!] clientMutationId: String
}
input DeleteArtifactInput { artifactID: ID! deleteAliases: Boolean = false clientMutationId: String }
input UpdateArtifactSequenceInput { artifactSequenceID: ID! name: String description: String clientMutationId: String }
input DeleteArtifactSequenceInput { artifactSequenceID: ID! clientMutationId: String }
type ArtifactCollectionPayload { artifactCollection: ArtifactCollection! clientMutationId: String }
input AddAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! clientMutationId: String }
input DeleteAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! clientMutationId: String }
`;
