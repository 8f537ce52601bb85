// Lays graphs out beside the page, which goes on meanwhile. Its name begins as the part does that scripts/size.mjs counts it to.
import { layout, type Direction, type Layout } from "../../core/layout.js";
import type { Graph } from "../../core/graph.js";

/** Asked and Answered are what the worker hears and says; `n` tells answers apart. */
export interface Asked {
  n: number;
  graph: Graph;
  direction: Direction;
}
export type Answered = { n: number; layout: Layout } | { n: number; wrong: string };

onmessage = ({ data: { n, graph, direction } }: MessageEvent<Asked>) => {
  let answer: Answered;
  try {
    answer = { n, layout: layout(graph, direction) };
  } catch (e) {
    answer = { n, wrong: String(e) };
  }
  postMessage(answer);
};
