import { useSyncExternalStore } from "react";

export type ThemeChoice = "light" | "dark" | "system";
const STORED = "steelyard.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function choice(): ThemeChoice {
  const wanted = new URLSearchParams(location.search).get("theme") ?? localStorage.getItem(STORED);
  return wanted === "light" || wanted === "dark" ? wanted : "system";
}
let chosen = choice();

function apply(): void {
  document.documentElement.dataset.theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
  for (const listener of listeners) listener();
}
dark.addEventListener("change", apply);
apply();

export function setTheme(theme: ThemeChoice): void {
  chosen = theme;
  localStorage.setItem(STORED, theme);
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, () => chosen);
}
/** What is shown now; canvases draw anew when it changes. */
export function useTheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, () =>
    document.documentElement.dataset.theme === "dark" ? "dark" : "light",
  );
}
