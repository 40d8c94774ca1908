import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { underBase } from "../address/base.ts";
import { sendJson } from "../api/client.ts";
import { Button } from "../ui/controls.tsx";
import { whileComposing } from "../ui/SearchField.tsx";
import { returnTo } from "./return-to.ts";

/** Fields whose answer is a session: with it the page goes to where the person wanted to go. */
export function SessionForm({
  address,
  submit,
  children,
}: {
  /** Where the fields are sent, by their names. */
  address: string;
  /** On the button. */
  submit: string;
  children: ReactNode;
}) {
  const client = useQueryClient();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await sendJson("POST", address, Object.fromEntries(form));
      client.clear();
      window.location.assign(underBase(returnTo()));
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  }

  return (
    <form onSubmit={send} onKeyDown={whileComposing}>
      {children}
      {error && (
        <p className="error-text" role="alert">
          {error}
        </p>
      )}
      <Button kind="primary" type="submit" disabled={busy} style={{ height: 34, justifyContent: "center" }}>
        {submit}
      </Button>
    </form>
  );
}
