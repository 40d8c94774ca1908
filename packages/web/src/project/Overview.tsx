import { type ReactNode, useState } from "react";
import { t } from "../i18n/index.ts";
import { Button, ErrorState, NotFound, RelativeTime, Skeleton, Snippet } from "../ui/controls.tsx";
import { grouped } from "../ui/format.ts";
import { useProject } from "./project-query.ts";
import { Settings } from "./Settings.tsx";
import { Trash } from "./Trash.tsx";

/** What a project is, how a script logs to it, its settings, and the runs that were deleted. */
export default function Overview({ entity, project }: { entity: string; project: string }) {
  const facts = useProject(entity, project);
  const [editing, setEditing] = useState(false);
  if (facts.isPending) return <Skeleton />;
  if (facts.error && !facts.data) return <ErrorState error={facts.error} retry={() => facts.refetch()} />;
  if (!facts.data) return <NotFound />;
  const data = facts.data;
  const rows: [string, ReactNode][] = [
    [t("overview.owner"), `${entity}${data.user ? ` (${data.user.username})` : ""}`],
    [t("overview.created"), <RelativeTime key="created" iso={data.createdAt} />],
    [t("overview.visibility"), t(`visibility.${data.access}`)],
    [t("overview.runs"), grouped(data.runCount)],
    [
      t("overview.description"),
      data.description || <span className="muted">{t("overview.noDescription")}</span>,
    ],
  ];
  return (
    <main className="screen">
      <div className="sheet">
        <div className="switch-row">
          <h1>{project}</h1>
          <span className="grow" />
          {!data.readOnly && <Button onClick={() => setEditing(true)}>{t("project.settings")}</Button>}
        </div>
        <dl className="project-facts">
          {rows.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {!data.readOnly && (
          <Snippet
            code={`wandb.init(entity=${JSON.stringify(entity)}, project=${JSON.stringify(project)})`}
          />
        )}
        {data.deletedRuns.length > 0 && <Trash entity={entity} project={project} runs={data.deletedRuns} />}
      </div>
      {editing && (
        <Settings entity={entity} project={project} facts={data} onClose={() => setEditing(false)} />
      )}
    </main>
  );
}
