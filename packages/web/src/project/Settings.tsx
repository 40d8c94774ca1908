import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { graphql } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { Button, Dialog } from "../ui/controls.tsx";
import { toast } from "../ui/toast.tsx";
import { type ProjectFacts, VISIBILITIES } from "./project-query.ts";

const SAVE =
  "mutation SaveProject($id: String!, $description: String, $access: String) { upsertModel(input: {id: $id, description: $description, access: $access}) { inserted } }";
const DELETE = "mutation DeleteProject($id: String!) { deleteModel(input: {id: $id}) { success } }";

/** Description and visibility; deletion for who types the name. */
export function Settings({
  entity,
  project,
  facts,
  onClose,
}: {
  entity: string;
  project: string;
  facts: ProjectFacts;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string>();
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const access = String(form.get("access"));
    try {
      await graphql(SAVE, {
        id: facts.id,
        description: String(form.get("description") ?? ""),
        // Only its administrators may change it; not sent when it is as it was.
        ...(access === facts.access ? {} : { access }),
      });
    } catch (error) {
      setProblem((error as Error).message);
      return;
    }
    await client.invalidateQueries({ queryKey: ["project", entity, project] });
    onClose();
  };
  const remove = async () => {
    try {
      await graphql(DELETE, { id: facts.id });
    } catch (error) {
      setProblem((error as Error).message);
      return;
    }
    client.removeQueries({ queryKey: ["project", entity, project] });
    await client.invalidateQueries({ queryKey: ["projects"] });
    navigate(addressOf.entity(entity));
    toast(t("project.deleted", { name: project }));
  };
  return (
    <Dialog title={t("project.settings")} onClose={onClose}>
      <form onSubmit={(event) => void save(event)} className="settings-form">
        <label>
          {t("overview.description")}
          <textarea className="field" name="description" rows={5} defaultValue={facts.description ?? ""} />
        </label>
        <label>
          {t("overview.visibility")}
          <select className="field" name="access" defaultValue={facts.access}>
            {VISIBILITIES.map((access) => (
              <option key={access} value={access}>
                {t(`visibility.${access}`)}
              </option>
            ))}
          </select>
        </label>
        {problem && (
          <p className="error-text" role="alert">
            {problem}
          </p>
        )}
        <div className="actions">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit">
            {t("common.save")}
          </Button>
        </div>
      </form>
      <section className="danger-zone" aria-label={t("project.delete")}>
        <h2>{t("project.delete")}</h2>
        <label>
          {t("project.deleteHint", { name: project, count: facts.runCount })}
          <input
            className="field mono"
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        <Button kind="danger" disabled={typed !== project} onClick={() => void remove()}>
          {t("project.delete")}
        </Button>
      </section>
    </Dialog>
  );
}
