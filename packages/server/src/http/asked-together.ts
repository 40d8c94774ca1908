import type { Services } from "../services.ts";

/**
 * For a field that has a question of its own: what all rows of a page ask in one turn is one question. Nothing is kept: who
 * asks later gets what is there then.
 *
 * ```ts
 * const tagsOf = askedTogether(async (services, runs: number[]) => new Map(await tagsByRun(services, runs)));
 * const tags = await tagsOf(services, run.id);
 * ```
 */
export function askedTogether<K, V>(
  load: (services: Services, keys: K[]) => Promise<ReadonlyMap<K, V>>,
): (services: Services, key: K) => Promise<V | undefined> {
  const gathering = new WeakMap<Services, { keys: Set<K>; answer: Promise<ReadonlyMap<K, V>> }>();
  return async (services, key) => {
    let turn = gathering.get(services);
    if (!turn) {
      const keys = new Set<K>();
      const answer = Promise.resolve().then(() => {
        gathering.delete(services);
        return load(services, [...keys]);
      });
      turn = { keys, answer };
      gathering.set(services, turn);
    }
    turn.keys.add(key);
    return (await turn.answer).get(key);
  };
}
