import { type ReactNode, useState } from "react";
import { t } from "../i18n/index.ts";
import { DELETE_RUN, forEachRun, RESTORE_RUN, type RunRow, STOP_RUN, TAG_RUN } from "../runs/runs.ts";
import { Button, Confirm, Dialog } from "../ui/controls.tsx";
import { whileComposing } from "../ui/SearchField.tsx";
import { toast } from "../ui/toast.tsx";

/** What can be done with the picked runs. `onDone` is told after each change, made or failed. */
export function Selection({ picked, onDone }: { picked: readonly RunRow[]; onDone: () => Promise<unknown> }) {
  const [dialog, setDialog] = useState<"delete" | "tag">();
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      toast((error as Error).message);
    }
    await onDone();
  };
  const ids = ({ id }: RunRow) => ({ id });
  const remove = () =>
    act(async () => {
      await forEachRun(picked, DELETE_RUN, ids);
      toast(t("table.deleted", { count: picked.length }), {
        label: t("common.undo"),
        run: () => void act(() => forEachRun(picked, RESTORE_RUN, ids)),
      });
    });
  const running = picked.filter(({ state }) => state === "running");
  const stop = () =>
    act(async () => toast(t("table.stopped", { count: await forEachRun(running, STOP_RUN, ids) })));
  const tag = (name: string) =>
    act(async () => {
      const tagged = (run: RunRow) => ({ id: run.id, tags: [...new Set([...run.tags, name])] });
      toast(t("table.tagged", { count: await forEachRun(picked, TAG_RUN, tagged) }));
    });
  return (
    <div className="selection" role="toolbar" aria-label={t("table.selected", { count: picked.length })}>
      {t("table.selected", { count: picked.length })}
      <Button onClick={() => setDialog("tag")}>{t("table.tag")}</Button>
      <Button onClick={() => void stop()} disabled={running.length === 0}>
        {t("table.stop")}
      </Button>
      <Button kind="danger" onClick={() => setDialog("delete")}>
        {t("common.delete")}
      </Button>
      <Button kind="quiet" onClick={() => void onDone()}>
        {t("common.cancel")}
      </Button>
      {dialog === "delete" && (
        <Confirm
          title={t("common.delete")}
          text={t("table.confirmDelete", { count: picked.length })}
          action={t("common.delete")}
          onConfirm={() => void remove()}
          onClose={() => setDialog(undefined)}
        />
      )}
      {dialog === "tag" && (
        <TagDialog onClose={() => setDialog(undefined)} onTag={(name) => void tag(name)} />
      )}
    </div>
  );
}

function TagDialog({ onClose, onTag }: { onClose: () => void; onTag: (name: string) => void }): ReactNode {
  return (
    <Dialog title={t("table.tag")} onClose={onClose}>
      <form
        onKeyDown={whileComposing}
        onSubmit={(event) => {
          event.preventDefault();
          const name = String(new FormData(event.currentTarget).get("tag") ?? "").trim();
          onClose();
          if (name) onTag(name);
        }}
      >
        <input
          className="field"
          name="tag"
          aria-label={t("table.tag")}
          maxLength={200}
          autoFocus
          style={{ width: "100%" }}
        />
        <div className="actions">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit">
            {t("table.tag")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
