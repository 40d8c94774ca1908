import type { ReactNode } from "react";
import { isSmoothing, mostSmoothing, SMOOTHING_KINDS } from "../charts/smooth.ts";
import { t } from "../i18n/index.ts";
import { Button, Popover } from "../ui/controls.tsx";
import { LongSelect } from "../ui/LongSelect.tsx";
import { SearchField } from "../ui/SearchField.tsx";
import { type ChartView, CLOCKS, type SetView } from "./view.ts";

/** What is not asked for every day. `at`: as it is when the address says nothing. */
const SWITCHES = [
  { name: "logX", label: "chart.logX", title: undefined, at: false },
  { name: "band", label: "chart.band", title: "chart.band.title", at: true },
  { name: "ignoreOutliers", label: "chart.outliers", title: "chart.outliers.title", at: false },
  { name: "dashes", label: "chart.dashes", title: "chart.dashes.title", at: false },
  { name: "syncZoom", label: "chart.syncZoom", title: "chart.syncZoom.title", at: false },
] as const;

/** What all panels of the screen share. */
export function Toolbar({
  view,
  setView,
  badPattern,
  keys,
  children,
}: {
  view: ChartView;
  setView: SetView;
  badPattern: boolean;
  keys: string[];
  /** Controls of this screen alone. */
  children?: ReactNode;
}) {
  const { kind, amount } = view.smoothing;
  const most = mostSmoothing(kind);
  return (
    <div className="chart-toolbar" role="toolbar" aria-label={t("chart.settings")}>
      <SearchField
        data-search
        label={t("chart.search")}
        title={t("chart.search")}
        aria-invalid={badPattern}
        placeholder={t("chart.search.short")}
        value={view.search}
        onText={(search) => setView({ search })}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !view.search || event.nativeEvent.isComposing) return;
          event.stopPropagation();
          setView({ search: "" });
        }}
      />
      {badPattern && (
        <span className="error-text" role="alert">
          {t("chart.badPattern")}
        </span>
      )}
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
      <Button aria-pressed={view.logY} onClick={() => setView({ logY: view.logY ? "" : "1" })}>
        {t("chart.logY")}
      </Button>
      <div className="switch-row">
        <select
          className="field smoothing"
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
            <span className="mono amount">{most > 1 ? amount : amount.toFixed(2)}</span>
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
      <Popover label={t("chart.options")} face={t("chart.options")}>
        {() => (
          <>
            {SWITCHES.map(({ name, label, title, at }) => (
              <label key={name} className="item" title={title && t(title)}>
                <input
                  type="checkbox"
                  checked={view[name]}
                  onChange={(event) =>
                    setView({ [name]: event.target.checked === at ? "" : event.target.checked ? "1" : "0" })
                  }
                />
                {t(label)}
              </label>
            ))}
          </>
        )}
      </Popover>
      {children}
      {(view.range || view.zooms.size > 0) && (
        <Button onClick={() => setView({ range: "" })}>{t("chart.resetZoom")}</Button>
      )}
    </div>
  );
}
