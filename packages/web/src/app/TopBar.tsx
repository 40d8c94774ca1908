import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { underBase } from "../address/base.ts";
import { addressOf } from "../address/query-state.ts";
import { sendJson } from "../api/client.ts";
import type { Session } from "../api/session.ts";
import { setLanguage, t, useLanguage } from "../i18n/index.ts";
import { setTheme, useTheme, useThemeChoice } from "../theme/theme.ts";
import { Button, Dialog, Popover, Segmented } from "../ui/controls.tsx";
import { SearchDialog } from "./SearchDialog.tsx";
import { Share } from "./Share.tsx";

export function Mark() {
  return (
    <svg
      width="20"
      height="20"
      viewBox="0 0 16 16"
      fill="none"
      stroke="var(--accent)"
      strokeWidth="1.4"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M1 5.2 15 3.4M5.2 4.7V2M12.4 3.9v3.6M3 5v7.5M1.2 12.7h3.6" />
      <circle cx="12.4" cy="9.8" r="2.1" fill="var(--accent)" stroke="none" />
    </svg>
  );
}

/** What the key is called on the viewer's keyboard. */
const COMMAND = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

/** Parts of the address as links: entity / project / run. */
function useCrumbs(): { label: string; href: string }[] {
  const [path] = useLocation();
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  const [entity, project, kind, run] = parts;
  if (!entity || ["home", "login", "authorize", "settings", "quickstart"].includes(entity)) return [];
  const crumbs = [{ label: entity, href: addressOf.entity(entity) }];
  if (project) crumbs.push({ label: project, href: addressOf.project(entity, project) });
  if (project && kind === "runs" && run)
    crumbs.push({ label: run, href: addressOf.run(entity, project, run) });
  return crumbs;
}

export function TopBar({ session }: { session: Session }) {
  const language = useLanguage();
  const themeChoice = useThemeChoice();
  const theme = useTheme();
  const crumbs = useCrumbs();
  const client = useQueryClient();
  const [path, navigate] = useLocation();
  const visitor = session.kind === "anonymous";
  const [dialog, setDialog] = useState<"search" | "shortcuts">();

  useEffect(() => {
    let afterG = false;
    const onKey = (event: KeyboardEvent) => {
      const inField = (event.target as HTMLElement).closest("input, textarea, select, [contenteditable]");
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        setDialog("search");
        return;
      }
      if ((event.ctrlKey || event.metaKey) && event.key === "m") {
        event.preventDefault();
        setTheme(theme === "dark" ? "light" : "dark");
        return;
      }
      if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
      const [entity, project] = path.split("/").filter(Boolean);
      if (afterG && entity && project) {
        afterG = false;
        if (event.key === "w") navigate(`/${entity}/${project}`);
        if (event.key === "r") navigate(`/${entity}/${project}/table`);
        if (event.key === "o") navigate(`/${entity}/${project}/overview`);
        return;
      }
      afterG = event.key === "g";
      if (event.key === "?") setDialog("shortcuts");
      if (event.key === "/") {
        const field = document.querySelector<HTMLInputElement>("[data-search]");
        if (field) {
          event.preventDefault();
          field.focus();
        }
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [navigate, path, theme]);

  return (
    <header className="topbar">
      <Link href="/home" className="logo" aria-label={t("nav.home")} title={t("nav.home")}>
        <Mark />
      </Link>
      <nav className="crumbs" aria-label={t("nav.breadcrumb")}>
        {crumbs.length === 0 && <span>Steelyard</span>}
        {crumbs.map(({ label, href }, index) => (
          <span key={href} style={{ display: "contents" }}>
            {index > 0 && <span className="sep">/</span>}
            <Link href={href} title={label} style={{ color: "var(--ink)" }}>
              {label}
            </Link>
          </span>
        ))}
      </nav>
      <span className="grow" />
      <Share />
      <Button
        onClick={() => setDialog("search")}
        aria-label={t("nav.search")}
        title={`${t("nav.search")} (${COMMAND} K)`}
      >
        <span className="wide muted">{t("common.search")}</span>
        <span className="mono muted keys" data-keys={`${COMMAND} K`} aria-hidden="true" />
      </Button>
      <Popover label={`${session.username}: ${t("nav.menu")}`} face={session.username} align="right">
        {(close) => (
          <div style={{ display: "grid", gap: 8, padding: 8, minWidth: 220 }}>
            {!visitor && (
              <>
                <Link className="item" href="/settings" onClick={close}>
                  {t("nav.settings")}
                </Link>
                <Link className="item" href="/quickstart" onClick={close}>
                  {t("first.title")}
                </Link>
              </>
            )}
            <button
              type="button"
              className="item"
              onClick={() => {
                close();
                setDialog("shortcuts");
              }}
            >
              {t("nav.shortcuts")}
            </button>
            <div className="switch-row">
              <Segmented
                label={t("nav.theme")}
                value={themeChoice}
                onChange={setTheme}
                options={(["light", "dark", "system"] as const).map((value) => ({
                  value,
                  label: t(`nav.theme.${value}`),
                }))}
              />
            </div>
            <div className="switch-row">
              <Segmented
                label={t("nav.language")}
                value={language}
                onChange={setLanguage}
                options={[
                  { value: "en", label: "English" },
                  { value: "ko", label: "한국어" },
                ]}
              />
            </div>
            {visitor ? (
              <Link className="item" href={`/login?returnTo=${encodeURIComponent(path)}`} onClick={close}>
                {t("login.submit")}
              </Link>
            ) : (
              <button
                type="button"
                className="item"
                onClick={async () => {
                  await sendJson("DELETE", "/api/v1/session");
                  client.clear();
                  window.location.assign(underBase("/login"));
                }}
              >
                {t("nav.signOut")}
              </button>
            )}
          </div>
        )}
      </Popover>
      {dialog === "search" && <SearchDialog onClose={() => setDialog(undefined)} />}
      {dialog === "shortcuts" && (
        <Dialog title={t("nav.shortcuts")} onClose={() => setDialog(undefined)}>
          <table className="list-table">
            <tbody>
              {(
                [
                  [`${COMMAND} K`, "shortcuts.search"],
                  ["/", "shortcuts.focus"],
                  ["g w", "shortcuts.workspace"],
                  ["g r", "shortcuts.runs"],
                  ["g o", "shortcuts.overview"],
                  [`${COMMAND} M`, "shortcuts.theme"],
                  ["?", "shortcuts.help"],
                ] as const
              ).map(([keys, text]) => (
                <tr key={keys}>
                  <td className="mono">{keys}</td>
                  <td>{t(text)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <div className="actions">
            <Button onClick={() => setDialog(undefined)}>{t("common.close")}</Button>
          </div>
        </Dialog>
      )}
    </header>
  );
}
