import { useQuery } from "@tanstack/react-query";
import { getJson, queryString } from "../api/client.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { AnsiText } from "./AnsiText.tsx";
import type { RunFacts } from "./run-query.ts";

const LINES = 20;

/** Since when nothing was heard, and what the script said last. */
export function Crashed({ entity, project, facts }: { entity: string; project: string; facts: RunFacts }) {
  const language = useLanguage();
  const from = Math.max(0, facts.logLineCount - LINES);
  const tail = useQuery({
    queryKey: ["console", entity, project, facts.name, "tail", from],
    enabled: facts.logLineCount > 0,
    queryFn: ({ signal }) =>
      getJson<{ lines: { number: number; line: string; level: string | null }[] }>(
        `/api/v1/console${queryString({ entity, project, run: facts.name, from, limit: LINES })}`,
        signal,
      ),
  });
  const lines = tail.data?.lines ?? [];
  return (
    <div className="banner" role="status">
      {t("run.crashed", { time: new Date(facts.heartbeatAt).toLocaleString(language) })}
      {lines.length > 0 && (
        <details open>
          <summary>{t("run.lastLines")}</summary>
          <pre className="last-lines">
            {lines.map(({ number, line, level }) => (
              <div key={number} className={level === "error" ? "error" : ""}>
                <AnsiText line={line} search="" />
              </div>
            ))}
          </pre>
        </details>
      )}
    </div>
  );
}
