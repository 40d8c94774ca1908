import { hostname, userInfo } from "node:os";
import { appUrl } from "@steelyard/protocol/settings";
import { type Credentials, type LoadedSettings, openInBrowser } from "steelyard/command-line";
import { apiOf, UnreachableError } from "./api.ts";
import { CommandError, info } from "./terminal.ts";

const ASK_EVERY_MS = 2000;

/** A key by way of a browser, here or on another machine: the code is compared on the page, and nothing is pasted. */
export async function deviceLogin(loaded: LoadedSettings): Promise<Credentials> {
  const api = apiOf(loaded, { apiKey: "", source: "nowhere" });
  const { deviceCode, userCode } = await api.json<{ deviceCode: string; userCode: string }>(
    "POST",
    "/api/v1/device-login",
    { name: `${userInfo().username}@${hostname()}` },
  );
  const url = `${appUrl(loaded.settings)}/authorize?code=${userCode}`;
  const opened = openInBrowser(url, loaded.machine);
  info(`${opened ? "Your browser shows" : "Open"} ${url}`);
  info(`Allow it there if it shows the code ${userCode}. Waiting, ten minutes at most …`);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    const answer = await api
      .json<{ state: "waiting" | "refused" | "allowed"; apiKey?: string }>(
        "POST",
        "/api/v1/device-login/take",
        { deviceCode },
      )
      .catch((error: unknown) => {
        // The server restarts, the line is bad for a moment: the person on the page need not know.
        if (error instanceof UnreachableError) return { state: "waiting" as const, apiKey: undefined };
        throw error;
      });
    if (answer.state === "refused") throw new CommandError("the sign-in was refused on the page");
    if (answer.state === "allowed" && answer.apiKey) return { apiKey: answer.apiKey, source: "the page" };
  }
}
