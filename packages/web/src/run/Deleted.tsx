import { Link } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { graphql } from "../api/client.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { RESTORE_RUN } from "../runs/runs.ts";
import { Button, EmptyState } from "../ui/controls.tsx";
import { toast } from "../ui/toast.tsx";
import type { DeletedFacts } from "./run-query.ts";

/** At the address of a run in the trash: what became of it, and the way back for those who may. */
export function Deleted({
  entity,
  project,
  facts,
  onRestored,
}: {
  entity: string;
  project: string;
  facts: DeletedFacts;
  onRestored: () => void;
}) {
  const time = new Date(facts.deletedAt).toLocaleString(useLanguage());
  const { displayName: name, deletedBy, readOnly } = facts;
  const restore = async () => {
    try {
      await graphql(RESTORE_RUN, { id: facts.id });
    } catch (error) {
      toast((error as Error).message);
    }
    onRestored();
  };
  return (
    <div>
      <EmptyState title={t("run.gone")}>
        <p>
          {deletedBy
            ? t("run.gone.by", { name, time, user: deletedBy.username })
            : t("run.gone.text", { name, time })}{" "}
          {t(readOnly ? "run.gone.ask" : "run.gone.hint")}
        </p>
        <p className="switch-row">
          {!readOnly && (
            <Button kind="primary" onClick={() => void restore()}>
              {t("run.restore")}
            </Button>
          )}
          <Link className="button" href={addressOf.project(entity, project)}>
            {t("run.gone.project")}
          </Link>
        </p>
      </EmptyState>
    </div>
  );
}
