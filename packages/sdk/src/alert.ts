import { NOTIFY_ALERT } from "@steelyard/protocol/documents";
import type { AlertFields } from "@steelyard/protocol/records";
import { graphql, type Http } from "./http.ts";
import type { RunAddress } from "./run-transport.ts";

/** What `alert` may be told. */
export interface AlertOptions {
  /** What is told in short; alerts of one title are held apart by `waitDuration`. */
  title: string;
  /** The rest of it; links and Markdown are kept as they are. */
  text?: string;
  /**
   * How much it matters.
   *
   * @default `INFO`
   */
  level?: "INFO" | "WARN" | "ERROR";
  /**
   * Seconds, as in the official client, in which the server shows no further alert of this title.
   *
   * @default `60`
   */
  waitDuration?: number;
}

const LEVELS: readonly string[] = ["INFO", "WARN", "ERROR"];
const DEFAULT_WAIT_S = 60;

/** @throws TypeError when the title is empty, or text, level or wait are not what they may be. */
export function alertFields({ title, text = "", level = "INFO", waitDuration }: AlertOptions): AlertFields {
  if (typeof title !== "string" || title === "")
    throw new TypeError("an alert needs a title, a text that is not empty");
  if (typeof text !== "string")
    throw new TypeError(`the text of an alert must be a text, not ${typeof text}`);
  if (!LEVELS.includes(level))
    throw new TypeError(`the level of an alert is one of ${LEVELS.join(", ")}, not ${JSON.stringify(level)}`);
  const waitS = waitDuration ?? DEFAULT_WAIT_S;
  if (!Number.isFinite(waitS) || waitS < 0)
    throw new TypeError(`waitDuration of an alert is seconds from 0, not ${waitS}`);
  return { title: title.toWellFormed(), text: text.toWellFormed(), level, waitMs: Math.round(waitS * 1000) };
}

/** The server holds alerts of one title apart by the wait, so that one that is sent again is shown once. */
export async function sendAlert(http: Http, run: RunAddress, alert: AlertFields): Promise<void> {
  await graphql(http, NOTIFY_ALERT, {
    entity: run.entity,
    project: run.project,
    run: run.name,
    title: alert.title,
    text: alert.text,
    severity: LEVELS.includes(alert.level) ? alert.level : "INFO",
    waitDuration: alert.waitMs,
  });
}
