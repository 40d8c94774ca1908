import { type ReactNode, type RefObject, useEffect, useState } from "react";
import { t } from "../i18n/index.ts";
import { IconButton } from "../ui/controls.tsx";
import { CloseIcon, ExpandIcon, FunctionIcon } from "../ui/icons.tsx";
import { usePanelContext } from "./panel-context.ts";
import type { PanelPlan } from "./sections.ts";
import { systemTitle } from "./system-title.ts";

export interface PanelNote {
  key: string;
  text: string;
  title?: string;
}

/** What every panel has around its picture: title, buttons, what is to be said below. */
export function PanelFrame({
  panel,
  box,
  badges,
  tools,
  buttons,
  isStale,
  notes,
  children,
}: {
  panel: PanelPlan;
  box: RefObject<HTMLElement | null>;
  /** Beside the title, and at the right: words and choices, then signs. */
  badges?: ReactNode;
  tools?: ReactNode;
  buttons?: ReactNode;
  /** Newer data is on its way. */
  isStale: boolean;
  notes: readonly PanelNote[];
  children: ReactNode;
}) {
  const { view, setView, editExpression, lastFull } = usePanelContext();
  const isFull = view.full !== "";
  useEffect(() => {
    if (isFull || lastFull.current !== panel.title) return;
    lastFull.current = undefined;
    box.current?.querySelector<HTMLElement>(".to-full")?.focus({ preventScroll: true });
  }, [box, isFull, lastFull, panel.title]);

  const { expression } = panel;
  const slash = panel.title.lastIndexOf("/");
  const known = expression ?? (panel.stream === "events" ? systemTitle(panel.title) : undefined);
  const prefix = slash > 0 && !known ? panel.title.slice(0, slash + 1) : "";
  const title = expression ?? panel.title;
  return (
    <section ref={box} className="panel" aria-label={title}>
      <header>
        <h3 title={title} className={expression === undefined ? undefined : "mono"}>
          <span className="muted">{prefix}</span>
          {known ?? panel.title.slice(prefix.length)}
        </h3>
        {badges}
        <span className="grow" />
        {tools}
        {isStale && <span className="stale-dot" title={t("chart.stale")} />}
        {buttons}
        {!panel.histogramsOf && (
          <IconButton
            label={t("expression.edit")}
            aria-pressed={expression !== undefined}
            onClick={() => editExpression(panel)}
          >
            <FunctionIcon />
          </IconButton>
        )}
        <IconButton
          className="to-full"
          label={t("chart.fullScreen")}
          aria-pressed={isFull}
          onClick={() => setView({ full: isFull ? "" : panel.title })}
        >
          {isFull ? <CloseIcon /> : <ExpandIcon />}
        </IconButton>
      </header>
      {children}
      {notes.length > 0 && (
        <footer className="notes">
          {notes.map(({ key, text, title }) => (
            <span key={key} title={title ?? text}>
              {text}
            </span>
          ))}
        </footer>
      )}
    </section>
  );
}

/** What `of` makes of the panel's width in device pixels; undefined until it is measured. `of` is a function of a module. */
export function useOfWidth(
  box: RefObject<HTMLElement | null>,
  of: (pixels: number, isFull: boolean) => number,
  isFull: boolean,
): number | undefined {
  const [size, setSize] = useState<number>();
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setSize(of(element.clientWidth * (window.devicePixelRatio || 1), isFull));
    const resize = new ResizeObserver(measure);
    // Its first call has the size too: asked for here, it would be computed for every panel that comes.
    resize.observe(element);
    return () => resize.disconnect();
  }, [box, of, isFull]);
  return size;
}
