// Where the boxes of a graph stand. A module is laid out by itself, and is then one large box to what is around it.
import { Graph as Dagre, layout as dagre, type EdgeLabel, type NodeLabel } from "@dagrejs/dagre";
import type { Box, Graph } from "./graph.js";

export interface Point {
  x: number;
  y: number;
}

/** Place is the upper left corner of a box, from that of the module around it, or of the whole. */
export interface Place extends Point {
  width: number;
  height: number;
}

/** Way is the line from a box to one that needs it, from the corner of the whole. */
export interface Way {
  from: string;
  to: string;
  points: readonly Point[];
}

export interface Layout {
  direction: Direction;
  width: number;
  height: number;
  places: Readonly<Record<string, Place>>;
  ways: readonly Way[];
}

/** Which way the graph runs: to the right, or down where there is little room beside it. */
export type Direction = "LR" | "TB";

export const size = { width: 216, height: 60 };
const head = 40; // of a module, over what is in it
const pad = 16;
const many = 200; // boxes in one frame, from which on it is laid out in a plainer and faster way:
const most = 600; // boxes, from which on lines are left to cross as they come
const far = 2; // ranks that a line then crosses at most to have a way of its own between the boxes

/** What dagre is told of a graph, and says of it. That a ranker may be a function is not in its types. */
interface Whole {
  rankdir: Direction;
  nodesep: number;
  ranksep: number;
  ranker?: (g: { nodes(): string[]; node(id: string): NodeLabel }) => void;
}

/** layout places every box of a graph. */
export function layout(g: Graph, direction: Direction): Layout {
  const inside = new Map<string, Box[]>();
  for (const b of g.boxes) {
    const there = inside.get(b.in ?? "");
    if (there === undefined) inside.set(b.in ?? "", [b]);
    else there.push(b);
  }
  const places: Record<string, Place> = {};
  const frame = (id: string): { width: number; height: number; ways: readonly Way[] } => {
    const boxes = inside.get(id) ?? [];
    const inner = new Map<string, readonly Way[]>();
    const graph = new Dagre<Whole, NodeLabel, EdgeLabel>({ directed: true });
    graph.setGraph({ rankdir: direction, nodesep: 20, ranksep: direction === "LR" ? 56 : 44 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const b of boxes) {
      if (!inside.has(b.id)) {
        graph.setNode(b.id, { ...size });
        continue;
      }
      const { width, height, ways } = frame(b.id);
      inner.set(b.id, ways);
      graph.setNode(b.id, { width, height: height + head });
    }
    const lines = boxes.flatMap((b) => b.needs.filter((need) => graph.hasNode(need)).map((need) => [need, b.id] as const));
    const ranks = boxes.length > many ? ranksOf(boxes) : undefined;
    if (ranks !== undefined) graph.graph().ranker = (g) => g.nodes().forEach((v) => (g.node(v).rank = 2 * (ranks.get(v) ?? -1))); // two for each: one for the gap
    for (const [from, to] of lines) if ((ranks?.get(to) ?? 0) - (ranks?.get(from) ?? 0) <= far) graph.setEdge(from, to);
    dagre(graph, { disableOptimalOrderHeuristic: boxes.length > most });
    const own: Way[] = [];
    const edges = edgesOf(boxes.map((b) => graph.node(b.id)));
    const moved = ({ x = 0, y = 0 }: Partial<Point>): Point => ({ x: x - edges.left + pad, y: y - edges.top + pad });
    for (const b of boxes) {
      const at = graph.node(b.id);
      const middle = moved(at);
      const corner = { x: middle.x - at.width / 2, y: middle.y - at.height / 2 };
      places[b.id] = { ...corner, width: at.width, height: at.height };
      for (const w of inner.get(b.id) ?? []) own.push({ ...w, points: w.points.map((p) => ({ x: p.x + corner.x, y: p.y + corner.y + head })) });
      if (inner.has(b.id)) for (const child of inside.get(b.id) ?? []) (places[child.id] as Place).y += head;
    }
    const half = halves(boxes.map((b) => graph.node(b.id)), direction);
    for (const [from, to] of lines) own.push({ from, to, points: joined(graph.node(from), graph.edge(from, to)?.points ?? [], graph.node(to), half, direction).map(moved) });
    return { width: edges.right - edges.left + 2 * pad, height: edges.bottom - edges.top + 2 * pad, ways: own };
  };
  return { ...frame(""), direction, places };
}

/** edgesOf says where boxes begin and end. Dagre's own figures leave room for lines that go astray. */
function edgesOf(boxes: readonly NodeLabel[]): { left: number; right: number; top: number; bottom: number } {
  const edges = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { x = 0, y = 0, width, height } of boxes) {
    edges.left = Math.min(edges.left, x - width / 2);
    edges.right = Math.max(edges.right, x + width / 2);
    edges.top = Math.min(edges.top, y - height / 2);
    edges.bottom = Math.max(edges.bottom, y + height / 2);
  }
  return boxes.length === 0 ? { left: 0, right: 0, top: 0, bottom: 0 } : edges;
}

/** ranksOf counts for each box the longest way to it. */
function ranksOf(boxes: readonly Box[]): Map<string, number> {
  const needs = new Map(boxes.map((b) => [b.id, b.needs]));
  const ranks = new Map<string, number>();
  const rank = (id: string): number => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    ranks.set(id, 0); // while it is under way: a circle ends here
    const found = Math.max(-1, ...(needs.get(id) ?? []).map(rank)) + 1;
    ranks.set(id, found);
    return found;
  };
  for (const b of boxes) rank(b.id);
  return ranks;
}

/** halves says how far a rank reaches to either side of its middle, by where that is. */
function halves(boxes: readonly NodeLabel[], direction: Direction): (p: Partial<Point>) => number {
  const key = (p: Partial<Point>): number => Math.round((direction === "LR" ? p.x : p.y) ?? 0);
  const reach = new Map<number, number>();
  for (const b of boxes) reach.set(key(b), Math.max(reach.get(key(b)) ?? 0, (direction === "LR" ? b.width : b.height) / 2));
  return (p) => reach.get(key(p)) ?? 0;
}

/** joined leads from the middle of one box's side to that of the other's: straight along the ranks, where wider boxes may be, and past those between. */
function joined(from: NodeLabel, points: readonly Point[], to: NodeLabel, half: (p: Partial<Point>) => number, direction: Direction): Point[] {
  const aside = ({ x = 0, y = 0 }: Partial<Point>, by: number): Point => (direction === "LR" ? { x: x + by, y } : { x, y: y + by });
  // Dagre gives a point for each rank and each gap between two, besides the ends.
  const past = points.slice(2, -2).filter((_, i) => i % 2 === 0);
  const [start, end] = direction === "LR" ? [from.width / 2, to.width / 2] : [from.height / 2, to.height / 2];
  return [aside(from, start), aside(from, half(from)), ...past.flatMap((p) => [aside(p, -half(p)), aside(p, half(p))]), aside(to, -half(to)), aside(to, -end)];
}
