import { useEffect } from "react";
import { Link, useLocation } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { useLive } from "../api/live.ts";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { ErrorState, Skeleton, Snippet } from "../ui/controls.tsx";
import { ProjectList } from "./ProjectList.tsx";
import { useProjects } from "./projects.ts";

export default function Home({ quickstart = false }: { quickstart?: boolean }) {
  const projects = useProjects();
  useEffect(() => {
    document.title = `${t("nav.home")} · Steelyard`;
  }, []);
  if (projects.isPending) return <Skeleton lines={8} />;
  if (projects.error) return <ErrorState error={projects.error} retry={() => projects.refetch()} />;
  if (quickstart || projects.data.length === 0) return <FirstRun follow={!quickstart} />;
  return (
    <main className="screen">
      <div className="sheet">
        <h1>{t("home.title")}</h1>
        <ProjectList projects={projects.data} />
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
