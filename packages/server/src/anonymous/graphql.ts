import type { Resolvers } from "../http/resolvers.ts";
import type { Services } from "../services.ts";
import { AnonymousAccounts } from "./account.ts";

/** By catalog: two servers in a process count for themselves. */
const accounts = new WeakMap<Services["catalog"], AnonymousAccounts>();

function accountsOf(services: Services): AnonymousAccounts {
  let known = accounts.get(services.catalog);
  if (!known) {
    known = new AnonymousAccounts(services);
    accounts.set(services.catalog, known);
  }
  return known;
}

export const anonymousResolvers: Resolvers = {
  Mutation: {
    createAnonymousEntity: async (_source, _args, { services, address }) => {
      const { id, key } = await accountsOf(services).create(address);
      // The clients read the key from `name`, as from `generateApiKey`.
      return { apiKey: { id, name: key, description: "anonymous", created_at: services.now() } };
    },
  },
};
