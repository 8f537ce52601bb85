// Several values of several variables: one run for each of their combinations.
import type { Draft, Variable } from "./launch.js";

/** How many runs one sweep makes at most. */
export const mostRuns = 100;

/** What is typed for variables that take several values each. */
export type Sweep = Readonly<Record<string, string>>;

/** valuesOf reads what is typed: a value on each line; of numbers also with commas between, and from..to. Each counts once. */
export function valuesOf(v: Pick<Variable, "type">, typed: string): string[] {
  const parts = typed.split(v.type === "number" ? /[\s,]+/ : /\n/).map((part) => part.trim());
  return [...new Set(parts.filter((part) => part !== "").flatMap((part) => (v.type === "number" ? range(part) : [part])))];
}

function range(part: string): string[] {
  const [, from, to] = /^(-?\d+)\.\.(-?\d+)$/.exec(part) ?? [];
  if (from === undefined || to === undefined) return [part];
  const [low, high] = [BigInt(from), BigInt(to)]; // seeds reach 2^64-1
  const n = high - low + 1n;
  return n < 1n ? [part] : Array.from({ length: Number(n > mostRuns + 1 ? mostRuns + 1 : n) }, (_, i) => `${low + BigInt(i)}`);
}

/** swept gives the variables that have more than one value to take, in their order, with those values. */
export const swept = (sweep: Sweep, variables: readonly Variable[]): [name: string, values: string[]][] =>
  variables.flatMap((v): [string, string[]][] => (sweep[v.name] === undefined ? [] : [[v.name, valuesOf(v, sweep[v.name] ?? "")]])).filter(([, values]) => values.length > 0);

/** product is a draft for each combination, the last variable changing fastest. No more than mostRuns and one are made. */
export function product(draft: Draft, axes: readonly [name: string, values: string[]][]): Draft[] {
  let all: Draft[] = [draft];
  for (const [name, values] of axes) {
    const next: Draft[] = [];
    for (const d of all) for (const value of values) if (next.length <= mostRuns) next.push({ ...d, text: { ...d.text, [name]: value } });
    all = next;
  }
  return all;
}
