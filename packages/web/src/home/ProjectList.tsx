import { Link } from "wouter";
import { addressOf, useAddress } from "../address/query-state.ts";
import { t } from "../i18n/index.ts";
import { EmptyState, RelativeTime, StateBadge } from "../ui/controls.tsx";
import { grouped } from "../ui/format.ts";
import { SearchField } from "../ui/SearchField.tsx";
import type { ProjectRow } from "./projects.ts";

/** Projects as a table with a filter. */
export function ProjectList({ projects }: { projects: readonly ProjectRow[] }) {
  const address = useAddress();
  const filter = address.get("q");
  const shown = projects.filter(({ name, entityName }) =>
    `${entityName}/${name}`.toLowerCase().includes(filter.toLowerCase()),
  );
  return (
    <>
      <SearchField
        data-search
        label={t("home.filter")}
        value={filter}
        onText={(q) => address.set({ q })}
        style={{ maxWidth: 280 }}
      />
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
                  <td className="num">{grouped(project.runCount)}</td>
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
    </>
  );
}
