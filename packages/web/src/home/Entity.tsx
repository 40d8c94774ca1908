import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { graphql } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { ErrorState, NotFound, Skeleton } from "../ui/controls.tsx";
import { FirstRun } from "./Home.tsx";
import { ProjectList } from "./ProjectList.tsx";
import { useProjects } from "./projects.ts";

interface EntityFacts {
  isTeam: boolean;
  members: { id: string; username: string; name: string; role: string; accountType: string }[];
}

/** A person's or a team's page: projects, and for those inside the members. */
export default function Entity({ entity }: { entity: string }) {
  const projects = useProjects(entity);
  const facts = useQuery({
    queryKey: ["entity", entity],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ entity: EntityFacts | null }>(
          "query EntityFacts($entity: String) { entity(name: $entity) { isTeam members { id username name role accountType } } }",
          { entity },
          signal,
        )
      ).entity,
  });
  useEffect(() => {
    document.title = `${entity} · Steelyard`;
  }, [entity]);
  if (projects.isPending || facts.isPending) return <Skeleton lines={8} />;
  if (projects.error) return <ErrorState error={projects.error} retry={() => projects.refetch()} />;
  if (facts.error) return <ErrorState error={facts.error} retry={() => facts.refetch()} />;
  // A stranger's page has what is open to all, or there is no telling it from none.
  if (!facts.data && projects.data.length === 0) {
    return (
      <main className="screen">
        <NotFound />
      </main>
    );
  }
  if (projects.data.length === 0 && !facts.data?.isTeam) return <FirstRun follow />;
  return (
    <main className="screen">
      <div className="sheet">
        <h1>{entity}</h1>
        <ProjectList projects={projects.data} />
        {facts.data?.isTeam && (
          <section aria-label={t("entity.members")}>
            <h2>{t("entity.members")}</h2>
            <table className="list-table" style={{ marginTop: 8 }}>
              <thead>
                <tr>
                  <th>{t("entity.person")}</th>
                  <th>{t("entity.role")}</th>
                </tr>
              </thead>
              <tbody>
                {facts.data.members.map(({ id, username, name, role, accountType }) => (
                  <tr key={id}>
                    <td>
                      {username}
                      {name !== username && <span className="muted"> {name}</span>}
                      {accountType === "SERVICE" && <span className="muted"> · {t("entity.service")}</span>}
                    </td>
                    <td>{t(`role.${role as "admin"}`)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </div>
    </main>
  );
}
