import { t } from "../i18n/index.ts";
import { Panel } from "./Panel.tsx";
import { PER_PLACE, Place } from "./Place.tsx";
import { inGroups, ROW_HEIGHT } from "./placement.ts";
import type { PanelPlan, Section } from "./sections.ts";

/** A section with its heading; which of its rows are drawn depends on where the window is. */
export function PanelSection({
  section,
  rows,
  onToggle,
}: {
  section: Section;
  /** None: the section is closed. */
  rows: PanelPlan[][];
  onToggle: () => void;
}) {
  const open = rows.length > 0;
  return (
    <details open={open} className="section">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a summary is a button; it opens by key and by click */}
      <summary
        onClick={(event) => {
          // The address decides, and the address answers.
          event.preventDefault();
          onToggle();
        }}
      >
        {titleOf(section)} <span className="muted">{section.panels.length}</span>
      </summary>
      {inGroups(rows, PER_PLACE).map((group) => (
        <Place key={group[0]?.[0]?.title} height={group.length * ROW_HEIGHT} lines={() => group.map(words)}>
          {() =>
            group.map((row) => <PanelRow key={row[0]?.title} row={row} columns={rows[0]?.length ?? 1} />)
          }
        </Place>
      ))}
    </details>
  );
}

function PanelRow({
  row,
  columns,
}: {
  row: PanelPlan[];
  /** The last row keeps those of the others. */
  columns: number;
}) {
  return (
    <Place height={ROW_HEIGHT} lines={() => [words(row)]} parts={row.length}>
      {(here) => (
        <div className="panel-row" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
          {row.slice(0, here).map((panel) => (
            <Panel key={panel.title} panel={panel} />
          ))}
        </div>
      )}
    </Place>
  );
}

export function titleOf({ title }: Section): string {
  return title || t("chart.section.other");
}

export function words(row: PanelPlan[]): string {
  return row.map(({ title }) => title).join("   ");
}
