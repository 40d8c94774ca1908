import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { useLive } from "../api/live.ts";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { EmptyState, ErrorState, RelativeTime, Skeleton, Snippet, StateBadge } from "../ui/controls.tsx";
import { useProjects } from "./projects.ts";

export default function Home({ entity, quickstart = false }: { entity?: string; quickstart?: boolean }) {
  const projects = useProjects(entity);
  const client = useQueryClient();
  const [filter, setFilter] = useState("");
  useLive(entity, undefined, (change) => {
    if (change.kind === "run" || change.kind === "project" || change.kind === "deleted") {
      void client.invalidateQueries({ queryKey: ["projects"] });
    }
  });
  useEffect(() => {
    document.title = `${entity ?? t("nav.home")} · Steelyard`;
  }, [entity]);
  if (projects.isPending) return <Skeleton lines={8} />;
  if (projects.error) return <ErrorState error={projects.error} retry={() => projects.refetch()} />;
  if (quickstart || projects.data.length === 0) return <FirstRun follow={!quickstart} />;
  const shown = projects.data.filter(({ name, entityName }) =>
    `${entityName}/${name}`.toLowerCase().includes(filter.toLowerCase()),
  );
  return (
    <main className="screen">
      <div className="sheet">
        <div style={{ display: "flex", gap: 12, alignItems: "center" }}>
          <h1>{t("home.title")}</h1>
          <span className="grow" />
          <input
            className="field"
            data-search
            aria-label={t("home.filter")}
            placeholder={t("home.filter")}
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        </div>
        {shown.length === 0 ? (
          <EmptyState title={t("home.none", { text: filter })} />
        ) : (
          <table className="list-table">
            <thead>
              <tr>
                <th>{t("home.project")}</th>
                <th className="num">{t("home.runs")}</th>
                <th>{t("home.lastRun")}</th>
                <th className="hide-narrow">{t("table.state")}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((project) => {
                const last = project.runs.edges[0]?.node;
                return (
                  <tr key={project.id}>
                    <td>
                      <Link href={addressOf.project(project.entityName, project.name)}>
                        <span className="muted">{project.entityName}/</span>
                        <strong style={{ fontWeight: 600 }}>{project.name}</strong>
                      </Link>
                    </td>
                    <td className="num">{project.runCount}</td>
                    <td>
                      {last ? (
                        <>
                          <Link href={addressOf.run(project.entityName, project.name, last.name)}>
                            {last.displayName}
                          </Link>{" "}
                          <span className="muted">
                            <RelativeTime iso={last.createdAt} />
                          </span>
                        </>
                      ) : (
                        <span className="muted">–</span>
                      )}
                    </td>
                    <td className="hide-narrow">{last && <StateBadge state={last.state} />}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        )}
      </div>
    </main>
  );
}

/** An empty server: how to begin, and the first run the moment it comes. */
export function FirstRun({ follow, project }: { follow: boolean; project?: string }) {
  const server = useServer();
  const [, navigate] = useLocation();
  useLive(undefined, project, (change) => {
    if (follow && (change.kind === "run" || change.kind === "rows"))
      navigate(addressOf.run(change.entity, change.project, change.run));
  });
  const baseUrl = server.data?.baseUrl ?? window.location.origin;
  const name = project ?? "first";
  return (
    <main className="screen">
      <div className="sheet" style={{ maxWidth: 720 }}>
        <h1>{t("first.title")}</h1>
        <p className="muted">{t("first.intro")}</p>
        <h2>{t("first.shell")}</h2>
        <Snippet code={`export WANDB_BASE_URL=${baseUrl}\nexport WANDB_API_KEY=<key>`} />
        <p className="muted">
          {t("first.keyHint")} <Link href="/authorize">{baseUrl}/authorize</Link>
        </p>
        <h2>{t("first.python")}</h2>
        <Snippet
          code={`import wandb

with wandb.init(project="${name}", config={"lr": 0.01}) as run:
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})`}
        />
        <h2>{t("first.typescript")}</h2>
        <Snippet
          code={`import * as steelyard from "steelyard";

const run = await steelyard.init({ project: "${name}", config: { lr: 0.01 } });
for (let step = 0; step < 100; step++) run.log({ loss: 1 / (step + 1) });
await run.finish();`}
        />
        {follow && (
          <div className="waiting" role="status">
            <span className="pulse" aria-hidden="true" />
            {t("first.waiting")}
          </div>
        )}
      </div>
    </main>
  );
}
