import type { Hono } from "hono";
import { adminRoutes } from "./admin/routes.ts";
import { alertsResolvers } from "./alerts/graphql.ts";
import { anonymousResolvers } from "./anonymous/graphql.ts";
import { anonymousRoutes } from "./anonymous/routes.ts";
import { ARTIFACT_FEATURES, artifactsResolvers } from "./artifacts/graphql.ts";
import { artifactsRoutes } from "./artifacts/routes.ts";
import { fileStreamRoutes } from "./file-stream/routes.ts";
import { filesResolvers } from "./files/graphql.ts";
import { filesRoutes } from "./files/routes.ts";
import type { AppEnv } from "./http/app.ts";
import type { Monitoring } from "./http/monitoring.ts";
import type { Resolvers } from "./http/resolvers.ts";
import { liveRoutes } from "./live/routes.ts";
import { logsRoutes } from "./logs/routes.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { projectsResolvers } from "./projects/graphql.ts";
import { reportsResolvers } from "./reports/graphql.ts";
import { runsResolvers } from "./runs/graphql.ts";
import type { Services } from "./services.ts";
import { sqlRoutes } from "./sql/routes.ts";
import { deviceRoutes } from "./users/device-routes.ts";
import { announceFeatures, usersResolvers } from "./users/graphql.ts";
import { usersRoutes } from "./users/routes.ts";

/** Every feature's edges; the one list to add a feature to. */
export function featureRoutes(services: Services, { ingest }: Monitoring): Hono<AppEnv>[] {
  return [
    usersRoutes(services),
    deviceRoutes(services),
    anonymousRoutes(services),
    adminRoutes(services),
    fileStreamRoutes(services, ingest),
    filesRoutes(services),
    artifactsRoutes(services),
    metricsRoutes(services),
    logsRoutes(services),
    liveRoutes(services),
    sqlRoutes(services),
  ];
}

export function featureResolvers(): Resolvers[] {
  announceFeatures(ARTIFACT_FEATURES);
  return [
    usersResolvers,
    anonymousResolvers,
    projectsResolvers,
    runsResolvers,
    filesResolvers,
    artifactsResolvers,
    alertsResolvers,
    reportsResolvers,
  ];
}
