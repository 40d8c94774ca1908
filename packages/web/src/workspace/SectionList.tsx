import { memo, useLayoutEffect, useRef, useState } from "react";
import { useLanguage } from "../i18n/index.ts";
import { PanelSection, titleOf, words } from "./PanelSection.tsx";
import { PER_PLACE, Place } from "./Place.tsx";
import { columnsIn, inGroups, inRows, sectionHeight } from "./placement.ts";
import type { PanelPlan, Section } from "./sections.ts";

/** A section and the rows of panels that it shows at this width. */
interface Placed {
  section: Section;
  rows: PanelPlan[][];
}

/** The sections under each other; what is near the window is drawn. */
export const SectionList = memo(function SectionList({
  sections,
  flipped,
  lastFull,
  search,
  onToggle,
}: {
  sections: Section[];
  /** Sections that are not as they are at first. */
  flipped: ReadonlySet<string>;
  /** Title of the panel that filled the screen before: the list opens there. */
  lastFull: string | undefined;
  /** What the panels were searched for; another search is read from its top. */
  search: string;
  onToggle: (section: string) => void;
}) {
  useLanguage();
  const list = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(0);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const measure = () => setColumns(columnsIn(element.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  const placed: Placed[] =
    columns === 0
      ? []
      : sections.map((section) => ({
          section,
          rows: !section.closed !== flipped.has(section.id) ? inRows(section.panels, columns) : [],
        }));

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the list comes back
  useLayoutEffect(() => {
    const scroller = list.current?.closest(".panels-scroll");
    const top = lastFull === undefined ? undefined : topOf(lastFull, placed);
    if (!scroller || !list.current || top === undefined) return;
    const listTop = list.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    // In the upper half of the window, under what sticks to its top.
    scroller.scrollTop += listTop + top - scroller.clientHeight / 4;
  }, [columns > 0]);

  const searched = useRef(search);
  useLayoutEffect(() => {
    if (searched.current !== search) list.current?.closest(".panels-scroll")?.scrollTo({ top: 0 });
    searched.current = search;
  }, [search]);

  return (
    <div ref={list}>
      {inGroups(placed, PER_PLACE).map((group) => (
        <Place
          key={group[0]?.section.id}
          height={group.reduce((sum, { rows }) => sum + sectionHeight(rows.length), 0)}
          lines={() => group.flatMap(({ section, rows }) => [titleOf(section), ...rows.map(words)])}
        >
          {() =>
            group.map(({ section, rows }) => (
              <PanelSection
                key={section.id}
                section={section}
                rows={rows}
                onToggle={() => onToggle(section.id)}
              />
            ))
          }
        </Place>
      ))}
    </div>
  );
});

/** From the top of the list to the row that has the panel. */
function topOf(title: string, placed: Placed[]): number | undefined {
  let top = 0;
  for (const { rows } of placed) {
    const row = rows.findIndex((panels) => panels.some((panel) => panel.title === title));
    if (row >= 0) return top + sectionHeight(row);
    top += sectionHeight(rows.length);
  }
  return undefined;
}
