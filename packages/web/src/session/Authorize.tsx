import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { graphql } from "../api/client.ts";
import { useServer } from "../api/session.ts";
import { t } from "../i18n/index.ts";
import { Button, CopyButton, ErrorState, Snippet } from "../ui/controls.tsx";

/** Where the client's login sends people: a key, shown once, and what to do with it. */
export default function Authorize({ username }: { username: string }) {
  const server = useServer();
  const reference = new URLSearchParams(window.location.search).get("ref");
  const [description, setDescription] = useState(
    `${reference ?? "command line"} ${new Date().toISOString().slice(0, 10)}`,
  );
  const field = useRef<HTMLInputElement>(null);
  const create = useMutation({
    mutationFn: async () => {
      const { generateApiKey } = await graphql<{ generateApiKey: { apiKey: { name: string } } }>(
        "mutation GenerateApiKey($description: String) { generateApiKey(input: {description: $description}) { apiKey { id name } } }",
        { description },
      );
      return generateApiKey.apiKey.name;
    },
  });
  useEffect(() => {
    document.title = `${t("authorize.title")} · Steelyard`;
  }, []);
  useEffect(() => {
    if (create.data) field.current?.select();
  }, [create.data]);
  const baseUrl = server.data?.baseUrl ?? window.location.origin;
  return (
    <main className="screen">
      <div className="sheet" style={{ maxWidth: 640 }}>
        <h1>{t("authorize.title")}</h1>
        <p className="muted">{t("authorize.account", { user: username })}</p>
        {create.error && <ErrorState error={create.error} />}
        {create.data ? (
          <>
            <p role="status">{t("authorize.once")}</p>
            <div style={{ display: "flex", gap: 8 }}>
              <input
                ref={field}
                className="field mono"
                style={{ flex: 1, height: 34 }}
                readOnly
                value={create.data}
                aria-label={t("login.key")}
              />
              <CopyButton text={create.data} />
            </div>
            <p>{t("authorize.then")}</p>
            <Snippet code={`export WANDB_BASE_URL=${baseUrl}\nexport WANDB_API_KEY=${create.data}`} />
            <p>{t("authorize.orLogin")}</p>
            <Snippet code={`wandb login --host=${baseUrl}`} />
          </>
        ) : (
          <form
            style={{ display: "flex", gap: 8, alignItems: "end" }}
            onSubmit={(event) => {
              event.preventDefault();
              create.mutate();
            }}
          >
            <label style={{ flex: 1, display: "grid", gap: 4 }}>
              {t("authorize.description")}
              <input
                className="field"
                maxLength={200}
                value={description}
                onChange={(event) => setDescription(event.target.value)}
              />
            </label>
            <Button kind="primary" type="submit" disabled={create.isPending}>
              {t("authorize.create")}
            </Button>
          </form>
        )}
      </div>
    </main>
  );
}
