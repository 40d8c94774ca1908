import { useEffect, useRef, useState } from "react";
import { useAddress } from "../address/query-state.ts";
import { t } from "../i18n/index.ts";
import { Button, EmptyState, Popover, Segmented, Skeleton } from "../ui/controls.tsx";
import { grouped } from "../ui/format.ts";
import { toast } from "../ui/toast.tsx";
import { ResultChart } from "./ResultChart.tsx";
import { downloadSql, FILES, type SqlAnswer, useSql } from "./sql-query.ts";
import "./sql.css";

const TABLES: Record<string, string> = {
  runs: "run, name, state, user, group, job_type, tags, notes, host, program, git_commit, sweep, created_at, heartbeat_at, finished_at, duration_s, exit_code, config, summary",
  config: "run, key, number, text",
  summary: "run, key, number, text",
  history: "run, _step, _runtime, _timestamp, …",
  artifacts:
    "type, name, version, aliases, run, digest, size_bytes, file_count, created_at, description, metadata",
};

const EXAMPLES = [
  "SELECT run, name, state, duration_s, created_at\nFROM runs\nORDER BY created_at DESC",
  "SELECT key, min(number), max(number), count(*) AS runs\nFROM summary\nGROUP BY key\nORDER BY key",
  "SUMMARIZE history",
];

/** Questions in SQL over a project; the one that was asked is in the address. */
export default function Sql({ entity, project }: { entity: string; project: string }) {
  const address = useAddress();
  const asked = address.get("q");
  const [text, setText] = useState(asked || (EXAMPLES[0] ?? ""));
  const editor = useRef<HTMLTextAreaElement>(null);
  const where = { entity, project };
  const answer = useSql(where, asked);
  useEffect(() => {
    if (asked) setText(asked);
  }, [asked]);
  const run = () => {
    const sql = text.trim();
    if (sql === "") editor.current?.focus();
    else if (sql === asked) void answer.refetch();
    else address.set({ q: sql, x: "", y: "", by: "" });
  };
  return (
    <main className="sql">
      <section className="sql-question" aria-label={t("sql.title")}>
        <textarea
          className="mono"
          ref={editor}
          aria-label={t("sql.query")}
          value={text}
          spellCheck={false}
          autoCapitalize="off"
          rows={Math.min(16, Math.max(4, text.split("\n").length + 1))}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
            event.preventDefault();
            run();
          }}
        />
        <div className="sql-actions">
          <Button kind="primary" onClick={run} disabled={answer.isFetching}>
            {answer.isFetching ? t("sql.running") : t("sql.run")}
          </Button>
          <span className="muted hide-narrow">{t("sql.hint")}</span>
          <Tables onExample={setText} />
        </div>
      </section>
      <section className="sql-answer" aria-label={t("sql.answer")} aria-busy={answer.isFetching}>
        {asked === "" ? (
          <EmptyState title={t("sql.empty")}>{t("sql.emptyHint")}</EmptyState>
        ) : answer.isFetching ? (
          <Skeleton lines={6} />
        ) : answer.error ? (
          <pre className="sql-error" role="alert">
            {answer.error.message}
          </pre>
        ) : (
          answer.data && <Answer answer={answer.data} where={where} sql={asked} />
        )}
      </section>
    </main>
  );
}

function Tables({ onExample }: { onExample: (text: string) => void }) {
  return (
    <Popover label={t("sql.tables")} face={t("sql.tables")}>
      {(close) => (
        <div className="sql-tables">
          <dl>
            {Object.entries(TABLES).map(([name, columns]) => (
              <div key={name}>
                <dt className="mono">{name}</dt>
                <dd>{columns}</dd>
              </div>
            ))}
          </dl>
          <p className="muted">{t("sql.quotes")}</p>
          {EXAMPLES.map((example) => (
            <button
              key={example}
              type="button"
              className="sql-example"
              onClick={() => {
                onExample(example);
                close();
              }}
            >
              {example}
            </button>
          ))}
        </div>
      )}
    </Popover>
  );
}

function Answer({
  answer,
  where,
  sql,
}: {
  answer: SqlAnswer;
  where: { entity: string; project: string };
  sql: string;
}) {
  const address = useAddress();
  const view = address.get("view") === "chart" ? "chart" : "table";
  const { columns, rows, truncated, ms } = answer;
  return (
    <>
      <div className="sql-bar">
        <Segmented
          label={t("sql.view")}
          value={view}
          options={[
            { value: "table", label: t("sql.table") },
            { value: "chart", label: t("sql.chart") },
          ]}
          onChange={(next) => address.set({ view: next === "chart" ? "chart" : "" })}
        />
        <span role="status">
          {t(truncated ? "sql.firstRows" : "sql.rows", {
            count: grouped(rows.length),
            seconds: (ms / 1000).toFixed(2),
          })}
        </span>
        <span className="sql-files">
          {FILES.map((format) => (
            <Button
              key={format}
              kind="quiet"
              aria-label={t("sql.download", { format: format.toUpperCase() })}
              onClick={() => downloadSql(where, sql, format).catch((error: Error) => toast(error.message))}
            >
              {format.toUpperCase()}
            </Button>
          ))}
        </span>
      </div>
      {view === "chart" ? (
        <ResultChart answer={answer} />
      ) : (
        <section className="sql-scroll" tabIndex={0} aria-label={t("sql.table")}>
          <table className="list-table">
            <thead>
              <tr>
                {columns.map(({ name, type }, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: two columns may have one name
                  <th key={at} scope="col" title={type} className={isShownAsNumber(type) ? "num" : undefined}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, number) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows of an answer never move
                <tr key={number}>
                  {columns.map(({ type }, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: as the heads
                    <td key={at} className={isShownAsNumber(type) ? "num" : undefined}>
                      <div className="sql-cell">
                        <Value value={row[at]} />
                      </div>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

function isShownAsNumber(type: string): boolean {
  return /INT|DOUBLE|FLOAT|DECIMAL/.test(type) && !type.endsWith("]");
}

/** Whole: what is cut off can be neither read nor compared. */
function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="muted">NULL</span>;
  return <>{typeof value === "object" ? JSON.stringify(value) : String(value)}</>;
}
