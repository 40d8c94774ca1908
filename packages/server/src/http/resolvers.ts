import type { Services } from "../services.ts";
import type { Viewer } from "./viewer.ts";

/** What a resolver gets as context. `baseUrl` is where this request reached us, for links that must be absolute. */
export interface GraphqlContext {
  services: Services;
  viewer: Viewer | undefined;
  baseUrl: string;
  headers: Headers;
  /** Where it comes from, for counting. */
  address: string;
}

/** One field. `source` is the parent's model, typed by the resolver itself. */
// biome-ignore lint/suspicious/noExplicitAny: source and arguments are checked by the schema; each resolver names its own types.
export type Resolver = (source: any, args: any, context: GraphqlContext) => unknown;

/** Type name → field name → resolver. Each feature exports one from its `graphql.ts`; the endpoint merges them and refuses a field defined twice. */
export type Resolvers = Record<string, Record<string, Resolver>>;
