import {
  type ButtonHTMLAttributes,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { underBase } from "../address/base.ts";
import { useSession } from "../api/session.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { relativeTime, shortNumber } from "./format.ts";
import { CopyIcon } from "./icons.tsx";
import "./ui.css";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "primary" | "danger" | "quiet" };

export function Button({ kind, className = "", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={`button ${kind ?? ""} ${className}`} {...rest} />;
}

/** A button that shows a sign; its name is for pointers and screen readers. */
export function IconButton({ label, className = "", ...rest }: ButtonProps & { label: string }) {
  return <Button kind="quiet" className={`icon ${className}`} aria-label={label} title={label} {...rest} />;
}

/** With a `name` it is a sign alone: what it copies is said to pointers and screen readers. */
export function CopyButton({ text, label, name }: { text: string; label?: string; name?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => copyText(text).then(() => setCopied(true));
  if (name !== undefined)
    return (
      <IconButton
        className="copy"
        label={copied ? t("common.copied") : t("common.copyOf", { name })}
        onClick={copy}
        aria-live="polite"
      >
        {copied ? "✓" : <CopyIcon />}
      </IconButton>
    );
  return (
    <Button onClick={copy} aria-live="polite">
      {copied ? t("common.copied") : (label ?? t("common.copy"))}
    </Button>
  );
}

/** Browsers give the clipboard only to https and localhost; elsewhere the old way still works. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // Not allowed (a frame, a policy): fall through.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Snippet({ code }: { code: string }) {
  return (
    <div className="snippet">
      <pre>{code}</pre>
      <CopyButton text={code} />
    </div>
  );
}

export function StateBadge({ state }: { state: string }) {
  useLanguage();
  const known = [
    "running",
    "finished",
    "failed",
    "crashed",
    "killed",
    "pending",
    "preempting",
    "preempted",
  ].includes(state);
  return (
    <span className={`badge state-${state}`}>
      <span className="dot" aria-hidden="true" />
      {known ? t(`state.${state as "running"}`) : state}
    </span>
  );
}

export function NumberText({ value }: { value: number }) {
  return (
    <span className="mono" title={String(value)}>
      {shortNumber(value)}
    </span>
  );
}

export function RelativeTime({ iso }: { iso: string }) {
  const language = useLanguage();
  return (
    <time dateTime={iso} title={new Date(iso).toLocaleString(language)}>
      {relativeTime(iso, language)}
    </time>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div
      aria-busy="true"
      role="status"
      aria-label={t("common.loading")}
      style={{ display: "grid", gap: 8, padding: 16 }}
    >
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <div key={line} className="skeleton" style={{ width: `${90 - ((line * 17) % 40)}%`, height: 14 }} />
      ))}
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state-page">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Of what is not there and of what one may not see the same is said; another account may see it. */
export function NotFound() {
  const session = useSession();
  useEffect(() => {
    document.title = `${t("notFound.title")} · Steelyard`;
  }, []);
  return (
    <div className="not-found">
      <EmptyState title={t("notFound.title")}>
        <p>{t("notFound.text", { user: session.data?.username ?? "" })}</p>
        <a className="button" href={underBase("/home")}>
          {t("notFound.home")}
        </a>
      </EmptyState>
    </div>
  );
}

export function ErrorState({
  error,
  retry,
}: {
  error: Error & { requestId?: string | null };
  retry?: () => void;
}) {
  return (
    <div className="state-page" role="alert">
      <h2>{t("error.title")}</h2>
      <p>
        {error.message}
        {error.requestId && <span className="mono"> · {error.requestId}</span>}
      </p>
      {retry && <Button onClick={retry}>{t("common.retry")}</Button>}
    </div>
  );
}

/** Between a menu and the edge of the window. */
const MARGIN_PX = 8;

/** A button with a menu or a small form under it; Escape and a click elsewhere close it and give the focus back. */
export function Popover({
  label,
  face,
  children,
  align = "left",
  kind,
}: {
  label: string;
  face: ReactNode;
  children: (close: () => void) => ReactNode;
  align?: "left" | "right";
  kind?: "quiet";
}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => {
      if (!anchor.current?.contains(event.target as Node)) setOpen(false);
    };
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      setOpen(false);
      anchor.current?.querySelector<HTMLElement>(":scope > button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", onEscape, true);
    anchor.current?.querySelector<HTMLElement>(".popover input, .popover button, .popover a")?.focus();
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", onEscape, true);
    };
  }, [open]);
  useLayoutEffect(() => {
    const popover = anchor.current?.querySelector<HTMLElement>(".popover");
    if (!open || !popover) return;
    const { left, right } = popover.getBoundingClientRect();
    const beyond = right - (document.documentElement.clientWidth - MARGIN_PX);
    const by = beyond > 0 ? -beyond : Math.max(0, MARGIN_PX - left);
    if (by !== 0) popover.style.translate = `${by}px`;
  }, [open]);
  return (
    <div className="anchor" ref={anchor}>
      <Button
        {...(kind ? { kind } : {})}
        aria-label={label}
        title={label}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {face}
      </Button>
      {open && (
        <div
          id={id}
          className="popover"
          style={align === "right" ? { right: 0, top: 32 } : { left: 0, top: 32 }}
        >
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}

/** The browser's own modal dialog: focus is trapped and given back, Escape closes. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-label={title} onClose={onClose}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

export function Confirm({
  title,
  text,
  action,
  onConfirm,
  onClose,
}: {
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div className="actions">
        <Button autoFocus onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button
          kind="danger"
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  );
}

export function Segmented<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  options: readonly { value: Value; label: string }[];
  onChange: (value: Value) => void;
}) {
  return (
    <fieldset className="segmented" aria-label={label} style={{ margin: 0, padding: 0 }}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}
