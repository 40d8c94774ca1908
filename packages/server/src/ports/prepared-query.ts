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
 * An engine that answers within the call. Kysely's way to a connection is some ten promises a question, and costs more than
 * most answers.
 */
export interface AtOnce {
  /** On the one connection: then only who is within may ask, all others wait at Kysely's door for its end. */
  readonly isTransaction: boolean;
  ask(sql: string, parameters: readonly unknown[]): unknown[];
}

/** By dialect, as `prepare` finds its texts. */
const engines = new WeakMap<object, AtOnce>();

export function answersAtOnce(db: CatalogReader, engine: AtOnce): void {
  engines.set(db.getExecutor().adapter, engine);
}

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
  const texts = new WeakMap<object, { sql: string; places: readonly unknown[]; reads: boolean }>();
  return async (db, values) => {
    const { adapter } = db.getExecutor();
    let text = texts.get(adapter);
    if (!text) {
      const { sql, parameters, query } = build(db, (name) => new Place(name) as Named[typeof name]).compile();
      text = { sql, places: parameters, reads: query.kind === "SelectQueryNode" };
      texts.set(adapter, text);
    }
    const parameters = text.places.map((place) => (place instanceof Place ? values[place.name] : place));
    const engine = engines.get(adapter);
    // A write by itself is a commit of its own: it keeps to the order of the others.
    if (engine && (db.isTransaction || (text.reads && !engine.isTransaction)))
      return engine.ask(text.sql, parameters) as Row[];
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text.sql, parameters));
    return rows;
  };
}
