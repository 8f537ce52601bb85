// A pipeline or a run as a graph: boxes, and which needs which. Where they stand is layout's to say.
import type { Schemas } from "../api/client.js";
import { hasEnded, type Node } from "./fold.js";

/** Graph is what is drawn: every id in `needs` and `in` is of a box that is there. */
export interface Graph {
  boxes: readonly Box[];
}

/** Box is a node, a gate or a module; in a run all instances of one are one box. */
export interface Box {
  /** As the pipeline names it: shot, gate.review, module.finish; what is inside a module has that before it: module.finish/mix. */
  id: string;
  /** The id of the module around it; undefined: none. */
  in?: string;
  title: string;
  kind: "node" | "gate" | "module";
  type?: string;
  needs: readonly string[];
  forEach?: boolean;
  when?: boolean;
  repeat?: boolean;
  /** How it is, in a run. */
  live?: Live;
}

/** Live is how the instances of a box are. */
export interface Live {
  /** Of all together: what most needs to be seen. */
  state: string;
  /** How many there are in which state, in the order of `loudest`; one entry of one for a node without for_each. */
  counts: readonly (readonly [state: string, count: number])[];
  /** From 0 to 1; undefined: it is not under way, or nobody knows. */
  fraction?: number;
  /** Of the machine and its devices that its only instance is on. */
  agent?: string;
  devices?: readonly string[];
  /** The number of the attempt of its only instance, from 2 on. */
  attempt?: number;
}

const kindOf = (id: string): Box["kind"] => (id.startsWith("gate.") ? "gate" : id.startsWith("module.") ? "module" : "node");
const titleOf = (id: string): string => id.replace(/^(gate|module)\./, "");

/** graphOfPipeline draws what a pipeline declares. */
export function graphOfPipeline(nodes: readonly Schemas["PipelineNode"][]): Graph {
  const known = new Set(nodes.map((n) => n.id));
  return {
    boxes: nodes.map((n) => ({
      id: n.id,
      title: titleOf(n.id),
      kind: kindOf(n.id),
      needs: (n.needs ?? []).filter((need) => known.has(need)),
      ...(n.type ? { type: n.type } : {}),
      ...(n.for_each ? { forEach: true } : {}),
      ...(n.when ? { when: true } : {}),
      ...(n.repeat ? { repeat: true } : {}),
    })),
  };
}

/** frame is a module instance's address without keys and rounds: module.finish["a"]~2/module.cut is module.finish/module.cut. */
const frame = (address: string): string =>
  address
    .split("/")
    .map((step) => step.replace(/[[~].*$/, ""))
    .join("/");

/** boxOf gives the id of the box in which a run's node instance is. */
export const boxOf = (n: Pick<Node, "in" | "name">): string => (n.in ? `${frame(n.in)}/${n.name}` : n.name);

/** States, from what most needs to be seen to what least does: the first that an instance is in is its box's. */
const loudest = ["waiting", "running", "cancelling", "backoff", "placed", "queued", "ready", "failed", "pending", "cancelled", "succeeded", "cached", "skipped"];
const loudness = (state: string): number => (loudest.indexOf(state) + loudest.length + 1) % (loudest.length + 1);

/** graphOfRun draws a run as it is; fractionOf says how far a node is by its address. */
export function graphOfRun(nodes: readonly Node[], fractionOf: (at: string) => number | undefined): Graph {
  const boxes = new Map<string, [first: Node, ...others: Node[]]>();
  for (const n of nodes) {
    const there = boxes.get(boxOf(n));
    if (there === undefined) boxes.set(boxOf(n), [n]);
    else there.push(n);
  }
  return {
    boxes: [...boxes].map(([id, instances]) => {
      const [first] = instances;
      const within = first.in ? frame(first.in) : undefined;
      return {
        id,
        title: titleOf(first.name),
        kind: kindOf(first.name),
        needs: (first.needs ?? []).map((need) => (within === undefined ? need : `${within}/${need}`)).filter((need) => boxes.has(need)),
        live: liveOf(instances, fractionOf),
        ...(within !== undefined && boxes.has(within) ? { in: within } : {}),
        ...(first.type ? { type: first.type } : {}),
        ...(first.key ? { forEach: true } : {}),
        ...(first.iter ? { repeat: true } : {}),
      };
    }),
  };
}

function liveOf(instances: readonly [Node, ...Node[]], fractionOf: (at: string) => number | undefined): Live {
  const counted = new Map<string, number>();
  for (const n of instances) counted.set(n.state, (counted.get(n.state) ?? 0) + 1);
  const counts = [...counted].sort(([a], [b]) => loudness(a) - loudness(b));
  const [only] = instances;
  const state = counts[0]?.[0] ?? only.state;
  if (instances.length > 1) {
    const done = instances.reduce((sum, n) => sum + (hasEnded(n.state) ? 1 : n.state === "running" ? (fractionOf(n.at) ?? 0) : 0), 0);
    return { state, counts, ...(hasEnded(state) ? {} : { fraction: done / instances.length }) };
  }
  const fraction = only.state === "running" ? fractionOf(only.at) : undefined;
  return {
    state,
    counts,
    ...(fraction === undefined ? {} : { fraction }),
    ...(only.agent ? { agent: only.agent } : {}),
    ...(only.devices ? { devices: only.devices } : {}),
    ...((only.attempt ?? 0) > 1 ? { attempt: only.attempt ?? 0 } : {}),
  };
}

/** telling gives the instance of a box that most needs to be seen; undefined: there is no such box. */
export function telling(nodes: readonly Node[], box: string): Node | undefined {
  let found: Node | undefined;
  for (const n of nodes) if (boxOf(n) === box && (found === undefined || loudness(n.state) < loudness(found.state))) found = n;
  return found;
}

/** shapeOf is the same for graphs whose boxes stand in the same places. */
export const shapeOf = (g: Graph): string => g.boxes.map((b) => [b.id, b.in ?? "", ...b.needs].join(" ")).join("\n");
