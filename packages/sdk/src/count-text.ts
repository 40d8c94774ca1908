/**
 * A whole number as it is read: `1,234,567`. By hand, because the first `toLocaleString` of a process loads tables for some
 * 14 ms, in which its event loop stands still.
 */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
