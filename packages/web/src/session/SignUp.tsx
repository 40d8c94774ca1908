import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { Link } from "wouter";
import { underBase } from "../address/base.ts";
import { Mark } from "../app/TopBar.tsx";
import "../app/app.css";
import { sendJson } from "../api/client.ts";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { Button, Skeleton } from "../ui/controls.tsx";
import { whileComposing } from "../ui/SearchField.tsx";
import { returnTo } from "./return-to.ts";

/** A new account, signed in at once; where the server makes none, who does. */
export default function SignUp() {
  const server = useServer();
  const client = useQueryClient();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${t("signUp.title")} · Steelyard`;
  }, []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await sendJson("POST", "/api/v1/sign-up", Object.fromEntries(form));
      client.clear();
      window.location.assign(underBase(returnTo()));
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  }

  return (
    <main className="narrow">
      <div style={{ display: "flex", gap: 8, alignItems: "center" }}>
        <Mark />
        <h1>{t("signUp.title")}</h1>
      </div>
      {server.isPending && <Skeleton />}
      {server.data && !server.data.signUp && <p className="muted">{t("login.noSignUp")}</p>}
      {server.data?.signUp && (
        <form onSubmit={submit} onKeyDown={whileComposing}>
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
          {error && (
            <p className="error-text" role="alert">
              {error}
            </p>
          )}
          <Button
            kind="primary"
            type="submit"
            disabled={busy}
            style={{ height: 34, justifyContent: "center" }}
          >
            {t("signUp.submit")}
          </Button>
        </form>
      )}
      <p className="muted">
        {t("signUp.have")} <Link href={`/login${window.location.search}`}>{t("login.submit")}</Link>
      </p>
    </main>
  );
}
