// Two runs beside each other.
import type { Node } from "./fold.js";
import { asArtifact } from "./values.js";

export interface Pair<T> {
  name: string;
  /** undefined: that run has none. */
  a?: T;
  b?: T;
}

/** pairs puts what two runs have side by side by name: in the order of the first, what only the second has behind what stands before it there. */
function pairs<T>(a: readonly (readonly [string, T])[], b: readonly (readonly [string, T])[]): Pair<T>[] {
  const ofB = new Map(b);
  const out: Pair<T>[] = a.map(([name, value]) => ({ name, a: value, ...(ofB.has(name) ? { b: ofB.get(name) as T } : {}) }));
  const places = new Map(out.map((p) => [p.name, p]));
  let last: Pair<T> | undefined;
  for (const [name, value] of b) {
    const known = places.get(name);
    if (known === undefined) {
      const added: Pair<T> = { name, b: value };
      out.splice(last === undefined ? 0 : out.indexOf(last) + 1, 0, added);
      last = added;
    } else last = known;
  }
  return out;
}

/** pairsOf are values by name, and whether they are the same: files by what is in them. */
export function pairsOf(a: Record<string, unknown> = {}, b: Record<string, unknown> = {}): (Pair<unknown> & { same: boolean })[] {
  return pairs(Object.entries(a), Object.entries(b)).map((p) => ({ ...p, same: "a" in p && "b" in p && plain(p.a) === plain(p.b) }));
}

/** plain is the same text for equal values. */
const plain = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) => {
    const file = asArtifact(v);
    if (file !== undefined) return file.digest;
    return typeof v === "object" && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([x], [y]) => (x < y ? -1 : 1))) : v;
  }) ?? "";

/** nodePairs are the node instances of two runs by their addresses. */
export const nodePairs = (a: readonly Node[], b: readonly Node[]): Pair<Node>[] =>
  pairs(
    a.map((n) => [n.at, n] as const),
    b.map((n) => [n.at, n] as const),
  );

/** secondsOf says how long a node was at it over all its attempts; undefined: it was not, or still is. */
export const secondsOf = (n: Node | undefined): number | undefined => (n?.started && n.ended && n.state !== "cached" ? (Date.parse(n.ended) - Date.parse(n.started)) / 1000 : undefined);
