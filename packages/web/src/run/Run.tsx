import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, Redirect, useLocation } from "wouter";
import { underBase } from "../address/base.ts";
import { addressOf } from "../address/query-state.ts";
import { graphql, queryString } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import { DELETE_RUN, RESTORE_RUN, STOP_RUN, TAG_RUN } from "../runs/runs.ts";
import { durationMs } from "../runs-table/columns.ts";
import { useTheme } from "../theme/theme.ts";
import {
  Confirm,
  copyText,
  ErrorState,
  NotFound,
  Popover,
  RelativeTime,
  Skeleton,
  StateBadge,
} from "../ui/controls.tsx";
import { duration, parseJson } from "../ui/format.ts";
import { whileComposing } from "../ui/SearchField.tsx";
import { toast } from "../ui/toast.tsx";
import { Crashed } from "./Crashed.tsx";
import { Deleted } from "./Deleted.tsx";
import { Overview } from "./Overview.tsx";
import { type RunFacts, useRun } from "./run-query.ts";
import { Files, Logs, RunCharts, SystemCharts } from "./tabs.ts";
import "./run.css";

export interface RunAddress {
  entity: string;
  project: string;
  run: string;
}

export default function Run({ entity, project, run, rest }: RunAddress & { rest: string }) {
  const facts = useRun(entity, project, run);
  const [tab = "workspace", ...path] = rest.split("/").filter(Boolean);
  const { run: data, deletedRun } = facts.data ?? {};
  useEffect(() => {
    document.title = `${data?.state === "running" ? "▶ " : ""}${data?.displayName ?? run} · ${project} · Steelyard`;
  }, [data, project, run]);
  if (facts.isPending) return <Skeleton lines={8} />;
  if (facts.error && !facts.data) return <ErrorState error={facts.error} retry={() => facts.refetch()} />;
  if (deletedRun)
    return (
      <Deleted entity={entity} project={project} facts={deletedRun} onRestored={() => facts.refetch()} />
    );
  if (!data) return <NotFound />;
  const place = data.project;
  if (place.name !== project || place.entity.name !== entity)
    return <Redirect to={addressOf.run(place.entity.name, place.name, run, rest)} replace />;
  const tabs = [
    { id: "workspace", label: t("run.charts"), href: addressOf.run(entity, project, run) },
    { id: "overview", label: t("run.overview"), href: addressOf.run(entity, project, run, "overview") },
    { id: "system", label: t("run.system"), href: addressOf.run(entity, project, run, "system") },
    { id: "logs", label: t("run.logs"), href: addressOf.run(entity, project, run, "logs") },
    { id: "files", label: t("run.files"), href: addressOf.run(entity, project, run, "files") },
  ];
  const current = tabs.some(({ id }) => id === tab) ? tab : "workspace";
  return (
    <div className="screen fixed">
      <Header entity={entity} project={project} facts={data} />
      <nav className="tabs" aria-label={data.displayName}>
        {tabs.map(({ id, label, href }) => (
          <Link key={id} href={href} aria-current={id === current ? "page" : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      {data.state === "crashed" && <Crashed entity={entity} project={project} facts={data} />}
      {data.stopped && data.state === "running" && <p className="banner">{t("run.stopping")}</p>}
      {current === "workspace" && <RunCharts entity={entity} project={project} run={data} />}
      {current === "overview" && <Overview entity={entity} project={project} facts={data} />}
      {current === "system" && <SystemCharts entity={entity} project={project} run={data} />}
      {current === "logs" && <Logs entity={entity} project={project} run={run} />}
      {current === "files" && (
        <Files entity={entity} project={project} run={run} path={path.map(decodeURIComponent)} />
      )}
    </div>
  );
}

const RENAME =
  "mutation RenameRun($id: String!, $name: String) { upsertBucket(input: {id: $id, displayName: $name}) { bucket { id } } }";

function Header({ entity, project, facts }: { entity: string; project: string; facts: RunFacts }) {
  const client = useQueryClient();
  const theme = useTheme();
  const [, navigate] = useLocation();
  const [editing, setEditing] = useState(false);
  const [asking, setAsking] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: ["run", entity, project, facts.name] });
  const change = async (document: string, variables: Record<string, unknown>) => {
    try {
      await graphql(document, variables);
    } catch (error) {
      toast((error as Error).message);
    }
    await refresh();
  };
  const fork = forkOf(facts.config);
  return (
    <header className="run-header">
      <span className="colour" style={{ background: runColour(facts.defaultColorIndex, theme) }} />
      {editing ? (
        <form
          onKeyDown={whileComposing}
          onSubmit={(event) => {
            event.preventDefault();
            const name = String(new FormData(event.currentTarget).get("name") ?? "").trim();
            setEditing(false);
            if (name && name !== facts.displayName) void change(RENAME, { id: facts.id, name });
          }}
        >
          <input
            className="field"
            name="name"
            aria-label={t("run.rename")}
            defaultValue={facts.displayName}
            autoFocus
            maxLength={1000}
            onKeyDown={(event) => event.key === "Escape" && setEditing(false)}
          />
        </form>
      ) : (
        <h1>
          {facts.readOnly ? (
            facts.displayName
          ) : (
            <button type="button" className="rename" title={t("run.rename")} onClick={() => setEditing(true)}>
              {facts.displayName}
            </button>
          )}
        </h1>
      )}
      <StateBadge state={facts.state} />
      <span className="muted mono hide-narrow">{facts.name}</span>
      <span className="muted">
        <RelativeTime iso={facts.createdAt} /> · {duration(durationMs(facts))}
      </span>
      {facts.user && <span className="muted hide-narrow">{facts.user.username}</span>}
      {(facts.group || facts.jobType) && (
        <span className="muted hide-narrow">{[facts.group, facts.jobType].filter(Boolean).join(" › ")}</span>
      )}
      {fork && (
        <Link className="muted" href={addressOf.run(entity, project, fork.run)}>
          {t("run.forkOf", { run: fork.run, step: fork.step })}
        </Link>
      )}
      <span className="tags">
        {facts.tags.map((tag) => (
          <span key={tag} className="tag">
            {tag}
            {!facts.readOnly && (
              <button
                type="button"
                aria-label={`${t("common.delete")}: ${tag}`}
                onClick={() =>
                  change(TAG_RUN, { id: facts.id, tags: facts.tags.filter((one) => one !== tag) })
                }
              >
                ✕
              </button>
            )}
          </span>
        ))}
        {!facts.readOnly && (
          <Popover label={t("run.addTag")} face="+" kind="quiet">
            {(close) => (
              <form
                onKeyDown={whileComposing}
                onSubmit={(event) => {
                  event.preventDefault();
                  const tag = String(new FormData(event.currentTarget).get("tag") ?? "").trim();
                  close();
                  if (tag) void change(TAG_RUN, { id: facts.id, tags: [...new Set([...facts.tags, tag])] });
                }}
              >
                <input
                  className="field"
                  name="tag"
                  aria-label={t("run.addTag")}
                  placeholder={t("run.addTag")}
                  maxLength={200}
                />
              </form>
            )}
          </Popover>
        )}
      </span>
      <span className="grow" />
      <Popover label={t("common.more")} face="⋯" align="right">
        {(close) => (
          <>
            {facts.state === "running" && !facts.readOnly && (
              <button
                type="button"
                className="item"
                onClick={() => {
                  close();
                  setAsking(true);
                }}
              >
                {t("run.stop")}
              </button>
            )}
            <button
              type="button"
              className="item"
              onClick={() => {
                void copyText(`${entity}/${project}/${facts.name}`);
                close();
              }}
            >
              {t("run.copyPath")}
            </button>
            <a
              className="item"
              href={underBase(
                `/api/v1/export${queryString({ entity, project, run: facts.name, format: "csv" })}`,
              )}
              download
              onClick={close}
            >
              {t("run.exportHistory")}
            </a>
            {!facts.readOnly && (
              <button
                type="button"
                className="item danger"
                onClick={async () => {
                  close();
                  await change(DELETE_RUN, { id: facts.id });
                  navigate(addressOf.project(entity, project));
                  toast(t("run.deleted", { name: facts.displayName }), {
                    label: t("common.undo"),
                    run: () =>
                      void change(RESTORE_RUN, { id: facts.id }).then(() =>
                        navigate(addressOf.run(entity, project, facts.name)),
                      ),
                  });
                }}
              >
                {t("run.delete")}
              </button>
            )}
          </>
        )}
      </Popover>
      {asking && (
        <Confirm
          title={t("run.stop")}
          text={t("run.stopConfirm", { name: facts.displayName })}
          action={t("table.stop")}
          onConfirm={() => void change(STOP_RUN, { id: facts.id })}
          onClose={() => setAsking(false)}
        />
      )}
    </header>
  );
}

function forkOf(config: string): { run: string; step: number } | undefined {
  const own = parseJson(config)._wandb as
    | { value?: { branch_point?: { run_id?: string; step?: number } } }
    | undefined;
  const point = own?.value?.branch_point;
  return point?.run_id ? { run: point.run_id, step: point.step ?? 0 } : undefined;
}
