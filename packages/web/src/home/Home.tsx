import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { useListening, useLive } from "../api/live.ts";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { ErrorState, Skeleton, Snippet } from "../ui/controls.tsx";
import { ProjectList } from "./ProjectList.tsx";
import { useProjects } from "./projects.ts";

export default function Home({ quickstart = false }: { quickstart?: boolean }) {
  const projects = useProjects();
  const { refetch } = projects;
  const listening = useListening();
  useEffect(() => {
    // A run that came before its coming could be heard.
    if (listening) void refetch();
  }, [listening, refetch]);
  useEffect(() => {
    document.title = `${t("nav.home")} · Steelyard`;
  }, []);
  // Its project comes before the run: what was shown as empty stays so until there is a run to go to.
  const [, navigate] = useLocation();
  const wasEmpty = useRef(false);
  const first = projects.data?.find(({ runs }) => runs.edges.length > 0);
  const firstRun = first?.runs.edges[0]?.node.name;
  if (projects.data?.length === 0 && !quickstart) wasEmpty.current = true;
  useEffect(() => {
    if (wasEmpty.current && first && firstRun)
      navigate(addressOf.run(first.entityName, first.name, firstRun));
  }, [first, firstRun, navigate]);
  if (projects.isPending) return <Skeleton lines={8} />;
  if (projects.error) return <ErrorState error={projects.error} retry={() => projects.refetch()} />;
  if (quickstart || wasEmpty.current) return <FirstRun follow={!quickstart} />;
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
  const listening = useListening();
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
        {follow && listening && (
          <div className="waiting" role="status">
            <span className="pulse" aria-hidden="true" />
            {t("first.waiting")}
          </div>
        )}
      </div>
    </main>
  );
}
