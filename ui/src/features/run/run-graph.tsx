import { useDeferredValue, useMemo } from "react";
import { boxOf, graphOfRun, telling } from "../../core/graph.js";
import type { Node } from "../../core/fold.js";
import type { Report } from "../../core/link.js";
import { t } from "../../strings.js";
import { Graph } from "../graph/graph.js";

interface RunGraphProps {
  nodes: readonly Node[];
  newest: ReadonlyMap<string, Report>;
  chosen: Node | undefined;
  onChoose: (node?: Node) => void;
}

/** RunGraph is a run as a graph, as it goes. All instances of a node are one box: to choose it chooses the one that most needs to be seen. */
export function RunGraph({ nodes, newest, chosen, onChoose }: RunGraphProps) {
  const live = useMemo(() => graphOfRun(nodes, (at) => known(newest.get(at)?.fraction)), [nodes, newest]);
  const graph = useDeferredValue(live); // it may be large, and what is said of it comes often
  const selected = chosen === undefined ? undefined : boxOf(chosen);
  return <Graph graph={graph} selected={selected} onSelect={(box) => box !== selected && onChoose(box === undefined ? undefined : telling(nodes, box))} label={t.run.graphOf} snug className="h-96 max-h-[min(34rem,75vh)]" />;
}

const known = (fraction: number | undefined): number | undefined => (fraction !== undefined && fraction >= 0 ? fraction : undefined);
