import { en } from "../i18n/en.ts";
import { type TextKey, t } from "../i18n/index.ts";

/**
 * What a system metric is called, with its unit, in the current language; undefined for one that we do not know. `measure` =
 * its name without `system.` and the numbers of devices: `gpu.temp`.
 */
export function systemTitle(measure: string): string | undefined {
  if (measure.startsWith("gpu.process.")) {
    const title = systemTitle(`gpu.${measure.slice("gpu.process.".length)}`);
    return title && t("system.ofProcess", { title });
  }
  const { key, name } = keyOf(measure);
  return key in en ? t(key as TextKey, { name }) : undefined;
}

const ORDER = Object.keys(en);

/** What one looks at first comes first: the order of the table of texts, then what it does not have; by that, then by name. */
export function systemOrder(measure: string): number {
  const ofProcess = measure.startsWith("gpu.process.");
  const { key } = keyOf(ofProcess ? `gpu.${measure.slice("gpu.process.".length)}` : measure);
  return key in en ? ORDER.indexOf(key) + (ofProcess ? ORDER.length : 0) : Number.POSITIVE_INFINITY;
}

/** The name of a disk, a path or a device, may have dots itself. */
function keyOf(measure: string): { key: string; name: string } {
  const disk = /^disk\.(.+)\.(usagePercent|usageGB|in|out)$/.exec(measure);
  return { key: `system.${disk ? `disk.${disk[2]}` : measure}`, name: disk?.[1] ?? "" };
}
