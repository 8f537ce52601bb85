import { useEffect, useState } from "react";
import { shapeOf, type Graph } from "../../core/graph.js";
import type { Direction, Layout } from "../../core/layout.js";
import { t } from "../../strings.js";
import type { Answered, Asked } from "./graph-worker.js";

let worker: Worker | undefined;
let asked = 0;
const waiting = new Map<number, (answer: Answered) => void>();

/** lay has the worker lay a graph out, and gives how not to be told of it any more. */
function lay(graph: Graph, direction: Direction, told: (answer: Answered) => void): () => void {
  if (worker === undefined) {
    worker = new Worker(new URL("./graph-worker.ts", import.meta.url), { type: "module", name: "graph" });
    worker.onmessage = ({ data }: MessageEvent<Answered>) => waiting.get(data.n)?.(data);
    worker.onerror = () => {
      for (const [n, tell] of waiting) tell({ n, wrong: t.graph.noWorker });
      worker = undefined;
    };
  }
  const n = ++asked;
  waiting.set(n, told);
  worker.postMessage({ n, graph: { boxes: graph.boxes.map(({ id, in: within, needs, title, kind }) => ({ id, needs, title, kind, ...(within ? { in: within } : {}) })) }, direction } satisfies Asked);
  return () => waiting.delete(n);
}

/** useLayout is where the boxes stand: undefined until that is known first, the last known while a graph changes its shape. It waits for a direction. */
export function useLayout(graph: Graph, direction: Direction | undefined): { layout?: Layout; wrong?: string } {
  const [found, setFound] = useState<{ layout?: Layout; wrong?: string }>({});
  const shape = shapeOf(graph);
  useEffect(
    () => (direction === undefined ? undefined : lay(graph, direction, (answer) => setFound("wrong" in answer ? { wrong: answer.wrong } : { layout: answer.layout }))),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what stays of a graph that changes is its shape
    [shape, direction],
  );
  return found;
}
