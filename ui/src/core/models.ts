// Model files as a page shows them: of which kinds, how large, where they are and where they could be.
import type { Schemas } from "../api/client.js";

export type Model = Schemas["Model"];
export type Fetch = Schemas["ModelFetch"];
export type Copy = Schemas["ModelCopy"];

/** kindOf a model file is the first part of its name: checkpoints, loras. */
export const kindOf = (name: string): string => name.split("/")[0] ?? "";

/** kindsIn a list, each once, by name. */
export const kindsIn = (list: readonly Model[]): string[] => [...new Set(list.map((m) => kindOf(m.name)))].sort();

/** found are the files of a kind, or of all, in whose names or machines all the words stand; by name, as people count. */
export function found(list: readonly Model[], kind: string, text: string): Model[] {
  const words = text.toLowerCase().split(/\s+/);
  return list.filter((m) => (kind === "" || kindOf(m.name) === kind) && words.every((w) => [m.name, ...m.copies.map((c) => c.name)].join(" ").toLowerCase().includes(w))).sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** sizeOf a model file, in bytes; undefined: nobody has it, or its copies are not alike. */
export function sizeOf(m: Model): number | undefined {
  const sizes = new Set(m.copies.map((c) => c.size));
  return sizes.size === 1 ? m.copies[0]?.size : undefined;
}

/** differs: machines have other files under the same name. */
export const differs = (m: Model): boolean => new Set(m.copies.map((c) => c.size)).size > 1 || new Set(m.copies.map((c) => c.digest).filter(Boolean)).size > 1;

/** fractionOf what has come of a file; undefined: nobody knows how much there is. */
export const fractionOf = (f: Fetch): number | undefined => ((f.total ?? 0) > 0 ? f.done / (f.total ?? 1) : undefined);

/** without is a list in which a machine has a file no more. A file that nobody has, and that has no source, is not in it. */
export function without(list: readonly Model[], name: string, agent: string): Model[] {
  return list.map((m) => (m.name === name ? { ...m, copies: m.copies.filter((c) => c.agent !== agent) } : m)).filter((m) => m.copies.length > 0 || m.source !== undefined);
}
