import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { alertsResolvers } from "../alerts/graphql.ts";
import { InProcessBus } from "../engines/in-process/bus.ts";
import { openSegments } from "../engines/segments/store.ts";
import { SqliteCatalog } from "../engines/sqlite/catalog.ts";
import { graphqlEndpoint, mergeResolvers } from "../http/graphql.ts";
import type { Viewer } from "../http/viewer.ts";
import type { Change } from "../ports/bus.ts";
import type { StreamName } from "../ports/metric-store.ts";
import { projectsResolvers } from "../projects/graphql.ts";
import { reportsResolvers } from "../reports/graphql.ts";
import type { Services } from "../services.ts";
import { usersResolvers } from "../users/graphql.ts";
import { runsResolvers } from "./graphql.ts";

/** A server without its sockets, for tests: real catalog, real endpoint, a clock to turn. */
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
  const folder = mkdtempSync(join(tmpdir(), "steelyard-world-"));
  const metrics = await openSegments(join(folder, "segments.db"));
  const bus = new InProcessBus();
  const changes: Change[] = [];
  bus.subscribe((change) => changes.push(change));
  const services = {
    config: { crashAfterMs: 300_000 },
    log: pino({ level: "silent" }),
    catalog,
    metrics,
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
      const context = {
        services,
        viewer: who,
        baseUrl: "http://server",
        headers: new Headers(headers),
        address: "192.0.2.1",
      };
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
            email: `${name}@example.org`,
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
    async log(run, stream, lines) {
      const { [stream]: offset } = await metrics.lineCounts(run);
      await metrics.append([{ run, stream, writer: "", offset, lines }]);
    },
    async close() {
      await bus.close();
      await metrics.close();
      rmSync(folder, { recursive: true, force: true });
      await catalog.close();
    },
  };
}
