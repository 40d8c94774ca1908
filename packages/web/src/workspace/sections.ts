import { systemOrder } from "./system-title.ts";

export type Stream = "history" | "events";

export interface PanelPlan {
  title: string;
  keys: string[];
  stream: Stream;
  /** Of a heat map: the runs that logged histograms under its key. */
  histogramsOf?: readonly string[];
  /** In place of a key; `keys` has it too. */
  expression?: string;
  /** There is no key of this name: the panel is there because someone asked for its expression. */
  isAdded?: boolean;
}

export interface Section {
  /** What the address calls it, whatever the language. */
  id: string;
  /** "" = the metrics without a prefix. */
  title: string;
  panels: PanelPlan[];
  /** Not open until it is asked for. */
  closed?: boolean;
}

/** `layer2` before `layer10`. */
const natural = new Intl.Collator("en", { numeric: true });

/** Keys by what stands before the first slash; the rest under one heading, which comes first. */
export function bySections(
  keys: readonly string[],
  histograms: readonly { key: string; runs: readonly string[] }[] = [],
): Section[] {
  const sections = new Map<string, Section>();
  const numbers = new Set(keys);
  const panels: PanelPlan[] = [
    ...keys.map((key) => ({ title: key, keys: [key], stream: "history" as const })),
    // A key of both is a line: a panel is known by its title.
    ...histograms.flatMap(({ key, runs }) =>
      numbers.has(key) ? [] : [{ title: key, keys: [key], stream: "history" as const, histogramsOf: runs }],
    ),
  ];
  for (const panel of panels) {
    const key = panel.title;
    const slash = key.indexOf("/");
    const title = slash > 0 ? key.slice(0, slash) : "";
    const section = sections.get(title) ?? { id: title || "*", title, panels: [] };
    section.panels.push(panel);
    sections.set(title, section);
  }
  for (const { panels } of sections.values()) panels.sort((a, b) => natural.compare(a.title, b.title));
  return [...sections.values()].sort((a, b) =>
    a.title === "" ? -1 : b.title === "" ? 1 : natural.compare(a.title, b.title),
  );
}

/**
 * System metrics, one chart per measure: `system.gpu.0.temp` and `system.gpu.1.temp` are two lines of one chart, so that
 * eight devices are not eight charts. A section per kind of device.
 */
export function byDevice(keys: readonly string[]): Section[] {
  const sections = new Map<string, Map<string, string[]>>();
  for (const key of keys) {
    if (!key.startsWith("system.")) continue;
    const measure = key
      .slice("system.".length)
      .replace(/\.\d+\./g, ".")
      .replace(/\/l:.*$/, "");
    // `cpu`, `memory_percent`: of the machine as a whole, and alone a section would be mostly empty.
    const device = measure.includes(".") ? measure.slice(0, measure.indexOf(".")) : "system";
    const panels = sections.get(device) ?? new Map<string, string[]>();
    panels.set(measure, [...(panels.get(measure) ?? []), key]);
    sections.set(device, panels);
  }
  return [...sections].map(([title, panels]) => ({
    id: title,
    title,
    panels: [...panels]
      .sort(([a], [b]) => systemOrder(a) - systemOrder(b) || natural.compare(a, b))
      .map(([measure, group]) => ({ title: measure, keys: group, stream: "events" as const })),
  }));
}

/** As the person has them: panels that show an expression in place of their key, and those made for one, which come first. */
export function withExpressions(
  sections: readonly Section[],
  expressions: ReadonlyMap<string, string>,
  added: Section | undefined,
): Section[] {
  const changed = sections.map((section) => ({
    ...section,
    panels: section.panels.map((panel): PanelPlan => {
      const expression = panel.histogramsOf ? undefined : expressions.get(panel.title);
      return expression === undefined ? panel : { ...panel, keys: [expression], expression };
    }),
  }));
  return added && added.panels.length > 0 ? [added, ...changed] : changed;
}
