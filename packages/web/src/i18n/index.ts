import { useSyncExternalStore } from "react";
import { en, type TextKey } from "./en.ts";
import { ko } from "./ko.ts";

/** `pseudo`: English in marks, longer by two fifths, for tests: a text without marks comes from no table. */
export type Language = "en" | "ko" | "pseudo";
export type { TextKey } from "./en.ts";

const TABLES: Record<Language, Record<TextKey, string>> = { en, ko, pseudo: en };
const STORED = "steelyard.language";
const listeners = new Set<() => void>();

let current: Language = firstLanguage();
document.documentElement.lang = tag(current);

/** As browsers know it. */
function tag(language: Language): string {
  return language === "pseudo" ? "en" : language;
}

/** `?lang=` wins (embedding), then what was chosen here, then the browser's. */
function firstLanguage(): Language {
  const wanted =
    new URLSearchParams(location.search).get("lang") ?? localStorage.getItem(STORED) ?? navigator.language;
  return wanted === "pseudo" ? wanted : wanted.startsWith("ko") ? "ko" : "en";
}

export function setLanguage(language: Language): void {
  current = language;
  localStorage.setItem(STORED, language);
  document.documentElement.lang = tag(language);
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
  const text = TABLES[current][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
  return current === "pseudo" ? `⟦${text}${"~".repeat(Math.ceil(TABLES.en[key].length * 0.4))}⟧` : text;
}
