import { useMemo, useState } from "react";
import { useAddress } from "../address/query-state.ts";
import { LineChart } from "../charts/LineChart.tsx";
import { type DomainOptions, domainOf, drawnLines } from "../charts/lines.ts";
import { t } from "../i18n/index.ts";
import { runColour } from "../runs/colour.ts";
import { useTheme } from "../theme/theme.ts";
import { EmptyState } from "../ui/controls.tsx";
import { firstChoice, isNumeric, isTime, MAX_LINES, resultLines } from "./lines.ts";
import type { SqlAnswer } from "./sql-query.ts";

const PLAIN: DomainOptions = {
  range: undefined,
  yRange: undefined,
  logX: false,
  logY: false,
  band: false,
  ignoreOutliers: false,
};
const NO_SMOOTHING = { kind: "none", amount: 0 } as const;

/** The answer as lines; which columns they are made of is in the address. */
export function ResultChart({ answer }: { answer: SqlAnswer }) {
  const address = useAddress();
  const theme = useTheme();
  const [zoom, setZoom] = useState<Pick<DomainOptions, "range" | "yRange">>({
    range: undefined,
    yRange: undefined,
  });
  const { columns } = answer;
  const first = firstChoice(answer);
  const chosen = (name: "x" | "y" | "by"): number | undefined => {
    const text = address.get(name);
    if (text === "-") return undefined;
    const at = columns.findIndex((column) => column.name === text);
    return at < 0 ? first[name] : at;
  };
  const [x, y, by] = [chosen("x"), chosen("y"), chosen("by")];
  const lines = useMemo(
    () => (y === undefined ? [] : resultLines(answer, x, y, by).map(chartLine)),
    [answer, x, y, by],
  );
  const coloured = useMemo(
    () => lines.map((line, at) => ({ ...line, colour: runColour(at, theme) })),
    [lines, theme],
  );
  const drawn = useMemo(() => drawnLines(coloured, NO_SMOOTHING, false, undefined), [coloured]);
  const options = useMemo(() => ({ ...PLAIN, ...zoom }), [zoom]);
  const domain = useMemo(() => domainOf(drawn, options), [drawn, options]);
  if (y === undefined) return <EmptyState title={t("sql.noNumbers")} />;
  const choice = (name: "x" | "y" | "by", label: string, fits: (type: string) => boolean, none?: string) => (
    <label>
      {label}
      <select
        className="field"
        aria-label={label}
        value={chosen(name) === undefined ? "-" : columns[chosen(name) ?? 0]?.name}
        onChange={(event) => {
          setZoom({ range: undefined, yRange: undefined });
          address.set({ [name]: event.target.value });
        }}
      >
        {none !== undefined && <option value="-">{none}</option>}
        {columns
          .filter(({ type }) => fits(type))
          .map((column) => (
            <option key={column.name} value={column.name} className="mono">
              {column.name}
            </option>
          ))}
      </select>
    </label>
  );
  return (
    <div className="sql-chart">
      <div className="sql-choices">
        {choice("y", "Y", isNumeric)}
        {choice("x", "X", (type) => isNumeric(type) || isTime(type), t("sql.rowNumber"))}
        {choice("by", t("sql.by"), (type) => type === "VARCHAR", t("sql.oneLine"))}
        <ul className="sql-legend">
          {coloured.map(({ id, label, colour }) => (
            <li key={id}>
              <span className="dot" style={{ background: colour }} aria-hidden="true" />
              {label}
            </li>
          ))}
        </ul>
        {lines.length === MAX_LINES && (
          <span className="muted">{t("sql.someLines", { count: MAX_LINES })}</span>
        )}
      </div>
      <LineChart
        title={columns[y]?.name ?? ""}
        lines={coloured}
        drawn={drawn}
        domain={domain}
        options={options}
        xKind={x !== undefined && isTime(columns[x]?.type ?? "") ? "wall" : "key"}
        smoothed={false}
        onZoom={(range, yRange) => setZoom({ range, yRange })}
        onFullScreen={() => {}}
      />
    </div>
  );
}

function chartLine({ label, x, y }: { label: string; x: Float64Array; y: Float64Array }, at: number) {
  const finite = y.map((value) => (Number.isFinite(value) ? value : Number.NaN));
  const count = y.map((value) => (Number.isFinite(value) ? 1 : 0));
  return {
    id: `${at}`,
    label,
    colour: "",
    dash: at,
    answer: {
      run: label,
      key: label,
      exact: true,
      points: x.length,
      xFirst: x,
      xLast: x,
      min: finite,
      max: finite,
      mean: finite,
      first: finite,
      last: y,
      count,
      nonFinite: count.map((one) => 1 - one),
      infinite: y.map((value) => Number(value === Number.POSITIVE_INFINITY)),
      negativeInfinite: y.map((value) => Number(value === Number.NEGATIVE_INFINITY)),
    },
  };
}
