import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Link, Redirect } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { graphql } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { EmptyState, ErrorState, RelativeTime, Skeleton } from "../ui/controls.tsx";

const ProjectWorkspace = lazy(() => import("./ProjectWorkspace.tsx"));
const RunsTable = lazy(() => import("../runs-table/RunsTable.tsx"));

/** The tabs of a project. An unknown tab that is a run's id is that run: the client prints such addresses. */
export default function Project({ entity, project, tab }: { entity: string; project: string; tab: string }) {
  useEffect(() => {
    document.title = `${project} · Steelyard`;
  }, [project]);
  const known = ["workspace", "table", "runs", "overview"];
  if (!known.includes(tab))
    return <Redirect to={addressOf.run(entity, project, decodeURIComponent(tab))} replace />;
  const tabs = [
    { id: "workspace", label: t("nav.workspace"), href: addressOf.project(entity, project) },
    { id: "table", label: t("nav.runs"), href: addressOf.project(entity, project, "table") },
    { id: "overview", label: t("nav.overview"), href: addressOf.project(entity, project, "overview") },
  ];
  const current = tab === "runs" ? "table" : tab;
  return (
    <div className="screen fixed">
      <nav className="tabs" aria-label={project}>
        {tabs.map(({ id, label, href }) => (
          <Link key={id} href={href} aria-current={id === current ? "page" : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<Skeleton lines={8} />}>
        {current === "workspace" && <ProjectWorkspace entity={entity} project={project} />}
        {current === "table" && <RunsTable entity={entity} project={project} />}
        {current === "overview" && <Overview entity={entity} project={project} />}
      </Suspense>
    </div>
  );
}

interface ProjectFacts {
  description: string | null;
  access: string | null;
  createdAt: string;
  runCount: number;
}

function Overview({ entity, project }: { entity: string; project: string }) {
  const facts = useQuery({
    queryKey: ["project", entity, project],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ project: ProjectFacts | null }>(
          "query ProjectFacts($entity: String, $project: String) { project(name: $project, entityName: $entity) { description access createdAt runCount } }",
          { entity, project },
          signal,
        )
      ).project,
  });
  if (facts.isPending) return <Skeleton />;
  if (facts.error) return <ErrorState error={facts.error} retry={() => facts.refetch()} />;
  if (!facts.data) return <EmptyState title={t("notFound.title")} />;
  const rows: [string, React.ReactNode][] = [
    [t("overview.created"), <RelativeTime key="created" iso={facts.data.createdAt} />],
    [t("overview.visibility"), facts.data.access ?? "–"],
    [t("overview.runs"), facts.data.runCount],
    [
      t("overview.description"),
      facts.data.description || <span className="muted">{t("overview.noDescription")}</span>,
    ],
  ];
  return (
    <main className="sheet" style={{ width: "100%" }}>
      <h1>{project}</h1>
      <div className="tree">
        {rows.map(([name, value]) => (
          <div key={name} className="row">
            <span>{name}</span>
            <span>{value}</span>
          </div>
        ))}
      </div>
    </main>
  );
}
