// Where the arrow keys lead to in a graph.
import type { Graph } from "../../core/graph.js";
import type { Layout, Place } from "../../core/layout.js";

/** cornersOf gives where each placed box stands in the whole. */
export function cornersOf(graph: Graph, places: Layout["places"]): ReadonlyMap<string, Place> {
  const corners = new Map<string, Place>();
  for (const b of graph.boxes) {
    const place = places[b.id];
    const around = b.in === undefined ? { x: 0, y: 0 } : corners.get(b.in); // which stands before it
    if (place !== undefined && around !== undefined) corners.set(b.id, { ...place, x: place.x + around.x, y: place.y + around.y });
  }
  return corners;
}

const arrows: Record<string, [x: number, y: number]> = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/** beside gives the box that a key leads to from another: with an arrow the nearest on that side, with Home and End the first and the last. */
export function beside(corners: ReadonlyMap<string, Place>, from: string, key: string): string | undefined {
  const ids = [...corners.keys()];
  if (key === "Home") return ids[0];
  if (key === "End") return ids.at(-1);
  const here = corners.get(from);
  const arrow = arrows[key];
  if (here === undefined || arrow === undefined) return undefined;
  const [dx, dy] = arrow;
  let best: string | undefined;
  let least = Infinity;
  for (const [id, there] of corners) {
    // Of the upper left corner: what is in a module is then right of it and under it.
    const [x, y] = [there.x - here.x, there.y - here.y];
    const along = x * dx + y * dy;
    const distance = along + 2 * Math.abs(x * dy + y * dx);
    if (id !== from && along > 0 && distance < least) [best, least] = [id, distance];
  }
  return best;
}
