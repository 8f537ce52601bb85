import { useSyncExternalStore } from "react";

const wide = matchMedia("(min-width: 48rem)");

/** useWide says whether there is room for two things beside each other: it is no phone. */
export const useWide = (): boolean =>
  useSyncExternalStore(
    (told) => {
      wide.addEventListener("change", told);
      return () => wide.removeEventListener("change", told);
    },
    () => wide.matches,
  );
