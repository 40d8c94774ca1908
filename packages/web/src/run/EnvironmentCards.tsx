import type { ReactNode } from "react";
import { useState } from "react";
import { t } from "../i18n/index.ts";
import { durationMs } from "../runs-table/columns.ts";
import { CopyButton, RelativeTime, Snippet } from "../ui/controls.tsx";
import { duration, grouped } from "../ui/format.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { checkoutOf, commandOf, type Environment, pullOf } from "./environment.ts";
import type { RunAlert, RunFacts } from "./run-query.ts";

/** Of a commit, on the screen; the whole of it is in the title and in what is copied. */
const COMMIT_CHARACTERS = 12;

interface Row {
  name: string;
  value: ReactNode;
  copy?: string | undefined;
}

export function EnvironmentCard({
  entity,
  project,
  facts,
  environment,
}: {
  entity: string;
  project: string;
  facts: RunFacts;
  environment: Environment;
}) {
  const path = `${entity}/${project}/${facts.name}`;
  const command = commandOf(environment);
  const commit = environment.commit ?? facts.commit ?? undefined;
  const isNode = environment.language?.startsWith("node ");
  const rows: Row[] = [
    { name: t("run.author"), value: facts.user?.username },
    { name: t("run.created"), value: <RelativeTime iso={facts.createdAt} /> },
    { name: t("run.duration"), value: duration(durationMs(facts)) },
    { name: t("run.heartbeat"), value: <RelativeTime iso={facts.heartbeatAt} /> },
    { name: t("run.exitCode"), value: facts.exitcode === null ? undefined : String(facts.exitcode) },
    { name: t("run.path"), value: path, copy: path },
    { name: t("run.group"), value: facts.group },
    { name: t("run.jobType"), value: facts.jobType },
    {
      name: t("run.command"),
      value: command.length > 0 && <Command words={command} />,
      copy: command.join(" "),
    },
    {
      name: t("run.git"),
      value: environment.remote && <Remote remote={environment.remote} />,
      copy: environment.remote,
    },
    {
      name: t("run.commit"),
      value: commit && <span title={commit}>{commit.slice(0, COMMIT_CHARACTERS)}</span>,
      copy: commit,
    },
    { name: t("run.branch"), value: environment.branch, copy: environment.branch },
    { name: t("run.host"), value: environment.host ?? facts.host },
    { name: t("run.os"), value: environment.os },
    {
      name: isNode ? t("run.node") : t("run.python"),
      value: isNode ? environment.language?.slice("node ".length) : environment.language,
    },
    { name: t("run.hardware"), value: environment.hardware.join("\n") },
    { name: t("run.cuda"), value: environment.cuda },
    { name: t("run.image"), value: environment.image, copy: environment.image },
    { name: t("run.client"), value: environment.client },
  ];
  return (
    <section className="card" aria-label={t("run.environment")}>
      <header>
        <h2>{t("run.environment")}</h2>
      </header>
      <dl className="facts">
        {rows
          .filter(({ value }) => value)
          .map(({ name, value, copy }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <span>{value}</span>
                {copy && <CopyButton text={copy} name={name} />}
              </dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

/** A line breaks between words; inside one only when the word alone is longer than the line. */
function Command({ words }: { words: readonly string[] }) {
  return (
    <code className="command">
      {words.map((word, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: words of a command have no other name
        <span key={at}>{word} </span>
      ))}
    </code>
  );
}

function Remote({ remote }: { remote: string }) {
  if (!/^https?:\/\//.test(remote)) return remote;
  return (
    <a href={remote} rel="noopener noreferrer" target="_blank">
      {remote}
    </a>
  );
}

/** How to have the code and the machine of a run again. */
export function Again({ environment, patchUrl }: { environment: Environment; patchUrl: string | undefined }) {
  const checkout = checkoutOf(environment, patchUrl !== undefined);
  const pull = pullOf(environment);
  if (!checkout && !pull) return null;
  return (
    <section className="card again" aria-label={t("run.again")}>
      <header>
        <h2>{t("run.again")}</h2>
      </header>
      {checkout && (
        <>
          <p className="muted">
            {patchUrl ? t("run.again.patched") : t("run.again.code")}{" "}
            {patchUrl && (
              <a href={`${patchUrl}?download`} download>
                diff.patch
              </a>
            )}
          </p>
          <Snippet code={checkout} />
        </>
      )}
      {pull && (
        <>
          <p className="muted">{t("run.again.image")}</p>
          <Snippet code={pull} />
        </>
      )}
    </section>
  );
}

export function Alerts({ alerts }: { alerts: readonly RunAlert[] }) {
  if (alerts.length === 0) return null;
  return (
    <section className="card" aria-label={t("run.alerts")}>
      <header>
        <h2>{t("run.alerts")}</h2>
      </header>
      <ul className="alerts">
        {alerts.map(({ title, text, severity, createdAt }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike
          <li key={at}>
            <span className={`severity ${severity.toLowerCase()}`}>{severity}</span>
            <strong>{title}</strong>
            <span className="muted">
              <RelativeTime iso={createdAt} />
            </span>
            {text && <p>{text}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** More rows than anyone reads would only slow the page; all are in what is copied. */
const MAX_PACKAGES = 2000;

export function Packages({ list }: { list: string }) {
  const [search, setSearch] = useState("");
  const all = list.split(/\r?\n/).filter((line) => line.trim() !== "");
  const found = all.filter((line) => line.toLowerCase().includes(search.toLowerCase()));
  return (
    <section className="card" aria-label={t("run.packages")}>
      <header>
        <h2>
          {t("run.packages")} <span className="muted">{grouped(all.length)}</span>
        </h2>
        <span className="grow" />
        <SearchField
          label={`${t("run.packages")}: ${t("run.filterKeys")}`}
          placeholder={t("run.filterKeys")}
          value={search}
          onText={setSearch}
        />
        <CopyButton text={list} name="requirements.txt" />
      </header>

      <ul className="packages" tabIndex={0} aria-label={t("run.packages")}>
        {found.slice(0, MAX_PACKAGES).map((line, at) => {
          const [name, version] = line.split("==");
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a list may name a package twice
            <li key={at}>
              <span>{name}</span>
              <span className="muted">{version}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
