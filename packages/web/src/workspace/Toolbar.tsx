import { isSmoothing, mostSmoothing, SMOOTHING_KINDS } from "../charts/smooth.ts";
import { t } from "../i18n/index.ts";
import { Button } from "../ui/controls.tsx";
import { LongSelect } from "../ui/LongSelect.tsx";
import { type ChartView, CLOCKS, type SetView } from "./view.ts";

/** What all panels of the screen share. */
export function Toolbar({
  view,
  setView,
  badPattern,
  keys,
}: {
  view: ChartView;
  setView: SetView;
  badPattern: boolean;
  keys: string[];
}) {
  const { kind, amount } = view.smoothing;
  const most = mostSmoothing(kind);
  return (
    <div className="chart-toolbar" role="toolbar" aria-label={t("chart.settings")}>
      <input
        className="field"
        data-search
        aria-label={t("chart.search")}
        aria-invalid={badPattern}
        placeholder={badPattern ? t("chart.badPattern") : t("chart.search")}
        value={view.search}
        onChange={(event) => setView({ search: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !view.search || event.nativeEvent.isComposing) return;
          event.stopPropagation();
          setView({ search: "" });
        }}
      />
      <LongSelect
        label={t("chart.x")}
        className="axis"
        value={view.x.kind === "key" ? view.x.key : view.x.kind}
        options={[
          ...CLOCKS.map((clock) => ({ value: clock, label: t(`chart.${clock}`) })),
          ...keys.map((key) => ({ value: key, label: key })),
        ]}
        onChange={(x) => setView({ x: x === "step" ? "" : x })}
      />
      <div className="switch-row">
        <select
          className="field"
          aria-label={t("chart.smoothingKind")}
          title={t("chart.smoothingKind")}
          value={kind}
          onChange={(event) =>
            setView({
              smoothingKind: event.target.value === "time-weighted" ? "" : event.target.value,
              // A weight is no number of points.
              smoothing: "",
            })
          }
        >
          {SMOOTHING_KINDS.map((one) => (
            <option key={one} value={one}>
              {t(`chart.smoothing.${one}`)}
            </option>
          ))}
        </select>
        {kind !== "none" && (
          <>
            <input
              type="range"
              aria-label={t("chart.smoothing")}
              min={0}
              max={most}
              step={most > 1 ? 1 : 0.01}
              value={amount}
              onChange={(event) =>
                setView({ smoothing: event.target.value === "0" ? "" : event.target.value })
              }
            />
            <span className="mono" style={{ width: 30 }}>
              {most > 1 ? amount : amount.toFixed(2)}
            </span>
          </>
        )}
        {isSmoothing(view.smoothing) && (
          <Button
            aria-pressed={view.showOriginal}
            onClick={() => setView({ showOriginal: view.showOriginal ? "0" : "" })}
          >
            {t("chart.points")}
          </Button>
        )}
      </div>
      <Button aria-pressed={view.logY} onClick={() => setView({ logY: view.logY ? "" : "1" })}>
        {t("chart.logY")}
      </Button>
      <Button aria-pressed={view.logX} onClick={() => setView({ logX: view.logX ? "" : "1" })}>
        {t("chart.logX")}
      </Button>
      <Button aria-pressed={view.band} onClick={() => setView({ band: view.band ? "0" : "" })}>
        {t("chart.band")}
      </Button>
      <Button
        aria-pressed={view.ignoreOutliers}
        title={t("chart.outliers.title")}
        onClick={() => setView({ ignoreOutliers: view.ignoreOutliers ? "" : "1" })}
      >
        {t("chart.outliers")}
      </Button>
      {view.range && <Button onClick={() => setView({ range: "" })}>{t("chart.resetZoom")}</Button>}
    </div>
  );
}
