import { SCHEMA_SDL } from "@steelyard/protocol/graphql";
import {
  buildSchema,
  type DocumentNode,
  execute,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  specifiedRules,
  validate,
} from "graphql";
import { DocumentCache } from "./document-cache.ts";
import { answerOf } from "./error-answer.ts";
import type { GraphqlContext, Resolvers } from "./resolvers.ts";

/**
 * GraphQL over HTTP as the official client reads it: 200 with `errors` is final for it, a status other than 200 is judged
 * by that status. So a query answers 200 (with null and errors where something failed for good), and a mutation or a
 * failure that heals answers with its own status.
 */
export interface GraphqlRequest {
  query?: unknown;
  variables?: unknown;
  operationName?: unknown;
}
export interface GraphqlAnswer {
  status: number;
  body: { data?: unknown; errors?: readonly GraphQLFormattedError[] };
  retryAfterS?: number;
}
export type GraphqlEndpoint = (request: GraphqlRequest, context: GraphqlContext) => Promise<GraphqlAnswer>;

/** The longest document of any client is 12 kB. */
const MAX_DOCUMENT_CHARACTERS = 100_000;
const MAX_TOKENS = 10_000;
/** Client documents nest 12 deep (introspection 13). */
const MAX_DEPTH = 20;
/** Fragments put in; the widest client document asks some 300. */
const MAX_FIELDS = 5000;

type Prepared = { document: DocumentNode } | { errors: readonly GraphQLError[] };

export function graphqlEndpoint(resolvers: Resolvers): GraphqlEndpoint {
  const schema = schemaWith(resolvers);
  const documents = new DocumentCache<DocumentNode>();

  function prepare(text: string): Prepared {
    const known = documents.get(text);
    if (known) return { document: known };
    const made = parseAndValidate(schema, text);
    if ("document" in made) documents.put(text, made.document);
    return made;
  }

  return async (request, context) => {
    const { query, variables, operationName } = request;
    if (typeof query !== "string" || query === "")
      return refused('the body must be {"query": "…", "variables": {…}}');
    if (query.length > MAX_DOCUMENT_CHARACTERS)
      return refused(`the query is longer than ${MAX_DOCUMENT_CHARACTERS} characters`);
    if (variables != null && (typeof variables !== "object" || Array.isArray(variables)))
      return refused("variables must be an object");
    if (operationName != null && typeof operationName !== "string")
      return refused("operationName must be a string");

    const ready = prepare(query);
    if ("errors" in ready)
      return { status: 400, body: { errors: ready.errors.map((error) => error.toJSON()) } };
    const operation = operationOf(ready.document, operationName ?? undefined);
    if (!operation)
      return refused(
        operationName
          ? `there is no operation "${operationName}" in the query`
          : "the query has several operations; name one in operationName",
      );

    const result = await execute({
      schema,
      document: ready.document,
      contextValue: context,
      variableValues: (variables as Record<string, unknown> | undefined) ?? {},
      operationName: operation.name?.value,
    });
    if (!result.errors) return { status: 200, body: { data: result.data } };
    return withErrors(result.data, result.errors, operation, context);
  };
}

function refused(message: string): GraphqlAnswer {
  return { status: 400, body: { errors: [{ message }] } };
}

function withErrors(
  data: unknown,
  errors: readonly GraphQLError[],
  operation: OperationDefinitionNode,
  context: GraphqlContext,
): GraphqlAnswer {
  let status = 200;
  let retryAfterS: number | undefined;
  const told = errors.map((error) => {
    // Without an original error, or with one of the executor's own, it is the request's fault: a value of the wrong type.
    if (!error.originalError || error.originalError instanceof GraphQLError) {
      status = Math.max(status, operation.operation === "mutation" || data == null ? 400 : 200);
      return error.toJSON();
    }
    const answer = answerOf(error.originalError, context.services.log, {
      operation: operation.name?.value,
      path: error.path,
    });
    if (
      operation.operation === "mutation" ||
      answer.status >= 500 ||
      answer.status === 401 ||
      answer.code === "invalid-filter"
    ) {
      status = Math.max(status, answer.status);
    }
    retryAfterS ??= answer.retryAfterS;
    return { message: answer.message, path: error.path, extensions: { code: answer.code } };
  });
  return { status, body: { data: data ?? null, errors: told }, retryAfterS };
}

function schemaWith(resolvers: Resolvers): GraphQLSchema {
  const schema = buildSchema(SCHEMA_SDL);
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!isObjectType(type))
      throw new Error(`resolvers name ${typeName}, which is no object type of the schema`);
    const known = type.getFields();
    for (const [name, resolver] of Object.entries(fields)) {
      const field = known[name];
      if (!field) throw new Error(`resolvers name ${typeName}.${name}, which the schema lacks`);
      field.resolve = resolver;
    }
  }
  return schema;
}

/** Each feature's part as one map; a field that two define is a mistake found at the start. */
export function mergeResolvers(parts: readonly Resolvers[]): Resolvers {
  const merged: Resolvers = {};
  for (const part of parts) {
    for (const [type, fields] of Object.entries(part)) {
      merged[type] ??= {};
      const into = merged[type];
      for (const [name, resolver] of Object.entries(fields)) {
        if (into[name]) throw new Error(`${type}.${name} is resolved twice`);
        into[name] = resolver;
      }
    }
  }
  return merged;
}

function parseAndValidate(schema: GraphQLSchema, text: string): Prepared {
  try {
    const document = parse(text, { maxTokens: MAX_TOKENS });
    const { depth, fields } = sizeOf(document);
    if (depth > MAX_DEPTH || fields > MAX_FIELDS) {
      const limits = `at most ${MAX_DEPTH} and ${MAX_FIELDS}`;
      return {
        errors: [
          new GraphQLError(
            `the query nests ${depth} deep and asks ${fields} fields, fragments put in; ${limits}`,
          ),
        ],
      };
    }
    const errors = validate(schema, document, specifiedRules, { maxErrors: 20 });
    return errors.length > 0 ? { errors } : { document };
  } catch (error) {
    return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
  }
}

/** How deep and how wide a document is with its fragments put in: the text alone may be small and its answer not. */
function sizeOf(document: DocumentNode): { depth: number; fields: number } {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const known = new Map<string, { depth: number; fields: number }>();

  function ofFragment(name: string): { depth: number; fields: number } {
    const before = known.get(name);
    if (before) return before;
    // A fragment within itself is refused by validation; here it must only end.
    known.set(name, { depth: 0, fields: 0 });
    const size = ofSelections(fragments.get(name)?.selectionSet);
    known.set(name, size);
    return size;
  }

  function ofSelections(set: SelectionSetNode | undefined): { depth: number; fields: number } {
    let depth = 0;
    let fields = 0;
    for (const selection of set?.selections ?? []) {
      const inner =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? ofFragment(selection.name.value)
          : ofSelections(selection.selectionSet);
      const own = selection.kind === Kind.FIELD ? 1 : 0;
      depth = Math.max(depth, inner.depth + own);
      fields += inner.fields + own;
    }
    return { depth, fields };
  }

  let depth = 0;
  let fields = 0;
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const size = ofSelections(definition.selectionSet);
    depth = Math.max(depth, size.depth);
    fields += size.fields;
  }
  return { depth, fields };
}

function operationOf(document: DocumentNode, name: string | undefined): OperationDefinitionNode | undefined {
  const operations = document.definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  return name
    ? operations.find((operation) => operation.name?.value === name)
    : operations.length === 1
      ? operations[0]
      : undefined;
}
