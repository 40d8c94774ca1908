import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { getJson, queryString, sendJson } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { Button, ErrorState, Skeleton } from "../ui/controls.tsx";

/** A terminal waits (`steelyard login --device`): the person compares the code and lets it in, or not. */
export default function DeviceLogin({ code, username }: { code: string; username: string }) {
  const waiting = useQuery({
    queryKey: ["device-login", code],
    queryFn: () =>
      getJson<{ code: string; name: string; address: string }>(
        `/api/v1/device-login${queryString({ code })}`,
      ),
  });
  const answer = useMutation({
    mutationFn: (allow: boolean) => sendJson("POST", "/api/v1/device-login/answer", { code, allow }),
  });
  useEffect(() => {
    document.title = `${t("device.title")} · Steelyard`;
  }, []);
  const login = waiting.data;
  return (
    <main className="screen">
      <div className="sheet" style={{ maxWidth: 640 }}>
        <h1>{t("device.title")}</h1>
        <p className="muted">{t("authorize.account", { user: username })}</p>
        {waiting.isPending && <Skeleton lines={2} />}
        {waiting.error && <ErrorState error={waiting.error} />}
        {login && answer.isSuccess && (
          <p role="status">{answer.variables ? t("device.allowed") : t("device.refused")}</p>
        )}
        {login && !answer.isSuccess && (
          <>
            <p>{t("device.text", { name: login.name || t("device.someone"), address: login.address })}</p>
            <p className="mono" style={{ fontSize: "1.6em", letterSpacing: "0.08em" }}>
              {login.code}
            </p>
            <p className="muted">{t("device.compare")}</p>
            {answer.error && <ErrorState error={answer.error} />}
            <div style={{ display: "flex", gap: 8 }}>
              <Button kind="primary" disabled={answer.isPending} onClick={() => answer.mutate(true)}>
                {t("device.allow")}
              </Button>
              <Button disabled={answer.isPending} onClick={() => answer.mutate(false)}>
                {t("device.refuse")}
              </Button>
            </div>
          </>
        )}
      </div>
    </main>
  );
}
