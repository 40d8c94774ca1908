import { type Compilable, CompiledQuery } from "kysely";
import type { CatalogReader, CatalogTransaction } from "./catalog.ts";

type Database = CatalogReader | CatalogTransaction;

/** Where a value of a prepared question goes; nothing reads it before `prepare` has put the value there. */
class Place {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** How a question names the place of a value. */
export type Values<Named> = <Name extends keyof Named & string>(name: Name) => Named[Name];

/**
 * A question that is asked by every request: built and turned into SQL once, then only given its values. Building the
 * same one each time costs several times as much as SQLite takes to answer it.
 *
 * `build` names the places of values with `value("name")`; its result must not depend on anything else.
 */
export function prepare<Named extends Record<string, unknown>, Row>(
  build: (db: CatalogReader, value: Values<Named>) => Compilable<Row>,
): (db: Database, values: Named) => Promise<Row[]> {
  /** By dialect: each connection of one shares its adapter. */
  const texts = new WeakMap<object, { sql: string; places: readonly unknown[] }>();
  return async (db, values) => {
    const { adapter } = db.getExecutor();
    let text = texts.get(adapter);
    if (!text) {
      const { sql, parameters } = build(db, (name) => new Place(name) as Named[typeof name]).compile();
      text = { sql, places: parameters };
      texts.set(adapter, text);
    }
    const parameters = text.places.map((place) => (place instanceof Place ? values[place.name] : place));
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text.sql, parameters));
    return rows;
  };
}
