import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { suite, test } from "node:test";
import { SCHEMA_SDL } from "@steelyard/protocol/graphql";
import {
  buildSchema,
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  NoUnusedFragmentsRule,
  parse,
  specifiedRules,
  validate,
  visit,
} from "graphql";
import { CLIENTS } from "../scripts/python-clients.mjs";
import { clientVersions, interpreterOf } from "./python.ts";

/**
 * Operations of the clients that the schema does not answer, by the feature they belong to. A line here must be needed: once
 * an operation validates in every release that has it, the test asks for its removal.
 */
const NOT_SERVED: Record<string, string[]> = {
  "launch: job queues and agents": [
    ...["CreateDefaultResourceConfig", "createDefaultResourceConfig", "CreateRunQueue", "createRunQueue"],
    ...["DeleteFromRunQueue", "DeleteRunQueue", "LaunchAgent", "UpsertRunQueue", "upsertRunQueue"],
    ...["ackRunQueueItem", "createLaunchAgent", "failRunQueueItem", "popFromRunQueue", "pushToRunQueue"],
    ...["pushToRunQueueByName", "updateLaunchAgent", "updateRunQueueItemWarning"],
  ],
  sweeps: [
    ...["CreateAgent", "EnqueueSweepRun", "GetAgentRuns", "GetSweep", "GetSweepAgent", "GetSweepAgents"],
    ...["GetSweepLegacy", "GetSweepState", "GetSweeps", "Heartbeat", "Sweep", "SweepConfig"],
    ...["SweepRunsWithHistory", "SweepWatchedRuns", "SweepWithRuns", "UpsertSweep", "UpsertSweepState"],
  ],
  "registry: organization-wide collections and their members": [
    ...["Collections", "CreateRegistryMembers", "DeleteRegistryMembers", "FetchAdvancedRegistryFeatures"],
    ...["FetchRegistries", "FetchRegistry", "Registries", "RegistryCollections", "RegistryTeamMembers"],
    ...["RegistryUserMembers", "RegistryVersions", "RenameRegistry", "UpdateTeamRegistryRole"],
    ...["UpdateUserRegistryRole", "UpsertRegistry", "UpsertRegistryProject", "Versions"],
  ],
  "artifacts: linking into portfolios, tags of collections, moving to another type": [
    ...["AddArtifactCollectionTags", "CreateArtifactCollectionTagAssignments", "DeleteArtifactPortfolio"],
    ...["DeleteArtifactCollectionTagAssignments", "DeleteArtifactCollectionTags", "LinkArtifact"],
    ...[
      "MoveArtifactCollection",
      "UnlinkArtifact",
      "UpdateArtifactCollectionType",
      "UpdateArtifactPortfolio",
    ],
    ...["UpdateArtifactSequenceType", "deleteArtifactPortfolio"],
  ],
  "automations and the services they call": [
    ...["CreateAutomation", "CreateGenericWebhookIntegration", "DeleteAutomation", "GetAutomations"],
    ...["GetAutomationsByEntity", "GetAutomationsLegacy", "GetEntityAutomations", "GetOrgAutomations"],
    ...["GetEntityAutomationsLegacy", "GenericWebhookIntegrationsByEntity", "IntegrationsByEntity"],
    ...["SlackIntegrationsByEntity", "UpdateAutomation"],
  ],
};

/** Their text is put together while the client runs; `clients.test.ts` sends them. */
const BUILT_WHILE_RUNNING = ["UseArtifact"];

const schema = buildSchema(SCHEMA_SDL);
// The clients append fragments that not every document needs.
const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule);

suite("documents of the official client", {
  skip: clientVersions.length === 0 && "no official client is installed",
}, () => {
  const excused = new Set([...Object.values(NOT_SERVED).flat(), ...BUILT_WHILE_RUNNING]);
  const failed = new Set<string>();

  for (const version of clientVersions) {
    test(`wandb ${version}`, () => {
      const found = documentsOf(version);
      const problems: string[] = [];
      const seen = new Set<string>();
      for (const { operation, where, errors } of found) {
        seen.add(operation);
        if (errors.length === 0) continue;
        failed.add(operation);
        if (!excused.has(operation)) problems.push(`${operation} (${where}): ${errors.join("; ")}`);
      }
      assert.deepEqual(problems, []);
      // What every release sends: were they missing, nothing would have been read.
      for (const operation of [
        "UpsertBucket",
        "RunResumeStatus",
        "Viewer",
        "Runs",
        "RunFiles",
        "CreateArtifact",
      ])
        assert.ok(seen.has(operation), `${operation} was not found in ${version}`);
    });
  }

  test("nothing is excused that the schema answers", {
    skip: clientVersions.length < CLIENTS.length && "some releases are not installed",
  }, () => {
    assert.deepEqual(
      [...excused].filter((operation) => !failed.has(operation)),
      [],
      "take these out of NOT_SERVED or BUILT_WHILE_RUNNING",
    );
  });
});

interface CheckedDocument {
  operation: string;
  where: string;
  errors: string[];
}

function documentsOf(version: string): CheckedDocument[] {
  const script = new URL("scripts/documents.py", import.meta.url).pathname;
  const texts = JSON.parse(
    execFileSync(interpreterOf(version), [script], { encoding: "utf8", maxBuffer: 64 << 20 }),
  ) as [where: string, text: string][];
  const checked: CheckedDocument[] = [];
  const parsed: { where: string; document: DocumentNode }[] = [];
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const [where, text] of texts) {
    try {
      const document = parse(text, { noLocation: true });
      parsed.push({ where, document });
      for (const definition of document.definitions)
        if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    } catch (error) {
      const operation = /(?:query|mutation)\s+(\w+)/.exec(text)?.[1] ?? text.slice(0, 80);
      checked.push({ operation, where, errors: [String(error).split("\n")[0] ?? ""] });
    }
  }
  for (const { where, document } of parsed) {
    const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    if (operation?.kind !== Kind.OPERATION_DEFINITION) continue;
    checked.push({
      operation: operation.name?.value ?? "",
      where,
      errors: validate(schema, withFragments(document, fragments), rules).map(({ message }) => message),
    });
  }
  return checked;
}

/** With the fragments it names that are defined elsewhere in the client. */
function withFragments(
  document: DocumentNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): DocumentNode {
  const definitions = [...document.definitions];
  const present = new Set(
    definitions.map((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? definition.name.value : undefined,
    ),
  );
  for (const definition of definitions) {
    visit(definition, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value);
        if (!fragment || present.has(name.value)) return;
        present.add(name.value);
        definitions.push(fragment);
      },
    });
  }
  return { ...document, definitions };
}
