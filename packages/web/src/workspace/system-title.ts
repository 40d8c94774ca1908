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
  // The name of a disk, a path or a device, may have dots itself.
  const disk = /^disk\.(.+)\.(usagePercent|usageGB|in|out)$/.exec(measure);
  const key = `system.${disk ? `disk.${disk[2]}` : measure}`;
  return key in en ? t(key as TextKey, { name: disk?.[1] ?? "" }) : undefined;
}
