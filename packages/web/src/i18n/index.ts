import { useSyncExternalStore } from "react";
import { en, type TextKey } from "./en.ts";
import { ko } from "./ko.ts";

export type Language = "en" | "ko";
export type { TextKey } from "./en.ts";

const TABLES: Record<Language, Record<TextKey, string>> = { en, ko };
const STORED = "steelyard.language";
const listeners = new Set<() => void>();

let current: Language = firstLanguage();
document.documentElement.lang = current;

/** `?lang=` wins (embedding), then what was chosen here, then the browser's. */
function firstLanguage(): Language {
  const wanted =
    new URLSearchParams(location.search).get("lang") ?? localStorage.getItem(STORED) ?? navigator.language;
  return wanted.startsWith("ko") ? "ko" : "en";
}

export function setLanguage(language: Language): void {
  current = language;
  localStorage.setItem(STORED, language);
  document.documentElement.lang = language;
  for (const listener of listeners) listener();
}

export function useLanguage(): Language {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

/** The text in the current language with `{name}` filled in. Components that show it call `useLanguage` somewhere above. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return TABLES[current][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
