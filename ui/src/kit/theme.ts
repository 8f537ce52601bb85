import { useSyncExternalStore } from "react";

/** auto: as the system has it. public/theme.js sets it before anything is drawn. */
export type Theme = "auto" | "light" | "dark";

const watchers = new Set<() => void>();

function now(): Theme {
  const set = document.documentElement.dataset["theme"];
  return set === "light" || set === "dark" ? set : "auto";
}

export function setTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // storage is switched off: it counts until the page is loaded again
  }
  for (const told of watchers) told();
}

export const useTheme = (): Theme =>
  useSyncExternalStore((told) => {
    watchers.add(told);
    return () => watchers.delete(told);
  }, now);
