/** Where panels stand, in CSS pixels; workspace.css says the same. Known without drawing them: the scroll bar never jumps. */
const HEADING = 36;
/** A panel and the gap under it. */
export const ROW_HEIGHT = 264;
const PANEL_MIN_WIDTH = 340;
const GAP = 8;

/** Panels that fit beside each other. */
export function columnsIn(width: number): number {
  return Math.max(1, Math.floor((width + GAP) / (PANEL_MIN_WIDTH + GAP)));
}

/** As few rows as fit, and these filled evenly: four panels where three fit are two and two. */
export function inRows<Panel>(panels: readonly Panel[], fitting: number): Panel[][] {
  return inGroups(panels, Math.ceil(panels.length / Math.ceil(panels.length / fitting)));
}

export function inGroups<Item>(items: readonly Item[], size: number): Item[][] {
  const groups: Item[][] = [];
  for (let at = 0; at < items.length; at += size) groups.push(items.slice(at, at + size));
  return groups;
}

/** Of a section with this many rows under its heading, which a closed one has not. */
export function sectionHeight(rows: number): number {
  return HEADING + rows * ROW_HEIGHT;
}
