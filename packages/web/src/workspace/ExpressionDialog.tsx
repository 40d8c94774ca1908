import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import { t } from "../i18n/index.ts";
import { runColumnsQuery } from "../runs/run-columns.ts";
import { Button, Dialog } from "../ui/controls.tsx";
import { keysIn, keyText, meant, problemIn, type Suggestion, suggestions } from "./expression-text.ts";
import type { PanelPlan } from "./sections.ts";

/** The expression of a panel, or of a new one. */
export default function ExpressionDialog({
  entity,
  project,
  panel,
  keys,
  onApply,
  onClose,
}: {
  entity: string;
  project: string;
  /** Undefined: a new one. */
  panel: PanelPlan | undefined;
  /** That the drawn runs logged. */
  keys: readonly string[];
  /** Without a text: none any more. */
  onApply: (text: string) => void;
  onClose: () => void;
}) {
  const [text, setText] = useState(panel ? (panel.expression ?? keyText(panel.keys[0] ?? "")) : "");
  const [caret, setCaret] = useState<number>();
  /** Of what is suggested, the one that Enter takes. */
  const [picked, setPicked] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    input.current?.focus();
    // Taken out of the page, a dialog gives the focus back to nobody.
    return () =>
      void setTimeout(() => opener instanceof HTMLElement && opener.focus({ preventScroll: true }));
  }, []);
  const id = useId();
  const columns = useQuery(runColumnsQuery(entity, project));
  const all = useMemo(() => {
    const numbers = columns.data?.filter(({ kind }) => kind !== "text").map(({ path }) => path);
    return suggestions(keys, numbers ?? []);
  }, [keys, columns.data]);
  const { from, found } = meant(all, text, caret ?? text.length);
  const shown = caret === undefined ? [] : found;
  const problem = text.trim() === "" ? undefined : problemIn(text);
  const unknown = problem ? [] : keysIn(text).filter((key) => !keys.includes(key) && !key.startsWith("_"));

  const insert = (one: Suggestion) => {
    const next = text.slice(0, from) + one.insert;
    setText(next + text.slice(caret ?? text.length));
    setPicked(-1);
    setCaret(next.length);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.length, next.length);
    });
  };
  const apply = () => {
    if (text.trim() === "") return;
    if (problem) {
      input.current?.focus();
      input.current?.setSelectionRange(problem.at, problem.at + 1);
      return;
    }
    onApply(text.trim());
  };
  return (
    <Dialog title={t(panel ? "expression.edit" : "expression.add")} onClose={onClose}>
      <form
        className="expression"
        onSubmit={(event) => {
          event.preventDefault();
          apply();
        }}
      >
        <label htmlFor={`${id}-text`}>{t("expression.label")}</label>
        <input
          ref={input}
          id={`${id}-text`}
          className="field mono"
          autoComplete="off"
          spellCheck={false}
          role="combobox"
          aria-expanded={shown.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={shown[picked] ? `${id}-${picked}` : undefined}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-problem`}
          placeholder={`\${train/loss} / \${val/loss}`}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setCaret(event.target.selectionStart ?? undefined);
            setPicked(-1);
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? undefined)}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (by !== 0 && shown.length > 0) {
              event.preventDefault();
              setPicked((picked + by + shown.length + (picked < 0 && by < 0 ? 1 : 0)) % shown.length);
            }
            const one = shown[picked];
            if (event.key !== "Enter" || !one) return;
            event.preventDefault();
            insert(one);
          }}
        />
        <div id={`${id}-problem`} className="problem" aria-live="polite">
          {problem ? (
            <>
              <code aria-hidden="true">
                {text.slice(0, problem.at)}
                <mark>{text[problem.at] ?? "\u00a0"}</mark>
                {text.slice(problem.at + 1)}
              </code>
              <p className="error-text">{problem.text}</p>
            </>
          ) : unknown.length > 0 ? (
            <p className="muted">{t("expression.unknown", { keys: unknown.join(", ") })}</p>
          ) : (
            <p className="muted">{t("expression.help")}</p>
          )}
        </div>
        <div
          id={`${id}-list`}
          className="suggestions"
          role="listbox"
          aria-label={t("expression.suggestions")}
        >
          {shown.map((one, at) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and the keys
            <div
              key={one.insert}
              id={`${id}-${at}`}
              role="option"
              aria-selected={at === picked}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => insert(one)}
            >
              <span className="mono">{one.insert}</span>
              <span className="muted">{t(`expression.${one.kind}`)}</span>
            </div>
          ))}
        </div>
        <div className="actions">
          {panel?.expression !== undefined && (
            <Button kind="danger" onClick={() => onApply("")}>
              {t(panel.isAdded ? "expression.remove" : "expression.reset", { key: panel.title })}
            </Button>
          )}
          <span className="grow" />
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" disabled={text.trim() === ""}>
            {t("table.apply")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
