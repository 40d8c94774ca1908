import { useEffect } from "react";
import { Link, Redirect } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { t } from "../i18n/index.ts";
import { Overview, ProjectWorkspace, RunsTable, Sql } from "./tabs.ts";

/** The tabs of a project. An unknown tab that is a run's id is that run: the client prints such addresses. */
export default function Project({ entity, project, tab }: { entity: string; project: string; tab: string }) {
  useEffect(() => {
    document.title = `${project} · Steelyard`;
  }, [project]);
  const known = ["workspace", "table", "runs", "sql", "overview"];
  if (!known.includes(tab))
    return <Redirect to={addressOf.run(entity, project, decodeURIComponent(tab))} replace />;
  const tabs = [
    { id: "workspace", label: t("nav.workspace"), href: addressOf.project(entity, project) },
    { id: "table", label: t("nav.runs"), href: addressOf.project(entity, project, "table") },
    { id: "sql", label: t("nav.sql"), href: addressOf.project(entity, project, "sql") },
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
      {current === "workspace" && <ProjectWorkspace entity={entity} project={project} />}
      {current === "table" && <RunsTable entity={entity} project={project} />}
      {current === "sql" && <Sql entity={entity} project={project} />}
      {current === "overview" && <Overview entity={entity} project={project} />}
    </div>
  );
}
