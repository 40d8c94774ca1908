import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "wouter";
import { graphql } from "../api/client.ts";
import { setLanguage, t, useLanguage } from "../i18n/index.ts";
import { setTheme, useThemeChoice } from "../theme/theme.ts";
import { Button, EmptyState, ErrorState, RelativeTime, Segmented, Skeleton } from "../ui/controls.tsx";
import { toast } from "../ui/toast.tsx";

interface Key {
  id: string;
  name: string;
  description: string | null;
  createdAt: string;
}

export default function Settings() {
  const language = useLanguage();
  const theme = useThemeChoice();
  const client = useQueryClient();
  const keys = useQuery({
    queryKey: ["keys"],
    queryFn: async ({ signal }) =>
      (
        await graphql<{ viewer: { apiKeys: { edges: { node: Key }[] } } }>(
          "query Keys { viewer { id apiKeys { edges { node { id name description createdAt } } } } }",
          {},
          signal,
        )
      ).viewer.apiKeys.edges.map(({ node }) => node),
  });
  const revoke = useMutation({
    mutationFn: (key: Key) =>
      graphql("mutation DeleteApiKey($id: String!) { deleteApiKey(input: {id: $id}) { success } }", {
        id: key.id,
      }),
    onSuccess: (_answer, key) => {
      toast(t("keys.revoked", { prefix: key.name }));
      void client.invalidateQueries({ queryKey: ["keys"] });
    },
    onError: (error) => toast(error.message),
  });
  useEffect(() => {
    document.title = `${t("nav.settings")} · Steelyard`;
  });
  return (
    <main className="screen">
      <div className="sheet" style={{ maxWidth: 720 }}>
        <h1>{t("nav.settings")}</h1>
        <dl className="project-facts settings">
          <div>
            <dt>{t("nav.theme")}</dt>
            <dd>
              <Segmented
                label={t("nav.theme")}
                value={theme}
                onChange={setTheme}
                options={(["light", "dark", "system"] as const).map((value) => ({
                  value,
                  label: t(`nav.theme.${value}`),
                }))}
              />
            </dd>
          </div>
          <div>
            <dt>{t("nav.language")}</dt>
            <dd>
              <Segmented
                label={t("nav.language")}
                value={language}
                onChange={setLanguage}
                options={[
                  { value: "en", label: "English" },
                  { value: "ko", label: "한국어" },
                ]}
              />
            </dd>
          </div>
        </dl>
        <div className="switch-row">
          <h2>{t("keys.title")}</h2>
          <span className="grow" />
          <Link className="button" href="/authorize">
            {t("authorize.create")}
          </Link>
        </div>
        {keys.isPending && <Skeleton />}
        {keys.error && <ErrorState error={keys.error} retry={() => keys.refetch()} />}
        {keys.data?.length === 0 && <EmptyState title={t("keys.none")} />}
        {keys.data && keys.data.length > 0 && (
          <table className="list-table">
            <thead>
              <tr>
                <th>{t("keys.begins")}</th>
                <th>{t("authorize.description")}</th>
                <th>{t("table.created")}</th>
                <th>
                  <span className="visually-hidden">{t("keys.revoke")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.data.map((key) => (
                <tr key={key.id}>
                  <td className="mono">{key.name}…</td>
                  <td>{key.description}</td>
                  <td className="muted">
                    <RelativeTime iso={key.createdAt} />
                  </td>
                  <td style={{ textAlign: "right" }}>
                    <Button kind="danger" onClick={() => revoke.mutate(key)}>
                      {t("keys.revoke")}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </main>
  );
}
