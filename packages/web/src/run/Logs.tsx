import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { underBase } from "../address/base.ts";
import { useAddress } from "../address/query-state.ts";
import { getJson, queryString } from "../api/client.ts";
import { useLive } from "../api/live.ts";
import { useRefresh } from "../api/refresh.ts";
import { t } from "../i18n/index.ts";
import { Button, EmptyState, ErrorState, Skeleton } from "../ui/controls.tsx";
import { SearchField } from "../ui/SearchField.tsx";
import { AnsiText } from "./AnsiText.tsx";
import type { RunAddress } from "./Run.tsx";

interface LogLine {
  number: number;
  line: string;
  timestamp: string | null;
  level: string | null;
  label: string | null;
}
interface Window {
  total: number;
  lines: LogLine[];
}

const PAGE = 500;
const LINE_PX = 18;
/** Browsers lose precision in heights above some 30 million pixels; a million lines is 18 million. */
const MAX_LINES = 1_500_000;

/** The console log: only the lines on the screen are fetched and drawn, however many there are. */
export default function Logs({ entity, project, run }: RunAddress) {
  const where = { entity, project, run };
  const address = useAddress();
  const client = useQueryClient();
  const [follow, setFollow] = useState(!window.location.hash);
  const search = address.get("find");
  const wrap = address.get("wrap") === "1";
  const times = address.get("times") === "1";
  const [foundAt, setFoundAt] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const refresh = useRefresh(
    500,
    () => void client.invalidateQueries({ queryKey: ["console", entity, project, run] }),
  );

  const head = useQuery({
    queryKey: ["console", entity, project, run, "total"],
    queryFn: ({ signal }) =>
      getJson<Window>(`/api/v1/console${queryString({ ...where, from: 0, limit: 1 })}`, signal),
  });
  const total = Math.min(head.data?.total ?? 0, MAX_LINES);
  useLive(entity, project, (change) => {
    if (change.kind !== "rows" || change.run !== run || !change.streams.includes("console")) return;
    refresh();
  });
  const found = useQuery({
    queryKey: ["console", entity, project, run, "search", search],
    enabled: search !== "",
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      getJson<{ numbers: number[] }>(`/api/v1/console/search${queryString({ ...where, q: search })}`, signal),
  });
  const numbers = search ? (found.data?.numbers ?? []) : [];
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 30,
  });
  // What is searched for is gone to, once per search; Next goes on from there.
  const jumped = useRef("");
  useEffect(() => {
    if (jumped.current === search || found.isPlaceholderData || !found.data) return;
    jumped.current = search;
    const [first] = found.data.numbers;
    if (first === undefined) return;
    setFollow(false);
    rows.scrollToIndex(first, { align: "center" });
  });
  const items = rows.getVirtualItems();
  const firstPage = Math.floor((items[0]?.index ?? 0) / PAGE);
  const lastPage = Math.floor((items.at(-1)?.index ?? 0) / PAGE);
  const first = usePage(where, firstPage, total);
  const last = usePage(where, lastPage, total);
  const lines = byNumber([first, last]);
  const hasWriters = [...lines.values()].some((same) => same.length > 1);

  // biome-ignore lint/correctness/useExhaustiveDependencies: follow the end whenever there is more
  useEffect(() => {
    if (follow && total > 0) rows.scrollToIndex(total - 1, { align: "end" });
  }, [follow, total]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the length is known
  useEffect(() => {
    const wanted = /^#L(\d+)$/.exec(window.location.hash)?.[1];
    if (wanted && total > 0) rows.scrollToIndex(Number(wanted) - 1, { align: "center" });
  }, [total > 0]);

  const go = (to: number) => {
    if (numbers.length === 0) return;
    const at = (to + numbers.length) % numbers.length;
    setFoundAt(at);
    setFollow(false);
    rows.scrollToIndex(numbers[at] ?? 0, { align: "center" });
  };
  if (head.isPending) return <Skeleton lines={10} />;
  if (head.error && !head.data) return <ErrorState error={head.error} retry={() => head.refetch()} />;
  if (total === 0) return <EmptyState title={t("logs.none")} />;
  const marked = search ? numbers[foundAt] : undefined;
  return (
    <div className="logs">
      <div className="log-toolbar" role="toolbar" aria-label={t("run.logs")}>
        <SearchField
          data-search
          label={t("logs.search")}
          value={search}
          onText={(text) => {
            setFoundAt(0);
            address.set({ find: text });
          }}
          onKeyDown={(event) =>
            event.key === "Enter" && go(event.shiftKey ? foundAt - 1 : marked === undefined ? 0 : foundAt + 1)
          }
        />
        {search && (
          <>
            <span className="muted" role="status">
              {numbers.length > 0
                ? t("logs.found", { at: foundAt + 1, count: numbers.length })
                : t("logs.notFound")}
            </span>
            <Button onClick={() => go(foundAt - 1)} aria-label={t("logs.previous")}>
              ↑
            </Button>
            <Button onClick={() => go(foundAt + 1)} aria-label={t("logs.next")}>
              ↓
            </Button>
          </>
        )}
        <Button aria-pressed={follow} onClick={() => setFollow(!follow)}>
          {t("logs.follow")}
        </Button>
        <Button aria-pressed={wrap} onClick={() => address.set({ wrap: wrap ? "" : "1" })}>
          {t("logs.wrap")}
        </Button>
        <Button aria-pressed={times} onClick={() => address.set({ times: times ? "" : "1" })}>
          {t("logs.timestamps")}
        </Button>
        <span className="grow" />
        <span className="muted">{t("logs.lines", { count: head.data?.total ?? 0 })}</span>
        <a className="button" href={underBase(`/api/v1/console/download${queryString(where)}`)} download>
          {t("common.download")}
        </a>
      </div>
      <div
        className="log-scroll"
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-label={t("run.logs")}
        onWheel={(event) => event.deltaY < 0 && setFollow(false)}
      >
        <div
          className={wrap ? "log-lines wrap" : "log-lines"}
          style={{ height: rows.getTotalSize(), position: "relative" }}
        >
          {items.map((item) => {
            const same = lines.get(item.index) ?? [];
            const isError = same.length > 0 && same.every(({ level }) => level === "error");
            return (
              <div
                key={item.index}
                ref={wrap || hasWriters ? rows.measureElement : null}
                data-index={item.index}
                className={`log-line${isError ? " error" : ""}${item.index === marked ? " found" : ""}`}
                style={{ transform: `translateY(${item.start}px)`, minHeight: LINE_PX }}
              >
                <a
                  className="no"
                  href={`#L${item.index + 1}`}
                  title={t("logs.copyLink", { line: item.index + 1 })}
                >
                  {item.index + 1}
                </a>
                {times && <span className="at">{same[0]?.timestamp?.slice(11, 23) ?? ""}</span>}
                <span>
                  {same.map(({ label, line }, place) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: lines of one number have no other name
                    <span className="of-writer" key={place}>
                      {label && <span className="muted">[{label}] </span>}
                      <AnsiText line={line} search={search} />
                    </span>
                  ))}
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Of a run with several writers each counts its lines from 0: a number has one line of each. */
function byNumber(pages: readonly { data: Window | undefined }[]): Map<number, LogLine[]> {
  const lines = new Map<number, LogLine[]>();
  for (const line of pages.flatMap(({ data }) => data?.lines ?? [])) {
    const same = lines.get(line.number) ?? [];
    // Both pages are one while there is no other, and while the other is on its way.
    if (same.some(({ label, line: text }) => label === line.label && text === line.line)) continue;
    lines.set(line.number, [...same, line]);
  }
  return lines;
}

function usePage(where: RunAddress, page: number, total: number) {
  return useQuery({
    queryKey: ["console", where.entity, where.project, where.run, page],
    enabled: total > 0,
    // A full page behind the end may still be rewritten (progress bars), so live changes invalidate it too.
    queryFn: ({ signal }) =>
      getJson<Window>(`/api/v1/console${queryString({ ...where, from: page * PAGE, limit: PAGE })}`, signal),
    placeholderData: keepPreviousData,
  });
}
