import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { sendJson } from "../api/client.ts";
import type { Session } from "../api/session.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { Button } from "../ui/controls.tsx";
import { toast } from "../ui/toast.tsx";

interface Claimed {
  entity: string;
  projects: { name: string; newName: string; runs: number }[];
}

/** Above what belongs to nobody yet: till when it is kept, and how it becomes one's own. */
export default function OpenLink({
  link,
  signedIn,
}: {
  link: NonNullable<Session["openLink"]>;
  signedIn: boolean;
}) {
  const language = useLanguage();
  const [path, navigate] = useLocation();
  const client = useQueryClient();
  const claim = useMutation({
    mutationFn: () => sendJson<Claimed>("POST", "/api/v1/anonymous/claim", {}),
    onSuccess: ({ entity, projects }) => {
      toast(
        t("anonymous.claimed", {
          count: projects.reduce((sum, { runs }) => sum + runs, 0),
          place: projects.map(({ newName }) => `${entity}/${newName}`).join(", "),
        }),
      );
      navigate(newPath(path, { entity, projects }), { replace: true });
      client.clear();
    },
    onError: (error) => toast(error.message),
  });
  const here = path + window.location.search;
  return (
    <section className="banner open-link" aria-label={t("anonymous.title")}>
      <span>{t("anonymous.text", { time: new Date(link.expiresAt).toLocaleDateString(language) })}</span>
      {signedIn ? (
        <Button kind="primary" disabled={claim.isPending} onClick={() => claim.mutate()}>
          {t("anonymous.claim")}
        </Button>
      ) : (
        <Link className="button" href={`/login?returnTo=${encodeURIComponent(here)}`}>
          {t("anonymous.signIn")}
        </Link>
      )}
    </section>
  );
}

/** The same screen in the new place. */
function newPath(path: string, { entity, projects }: Claimed): string {
  const [project = "", ...rest] = path.split("/").slice(2);
  const moved = projects.find(({ name }) => name === decodeURIComponent(project));
  const parts = [entity, ...(moved ? [moved.newName] : [])].map(encodeURIComponent);
  return `/${[...parts, ...(moved ? rest : [])].join("/")}`;
}
