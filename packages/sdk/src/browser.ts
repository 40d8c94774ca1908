import { spawn } from "node:child_process";
import type { Machine } from "@steelyard/protocol/settings";

const OPENERS = {
  linux: ["xdg-open"],
  darwin: ["open"],
  // `start` is a word of the shell; its first quoted argument is a title.
  win32: ["cmd", "/c", "start", '""'],
} as const;

/** Shows the page to whoever sits here, if somebody does. What opens it lives its own life; that it cannot is no fault. */
export function openInBrowser(
  url: string,
  { platform, environment }: Pick<Machine, "platform" | "environment">,
): boolean {
  if (environment.CI) return false;
  if (platform === "linux" && !environment.DISPLAY && !environment.WAYLAND_DISPLAY) return false;
  const [program, ...args] = OPENERS[platform];
  try {
    const child = spawn(program, [...args, platform === "win32" ? url.replaceAll("&", "^&") : url], {
      detached: true,
      stdio: "ignore",
      windowsVerbatimArguments: true,
    });
    child.on("error", () => {});
    child.unref();
    return true;
  } catch {
    return false;
  }
}
