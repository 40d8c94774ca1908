import { pino } from "pino";
import { alertsResolvers } from "../alerts/graphql.ts";
import { InProcessBus } from "../engines/in-process/bus.ts";
import { SqliteCatalog } from "../engines/sqlite/catalog.ts";
import { graphqlEndpoint, mergeResolvers } from "../http/graphql.ts";
import type { Viewer } from "../http/viewer.ts";
import type { Change } from "../ports/bus.ts";
import type { MetricStore, StreamName } from "../ports/metric-store.ts";
import { projectsResolvers } from "../projects/graphql.ts";
import { reportsResolvers } from "../reports/graphql.ts";
import type { Services } from "../services.ts";
import { usersResolvers } from "../users/graphql.ts";
import { runsResolvers } from "./graphql.ts";

/** A server without its sockets, for tests: real catalog, real endpoint, a clock to turn, rows kept in memory. */
export interface World {
  services: Services;
  clock: { now: number };
  changes: Change[];
  /** Throws when the answer has errors, with their status and message. */
  ask<T = Record<string, never>>(
    who: Viewer | undefined,
    query: string,
    variables?: object,
    headers?: Record<string, string>,
  ): Promise<T>;
  user(
    name: string,
    more?: { admin?: boolean; kind?: "user" | "service"; teams?: string[] },
  ): Promise<Viewer>;
  log(run: number, stream: StreamName, lines: string[]): Promise<void>;
  close(): Promise<void>;
}

export class AnswerError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function makeWorld(): Promise<World> {
  const clock = { now: Date.parse("2026-08-01T10:00:00Z") };
  const catalog = new SqliteCatalog(":memory:");
  const metrics = new RowsInMemory();
  const bus = new InProcessBus();
  const changes: Change[] = [];
  bus.subscribe((change) => changes.push(change));
  const services = {
    config: {},
    log: pino({ level: "silent" }),
    catalog,
    metrics: metrics as unknown as MetricStore,
    blobs: {},
    bus,
    now: () => clock.now,
  } as unknown as Services;
  const endpoint = graphqlEndpoint(
    mergeResolvers([usersResolvers, projectsResolvers, runsResolvers, alertsResolvers, reportsResolvers]),
  );
  return {
    services,
    clock,
    changes,
    async ask<T>(
      who: Viewer | undefined,
      query: string,
      variables: object = {},
      headers: Record<string, string> = {},
    ) {
      const context = { services, viewer: who, baseUrl: "http://server", headers: new Headers(headers) };
      const { status, body } = await endpoint({ query, variables }, context);
      if (body.errors) throw new AnswerError(status, body.errors[0]?.message ?? "");
      return body.data as T;
    },
    async user(name, { admin = false, kind = "user", teams = [] } = {}) {
      return catalog.write(async (tx) => {
        const entity = async (entityName: string, entityKind: "user" | "team") =>
          (
            (await tx
              .selectFrom("entities")
              .select("id")
              .where("name", "=", entityName)
              .executeTakeFirst()) ??
            (await tx
              .insertInto("entities")
              .values({ name: entityName, kind: entityKind, organization_id: null, created_at: 0 })
              .returning("id")
              .executeTakeFirstOrThrow())
          ).id;
        const entityId = await entity(name, "user");
        const { id: userId } = await tx
          .insertInto("users")
          .values({
            entity_id: entityId,
            username: name,
            email: null,
            display_name: null,
            password_hash: null,
            admin: admin ? 1 : 0,
            kind,
            created_at: 0,
            deleted_at: null,
          })
          .returning("id")
          .executeTakeFirstOrThrow();
        for (const team of teams) {
          const values = {
            entity_id: await entity(team, "team"),
            user_id: userId,
            role: "member" as const,
            created_at: 0,
          };
          await tx.insertInto("members").values(values).execute();
        }
        return { userId, username: name, entityId, admin, kind, via: "key" as const };
      });
    },
    log: (run, stream, lines) => metrics.append([{ run, stream, lines }]),
    async close() {
      await bus.close();
      await catalog.close();
    },
  };
}

type Row = Record<string, unknown>;

/** What the resolvers ask of the metric store, answered from lists of lines. */
class RowsInMemory {
  readonly #lines = new Map<string, string[]>();
  #of(run: number, stream: StreamName): string[] {
    const key = `${run}/${stream}`;
    const lines = this.#lines.get(key) ?? [];
    this.#lines.set(key, lines);
    return lines;
  }
  async append(batches: { run: number; stream: StreamName; lines: readonly string[] }[]): Promise<void> {
    for (const { run, stream, lines } of batches) this.#of(run, stream).push(...lines);
  }
  async lineCounts(run: number) {
    return {
      history: this.#of(run, "history").length,
      events: this.#of(run, "events").length,
      console: this.#of(run, "console").length,
    };
  }
  async tail(run: number, stream: StreamName, n: number) {
    return this.#of(run, stream).slice(-n);
  }
  async lastStep(run: number) {
    return Math.max(-1, ...this.#of(run, "history").map((line) => Number((JSON.parse(line) as Row)._step)));
  }
  async rows(question: {
    run: number;
    stream: StreamName;
    minStep?: number;
    maxStep?: number;
    keys?: string[];
    samples?: number;
    limit?: number;
  }) {
    const {
      run,
      stream,
      minStep = 0,
      maxStep = Infinity,
      keys,
      samples = Infinity,
      limit = Infinity,
    } = question;
    const rows = this.#of(run, stream).filter((line) => {
      const row = JSON.parse(line) as Row;
      const step = Number(row._step ?? 0);
      return step >= minStep && step < maxStep && (keys ?? []).every((key) => key in row);
    });
    const spread =
      rows.length <= samples ? rows : rows.filter((_, at) => at % Math.ceil(rows.length / samples) === 0);
    const chosen = spread.slice(0, limit);
    if (!keys) return chosen;
    return chosen.map((line) => {
      const row = JSON.parse(line) as Row;
      return JSON.stringify(Object.fromEntries(keys.map((key) => [key, row[key]])));
    });
  }
  async keys(run: number, stream: StreamName) {
    const last: Row = {};
    for (const line of this.#of(run, stream)) Object.assign(last, JSON.parse(line));
    return Object.entries(last).map(([key, value]) => ({
      key,
      types: { [typeof value]: 1 },
      count: 1,
      last: value,
      lastStep: 0,
      monotonic: true,
    }));
  }
  async consoleLines(run: number, from: number, limit: number) {
    return this.#of(run, "console")
      .map((text, number) => ({ number, writer: "", text }))
      .slice(from, from + limit);
  }
  async rewind(run: number, step: number) {
    const lines = this.#of(run, "history");
    const kept = lines.filter((line) => Number((JSON.parse(line) as Row)._step) <= step);
    lines.splice(0, lines.length, ...kept);
    return kept.length;
  }
  readonly forks: [number, number, number][] = [];
  async fork(parent: number, child: number, step: number) {
    this.forks.push([parent, child, step]);
  }
}
