// What is looked for among runs, as it stands in the address of the page.

/** In which states: those under way, or one of the ends. */
export const statesOf = {
  active: ["created", "running", "paused"],
  succeeded: ["succeeded"],
  failed: ["failed"],
  cancelled: ["cancelled"],
} as const;

export type Is = "" | keyof typeof statesOf;
export type When = "" | "day" | "week" | "month";

/** A text, states, the name of a pipeline, and how far back. */
export interface Filter {
  q?: string;
  is?: Is;
  of?: string;
  when?: When;
}

/** filterOf reads an address that anybody may have written: what is no filter is left out. */
export function filterOf(search: Record<string, unknown>): Filter {
  const { q, is, of, when } = search;
  return {
    ...((typeof q === "string" && q !== "") || typeof q === "number" ? { q: String(q).slice(0, 200) } : {}),
    ...(typeof is === "string" && Object.hasOwn(statesOf, is) ? { is: is as Is } : {}),
    ...(typeof of === "string" && of !== "" ? { of } : {}),
    ...(when === "day" || when === "week" || when === "month" ? { when } : {}),
  };
}
