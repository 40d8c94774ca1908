import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { graphql } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { configOf, durationMs } from "../runs-table/columns.ts";
import { Button, CopyButton, NumberText, RelativeTime } from "../ui/controls.tsx";
import { duration, parseJson, show } from "../ui/format.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { toast } from "../ui/toast.tsx";
import type { RunFacts } from "./run-query.ts";

/** What a run is and where it ran; its config and summary as searchable trees. */
export function Overview({ entity, project, facts }: { entity: string; project: string; facts: RunFacts }) {
  const own = parseJson(facts.config)._wandb as { value?: { cli_version?: string } } | undefined;
  const config = Object.fromEntries(
    Object.entries(configOf(facts.config)).filter(([key]) => key !== "_wandb" && key !== "wandb_version"),
  );
  const summary = Object.fromEntries(
    Object.entries(parseJson(facts.summaryMetrics)).filter(([key]) => key !== "_wandb"),
  );
  const { runInfo: info } = facts;
  const command = info?.program
    ? [info.executable ? "python" : "", info.program, ...(info.args ?? [])].filter(Boolean).join(" ")
    : undefined;
  const rows: [string, ReactNode][] = [
    [t("run.author"), facts.user?.username],
    [t("run.created"), <RelativeTime key="created" iso={facts.createdAt} />],
    [t("run.duration"), duration(durationMs(facts))],
    [t("run.heartbeat"), <RelativeTime key="heartbeat" iso={facts.heartbeatAt} />],
    [t("run.exitCode"), facts.exitcode],
    [t("run.path"), `${entity}/${project}/${facts.name}`],
    [t("run.group"), facts.group],
    [t("run.jobType"), facts.jobType],
    [t("run.host"), facts.host],
    [t("run.os"), info?.os],
    [t("run.python"), info?.python],
    [t("run.command"), command],
    [t("run.git"), info?.git?.remote],
    [t("run.commit"), info?.git?.commit ?? facts.commit],
    [
      t("run.hardware"),
      info?.cpuCount
        ? `${info.cpuCount} CPU${info.gpuCount ? `, ${info.gpuCount} × ${info.gpu ?? "GPU"}` : ""}`
        : undefined,
    ],
    [t("run.client"), own?.value?.cli_version],
  ];
  return (
    <main className="overview">
      <div className="cols">
        <section className="card" aria-label={t("run.environment")}>
          <header>
            <h2>{t("run.environment")}</h2>
            <span className="grow" />
            {command && <CopyButton text={command} label={t("run.command")} />}
          </header>
          <div className="tree">
            {rows
              .filter(([, value]) => value !== undefined && value !== null && value !== "")
              .map(([name, value]) => (
                <div key={name} className="row">
                  <span>{name}</span>
                  <span>{value}</span>
                </div>
              ))}
          </div>
          <Notes entity={entity} project={project} facts={facts} />
        </section>
        <Values title={t("run.config")} empty={t("run.noConfig")} values={config} />
        <Values title={t("run.summary")} empty={t("run.noSummary")} values={summary} />
      </div>
    </main>
  );
}

function Notes({ entity, project, facts }: { entity: string; project: string; facts: RunFacts }) {
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const save = async (notes: string) => {
    setEditing(false);
    try {
      await graphql(
        "mutation SetNotes($id: String!, $notes: String) { upsertBucket(input: {id: $id, notes: $notes}) { bucket { id } } }",
        { id: facts.id, notes },
      );
    } catch (error) {
      toast((error as Error).message);
    }
    await client.invalidateQueries({ queryKey: ["run", entity, project, facts.name] });
  };
  return (
    <div style={{ marginTop: 12, display: "grid", gap: 6 }}>
      <h2>{t("run.notes")}</h2>
      {editing ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void save(String(new FormData(event.currentTarget).get("notes") ?? ""));
          }}
          style={{ display: "grid", gap: 6 }}
        >
          <textarea
            className="field"
            name="notes"
            rows={5}
            defaultValue={facts.notes ?? ""}
            aria-label={t("run.notes")}
            autoFocus
          />
          <div className="switch-row">
            <Button kind="primary" type="submit">
              {t("common.save")}
            </Button>
            <Button onClick={() => setEditing(false)}>{t("common.cancel")}</Button>
          </div>
        </form>
      ) : (
        <button
          type="button"
          className="button quiet"
          style={{ whiteSpace: "pre-wrap", height: "auto", textAlign: "left", justifyContent: "start" }}
          onClick={() => setEditing(true)}
        >
          {facts.notes || <span className="muted">{t("run.addNotes")}</span>}
        </button>
      )}
    </div>
  );
}

/** Nested objects flattened to dotted keys; large values folded. */
function Values({ title, empty, values }: { title: string; empty: string; values: Record<string, unknown> }) {
  const [search, setSearch] = useState("");
  const rows = [...flatten(values)].filter(([key]) => key.toLowerCase().includes(search.toLowerCase()));
  return (
    <section className="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="grow" />
        <SearchField
          label={`${title}: ${t("run.filterKeys")}`}
          placeholder={t("run.filterKeys")}
          value={search}
          onText={setSearch}
        />
        <CopyButton text={JSON.stringify(values, null, 2)} label="JSON" />
      </header>
      {Object.keys(values).length === 0 ? (
        <p className="muted">{empty}</p>
      ) : (
        <div className="tree">
          {rows.slice(0, 1000).map(([key, value]) => (
            <div key={key} className="row">
              <span>{key}</span>
              <span>
                {typeof value === "number" ? <NumberText value={value} /> : <Long text={show(value)} />}
              </span>
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

function Long({ text }: { text: string }) {
  const LIMIT = 400;
  if (text.length <= LIMIT) return text;
  return (
    <details>
      <summary>{text.slice(0, LIMIT)}…</summary>
      {text}
    </details>
  );
}

function* flatten(object: Record<string, unknown>, prefix = ""): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(object)) {
    const nested =
      typeof value === "object" && value !== null && !Array.isArray(value) && !("_type" in value);
    if (nested && Object.keys(value).length > 0)
      yield* flatten(value as Record<string, unknown>, `${prefix}${key}.`);
    else yield [prefix + key, value];
  }
}
