import { expect, test } from "vitest";
import type { Node, Run } from "./fold.js";
import type { Report } from "./link.js";
import { progressOf } from "./progress.js";

const node = (at: string, state: string): Node => ({ at, name: at, state });
const run = (nodes: Node[]): Run => ({ id: "run_1", pipeline: "p", state: "running", seq: 1, created: "", updated: "", nodes });
const said = (fraction: number): Report => ({ address: "", kind: "progress", time: "", fraction });

test("a node that says how far it is counts as that part of it, while it runs", () => {
  const nodes = [node("a", "succeeded"), node("b", "running"), node("c", "running"), node("d", "pending")];
  const newest = new Map([["a", said(0.5)], ["b", said(0.5)], ["c", said(-1)], ["d", said(0.9)]]);
  expect(progressOf(run(nodes), newest)).toEqual({ done: 1, all: 4, fraction: 0.375 });
  expect(progressOf(run([]), new Map())).toEqual({ done: 0, all: 0, fraction: 0 });
});
