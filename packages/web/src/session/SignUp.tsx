import { useEffect } from "react";
import { Link } from "wouter";
import { Mark } from "../app/TopBar.tsx";
import "../app/app.css";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { Skeleton } from "../ui/controls.tsx";
import { SessionForm } from "./SessionForm.tsx";

/** A new account, signed in at once; where the server makes none, who does. */
export default function SignUp() {
  const server = useServer();
  useEffect(() => {
    document.title = `${t("signUp.title")} · Steelyard`;
  }, []);

  return (
    <main className="narrow">
      <div style={{ display: "flex", gap: 8, alignItems: "center" }}>
        <Mark />
        <h1>{t("signUp.title")}</h1>
      </div>
      {server.isPending && <Skeleton />}
      {server.data && !server.data.signUp && <p className="muted">{t("login.noSignUp")}</p>}
      {server.data?.signUp && (
        <SessionForm address="/api/v1/sign-up" submit={t("signUp.submit")}>
          <label>
            {t("signUp.username")}
            <input
              className="field"
              name="username"
              autoComplete="username"
              pattern="[A-Za-z0-9][A-Za-z0-9_\-]*"
              title={t("signUp.username.hint")}
              maxLength={128}
              required
              autoFocus
            />
            <span className="muted">{t("signUp.username.hint")}</span>
          </label>
          <label>
            {t("signUp.email")}
            <input className="field" name="email" type="email" autoComplete="email" maxLength={254} />
          </label>
          <label>
            {t("login.password")}
            <input
              className="field"
              name="password"
              type="password"
              autoComplete="new-password"
              minLength={8}
              maxLength={1000}
              required
            />
            <span className="muted">{t("signUp.password.hint")}</span>
          </label>
        </SessionForm>
      )}
      <p className="muted">
        {t("signUp.have")} <Link href={`/login${window.location.search}`}>{t("login.submit")}</Link>
      </p>
    </main>
  );
}
