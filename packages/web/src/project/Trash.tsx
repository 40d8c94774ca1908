import { useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { graphql } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { RESTORE_RUN } from "../runs/runs.ts";
import { Button, RelativeTime } from "../ui/controls.tsx";
import { toast } from "../ui/toast.tsx";
import type { ProjectFacts } from "./project-query.ts";

/** Runs that were deleted, to be brought back one by one. */
export function Trash({
  entity,
  project,
  runs,
}: {
  entity: string;
  project: string;
  runs: ProjectFacts["deletedRuns"];
}) {
  const client = useQueryClient();
  const restore = async (id: string) => {
    try {
      await graphql(RESTORE_RUN, { id });
    } catch (error) {
      toast((error as Error).message);
    }
    await client.invalidateQueries({ queryKey: ["project", entity, project] });
    await client.invalidateQueries({ queryKey: ["runs", entity, project] });
  };
  return (
    <section aria-label={t("project.trash")}>
      <h2>{t("project.trash")}</h2>
      <p className="muted" style={{ margin: "4px 0 8px" }}>
        {t("project.trashHint")}
      </p>
      <table className="list-table">
        <tbody>
          {runs.map(({ id, name, displayName, deletedAt, deletedBy }) => (
            <tr key={id}>
              <td style={{ overflowWrap: "anywhere" }}>
                <Link href={addressOf.run(entity, project, name)}>{displayName}</Link>
              </td>
              <td className="mono muted hide-narrow">{name}</td>
              <td className="muted">
                <RelativeTime iso={deletedAt} /> {deletedBy?.username}
              </td>
              <td style={{ textAlign: "right" }}>
                <Button onClick={() => void restore(id)}>{t("run.restore")}</Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
