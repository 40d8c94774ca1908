import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { graphql } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { configOf } from "../runs/run-values.ts";
import { Button, CopyButton, NumberText } from "../ui/controls.tsx";
import { parseJson } from "../ui/format.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { show } from "../ui/show.ts";
import { toast } from "../ui/toast.tsx";
import { Again, Alerts, EnvironmentCard, Packages } from "./EnvironmentCards.tsx";
import { environmentOf } from "./environment.ts";
import { type RunFacts, useOwnFiles } from "./run-query.ts";

/** What a run is and where it ran; its config and summary as searchable trees; how to have its code and packages again. */
export function Overview({ entity, project, facts }: { entity: string; project: string; facts: RunFacts }) {
  const files = useOwnFiles(entity, project, facts.name);
  const environment = useMemo(
    () => environmentOf(facts.config, files.metadata),
    [facts.config, files.metadata],
  );
  const config = Object.fromEntries(
    Object.entries(configOf(facts.config)).filter(([key]) => key !== "_wandb" && key !== "wandb_version"),
  );
  const summary = Object.fromEntries(
    Object.entries(parseJson(facts.summaryMetrics)).filter(([key]) => key !== "_wandb"),
  );
  return (
    <main className="overview">
      <div className="cols">
        <div className="stack">
          <EnvironmentCard entity={entity} project={project} facts={facts} environment={environment} />
          <Notes entity={entity} project={project} facts={facts} />
        </div>
        <div className="stack">
          <Values title={t("run.config")} empty={t("run.noConfig")} values={config} />
          <Again environment={environment} patchUrl={files.patchUrl} />
          <Alerts alerts={facts.alerts} />
        </div>
        <div className="stack">
          <Values title={t("run.summary")} empty={t("run.noSummary")} values={summary} />
          {files.packages !== undefined && <Packages list={files.packages} />}
        </div>
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
    <section className="card" aria-label={t("run.notes")}>
      <header>
        <h2>{t("run.notes")}</h2>
      </header>
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
      ) : facts.readOnly ? (
        <p style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {facts.notes || <span className="muted">{t("run.noNotes")}</span>}
        </p>
      ) : (
        <button type="button" className="button quiet notes-text" onClick={() => setEditing(true)}>
          {facts.notes || <span className="muted">{t("run.addNotes")}</span>}
        </button>
      )}
    </section>
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
