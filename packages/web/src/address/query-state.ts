import { useCallback } from "react";
import { useLocation, useSearch } from "wouter";

/**
 * State that lives in the address, so that a reload or a shared link gives the same view. Values are short strings; an
 * empty one leaves the address. Changes replace the entry: the back button leaves the page, it does not undo a slider.
 */
export function useAddress(): {
  get: (name: string) => string;
  /** Those whose name begins so, by the rest of their name. */
  under: (prefix: string) => Map<string, string>;
  set: (values: Record<string, string | undefined>) => void;
} {
  // Told by it when to look; what it answers it has decoded once already, and an escaped comma would be one.
  useSearch();
  const [path, navigate] = useLocation();
  const parameters = new URLSearchParams(window.location.search);
  const set = useCallback(
    (values: Record<string, string | undefined>) => {
      // Read anew: two changes within one frame must both stay.
      const next = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries(values)) {
        if (value === undefined || value === "") next.delete(name);
        else next.set(name, value);
      }
      const text = next.toString();
      navigate(text ? `${path}?${text}` : path, { replace: true });
    },
    [path, navigate],
  );
  return {
    get: (name) => parameters.get(name) ?? "",
    under: (prefix) =>
      new Map(
        [...parameters].flatMap(([name, value]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
        ),
      ),
    set,
  };
}

/** Lists of names in one value: separated by commas, commas inside escaped. */
export function packList(values: Iterable<string>): string {
  return [...values].map((value) => value.replace(/[%,]/g, encodeURIComponent)).join(",");
}
export function unpackList(text: string): string[] {
  return text === "" ? [] : text.split(",").map((value) => decodeURIComponent(value));
}

/** Addresses of objects; each part escaped. */
export const addressOf = {
  entity: (entity: string) => `/${encodeURIComponent(entity)}`,
  project: (entity: string, project: string, tab?: string) =>
    `/${encodeURIComponent(entity)}/${encodeURIComponent(project)}${tab ? `/${tab}` : ""}`,
  run: (entity: string, project: string, run: string, tab?: string) =>
    `/${encodeURIComponent(entity)}/${encodeURIComponent(project)}/runs/${encodeURIComponent(run)}${tab ? `/${tab}` : ""}`,
};
