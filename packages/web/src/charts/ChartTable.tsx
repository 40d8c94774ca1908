import { t } from "../i18n/index.ts";
import { CopyButton } from "../ui/controls.tsx";
import type { XKind } from "./draw.ts";
import { type ChartLine, type DrawnLine, GAP_KINDS, GAP_NAMES, kindsAt } from "./lines.ts";

/** What the chart draws, number by number: every bucket of one line, exact. */
export function ChartTable({
  title,
  lines,
  drawn,
  xKind,
  xName,
  smoothed,
  picked,
  onPick,
}: {
  title: string;
  lines: ChartLine[];
  /** Of `lines`, in their order. */
  drawn: DrawnLine[];
  xKind: XKind;
  xName: string;
  smoothed: boolean;
  /** Name of the line that is shown; the first one when there is none of that name. */
  picked: string;
  onPick: (name: string) => void;
}) {
  const index = Math.max(
    0,
    lines.findIndex((line) => nameOf(line) === picked),
  );
  const line = lines[index];
  const shown = drawn[index];
  if (!line || !shown) return null;
  const { answer, group } = line;
  // One by one they are their values.
  const gaps = Array.from(answer.exact ? [] : answer.nonFinite, (_, at) => kindsAt(answer, at));
  const kinds = GAP_KINDS.filter((kind) => gaps.some((gap) => gap[kind] > 0));
  const head = [
    xName,
    group ? t(`group.aggregate.${group.aggregate as "mean"}`) : t("chart.value"),
    ...(smoothed ? [t("chart.smoothed")] : []),
    ...(answer.exact ? [] : group ? [t("group.low"), t("group.high")] : [t("chart.min"), t("chart.max")]),
    ...(group ? [t("overview.runs")] : answer.exact ? [] : [t("chart.count")]),
    ...kinds.map((kind) => GAP_NAMES[kind]),
  ];
  const rows = Array.from(answer.xLast, (x, at) => [
    xKind === "wall" ? new Date(x * 1000).toISOString() : String(x),
    String(answer.last[at]),
    ...(smoothed ? [String(shown.y[at])] : []),
    ...(answer.exact ? [] : [String(answer.min[at]), String(answer.max[at])]),
    ...(answer.exact && !group ? [] : [String(answer.count[at])]),
    ...kinds.map((kind) => String(gaps[at]?.[kind])),
  ]);
  return (
    <div className="chart-table">
      <div className="chart-table-head">
        {lines.length > 1 ? (
          <select
            className="field"
            aria-label={t("chart.line")}
            value={nameOf(line)}
            onChange={(event) => onPick(event.target.value)}
          >
            {lines.map((one) => (
              <option key={nameOf(one)} value={nameOf(one)}>
                {one.label}
              </option>
            ))}
          </select>
        ) : (
          <span className="muted">{line.label}</span>
        )}
        <span className="muted row-count">
          {answer.exact && !group
            ? t("chart.rows", { count: rows.length })
            : t("chart.rowsOf", { count: rows.length, points: answer.points })}
        </span>
        <CopyButton text={[head, ...rows].map((row) => row.join("\t")).join("\n")} />
      </div>
      <div
        className="chart-table-rows"
        tabIndex={0}
        role="region"
        aria-label={t("chart.tableOf", { key: title })}
      >
        <table>
          <thead>
            <tr>
              {head.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two points may have the same x
              <tr key={at}>
                {row.map((text, column) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its column
                  <td key={column}>{text}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function nameOf(line: ChartLine): string {
  return `${line.id} ${line.answer.key}`;
}
