import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useRef } from "react";
import { Link } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import { type RunSet, useRunsBetween } from "../runs/run-window.ts";
import type { RunRow } from "../runs/runs.ts";
import { useTheme } from "../theme/theme.ts";
import { ErrorState } from "../ui/controls.tsx";
import { Cell } from "./Cell.tsx";
import { labelOf, valuesOf } from "./columns.ts";
import { fieldOf } from "./field.ts";

const ROW_PX = 28;
/** The place in the list is kept in the history entry, so that the back button finds it again. */
const KEEP_PLACE_MS = 150;

interface Props {
  set: RunSet;
  total: number;
  columns: readonly string[];
  /** Columns that hold numbers, which stand at the right. */
  numeric: ReadonlySet<string>;
  picked: ReadonlyMap<string, RunRow>;
  /** None: the viewer may change nothing, so there is nothing to pick runs for. */
  onPick: ((next: ReadonlyMap<string, RunRow>) => void) | undefined;
  onOrder: (order: string) => void;
}

/** The runs as rows, of which only those on the screen exist. */
export function RunGrid({ set, total, columns, numeric, picked, onPick, onOrder }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    initialOffset: keptPlace,
  });
  const items = rows.getVirtualItems();
  const { runAt, runs, error, retry } = useRunsBetween(set, items[0]?.index ?? 0, items.at(-1)?.index ?? 0);
  useKeepPlace(scroller);
  // Another filter or order begins at its top.
  const shown = `${set.filters} ${set.order}`;
  const before = useRef(shown);
  useEffect(() => {
    if (before.current === shown) return;
    before.current = shown;
    scroller.current?.scrollTo({ top: 0 });
  }, [shown]);
  const template = `${onPick ? "32px " : ""}minmax(200px, 1.6fr) repeat(${columns.length}, minmax(112px, 1fr))`;
  const rowStyle = { gridTemplateColumns: template, minWidth: 232 + 112 * columns.length };
  const toggle = (run: RunRow) => {
    const next = new Map(picked);
    if (!next.delete(run.name)) next.set(run.name, run);
    onPick?.(next);
  };
  if (error && runs.length === 0) return <ErrorState error={error} retry={retry} />;
  return (
    <div
      className="table-scroll"
      ref={scroller}
      tabIndex={0}
      role="grid"
      aria-rowcount={total + 1}
      aria-label={t("nav.runs")}
    >
      <div className="table-row table-head" role="row" aria-rowindex={1} style={rowStyle}>
        {onPick && (
          <span role="columnheader">
            <input
              type="checkbox"
              aria-label={t("table.selectAll")}
              checked={runs.length > 0 && runs.every(({ name }) => picked.has(name))}
              onChange={(event) =>
                onPick(event.target.checked ? new Map(runs.map((run) => [run.name, run])) : new Map())
              }
            />
          </span>
        )}
        {["name", ...columns].map((id) => {
          const field = fieldOf(id);
          const sorted = set.order.slice(1) === field ? set.order[0] : undefined;
          return (
            <span
              key={id}
              role="columnheader"
              className={numeric.has(id) ? "number" : ""}
              aria-sort={sorted === "+" ? "ascending" : sorted === "-" ? "descending" : "none"}
            >
              <button
                type="button"
                title={id.includes(".") ? id : labelOf(id)}
                onClick={() => onOrder(sorted === "-" ? `+${field}` : `-${field}`)}
              >
                {labelOf(id)}
                {sorted && <span aria-hidden="true">{sorted === "+" ? " ↑" : " ↓"}</span>}
              </button>
            </span>
          );
        })}
      </div>
      <div
        role="rowgroup"
        style={{ height: rows.getTotalSize(), position: "relative", minWidth: rowStyle.minWidth }}
      >
        {items.map(({ index, start }) => {
          const run = runAt(index);
          const row = run && valuesOf(run);
          return (
            <div
              key={index}
              className="table-row"
              role="row"
              aria-rowindex={index + 2}
              aria-selected={run !== undefined && picked.has(run.name)}
              aria-busy={run === undefined}
              style={{ ...rowStyle, transform: `translateY(${start}px)` }}
            >
              {onPick && (
                <span role="gridcell">
                  {run && (
                    <input
                      type="checkbox"
                      aria-label={t("table.select", { name: run.displayName })}
                      checked={picked.has(run.name)}
                      onChange={() => toggle(run)}
                    />
                  )}
                </span>
              )}
              <span role="gridcell" className="name-cell">
                {run ? (
                  <>
                    <span
                      className="colour"
                      style={{ background: runColour(run.defaultColorIndex, theme) }}
                    />
                    <Link href={addressOf.run(set.entity, set.project, run.name)} title={run.name}>
                      {run.displayName}
                    </Link>
                  </>
                ) : (
                  <span className="skeleton" style={{ width: "60%" }} />
                )}
              </span>
              {columns.map((id) =>
                row ? <Cell key={id} id={id} row={row} /> : <span key={id} role="gridcell" />,
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function keptPlace(): number {
  const state = window.history.state as { tableTop?: unknown } | null;
  return typeof state?.tableTop === "number" ? state.tableTop : 0;
}

function useKeepPlace(list: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const scroller = list.current;
    if (!scroller) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const here = window.location.pathname;
    const keep = () => {
      timer = undefined;
      // Not the entry of the page that was opened meanwhile.
      if (window.location.pathname === here)
        window.history.replaceState({ ...window.history.state, tableTop: scroller.scrollTop }, "");
    };
    const onScroll = () => {
      timer ??= setTimeout(keep, KEEP_PLACE_MS);
    };
    scroller.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      clearTimeout(timer);
      scroller.removeEventListener("scroll", onScroll);
    };
  }, [list]);
}
