import { hasEnded, type Run } from "./fold.js";
import type { Report } from "./link.js";

/** progressOf is how far a run is, from 0 to 1: a node that says how far it is counts as that part of it. */
export function progressOf(run: Run, newest: ReadonlyMap<string, Report>): { done: number; all: number; fraction: number } {
  const nodes = run.nodes ?? [];
  const done = nodes.filter((n) => hasEnded(n.state)).length;
  const under = nodes.reduce((sum, n) => sum + (n.state === "running" ? Math.max(0, newest.get(n.at)?.fraction ?? 0) : 0), 0);
  return { done, all: nodes.length, fraction: nodes.length === 0 ? 0 : (done + under) / nodes.length };
}
