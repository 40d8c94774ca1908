export { dashed as dashedRunId, isRunId } from "./checks.ts";
export * from "./derived.ts";
export { editDistance, probablyMeant, settingOfKey, settingOfVariable } from "./names.ts";
export * from "./resolve.ts";
export type { Branch, Kind, Origin, Setting } from "./setting.ts";
export { editSettingsFile, parseSettingsFile, SettingsFileError } from "./settings-file.ts";
export {
  type GivenSettings,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
  settingOf,
} from "./table.ts";
export { DEFAULT_PROJECT } from "./table-run.ts";
export { allowedValues } from "./values.ts";
