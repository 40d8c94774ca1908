import { useEffect, useState } from "react";
import { Link } from "wouter";
import { Mark } from "../app/TopBar.tsx";
import "../app/app.css";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { Segmented } from "../ui/controls.tsx";
import { wantsSignUp } from "./return-to.ts";
import { SessionForm } from "./SessionForm.tsx";
import { visited } from "./visit.ts";

export default function Login() {
  const [by, setBy] = useState<"key" | "password">("key");
  const [linkClaimed, setLinkClaimed] = useState(false);
  const server = useServer();
  useEffect(() => void visited().then((visit) => setLinkClaimed(visit === "claimed")), []);
  useEffect(() => {
    document.title = `${t("login.submit")} · Steelyard`;
  }, []);

  return (
    <main className="narrow">
      <div style={{ display: "flex", gap: 8, alignItems: "center" }}>
        <Mark />
        <h1>{t("login.title")}</h1>
      </div>
      {new URLSearchParams(window.location.search).get("link") === "used" && (
        <p className="error-text" role="alert">
          {t("login.linkUsed")}
        </p>
      )}
      {linkClaimed && <p role="status">{t("login.linkClaimed")}</p>}
      {wantsSignUp() && server.data?.signUp === false && <p className="muted">{t("login.noSignUp")}</p>}
      <Segmented
        label={t("login.title")}
        value={by}
        onChange={setBy}
        options={[
          { value: "key", label: t("login.byKey") },
          { value: "password", label: t("login.byPassword") },
        ]}
      />
      <SessionForm address="/api/v1/session" submit={t("login.submit")}>
        {by === "key" ? (
          <label>
            {t("login.key")}
            <input
              className="field mono"
              name="apiKey"
              type="password"
              autoComplete="current-password"
              required
              autoFocus
            />
            <span className="muted">{t("login.key.hint")}</span>
          </label>
        ) : (
          <>
            <label>
              {t("login.username")}
              <input className="field" name="username" autoComplete="username" required autoFocus />
            </label>
            <label>
              {t("login.password")}
              <input
                className="field"
                name="password"
                type="password"
                autoComplete="current-password"
                required
              />
            </label>
          </>
        )}
      </SessionForm>
      {server.data?.signUp && (
        <p className="muted">
          {t("login.noAccount")} <Link href={`/signup${window.location.search}`}>{t("signUp.title")}</Link>
        </p>
      )}
    </main>
  );
}
