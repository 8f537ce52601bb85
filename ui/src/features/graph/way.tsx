import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import type { Direction, Point } from "../../core/layout.js";

/** What a drawn line is given. `lit`: it leads from or to what is chosen. */
export type DrawnWay = Edge<{ points: readonly Point[]; direction: Direction; lit: boolean }>;

/** Way is the line from a box to one that needs it, with a head. */
export const WayLine = memo(function WayLine({ data }: EdgeProps<DrawnWay>) {
  if (data === undefined) return null;
  return <BaseEdge path={path(data.points, data.direction)} interactionWidth={0} className={data.lit ? "stroke-accent! stroke-2!" : "stroke-edge!"} />;
});

/** path swings from point to point, along the way the graph runs, and ends in a head. */
function path(points: readonly Point[], direction: Direction): string {
  const [first, ...rest] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return "";
  let from = first;
  const curves = rest.map((to) => {
    const half = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
    const by = direction === "LR" ? `C${half.x},${from.y} ${half.x},${to.y}` : `C${from.x},${half.y} ${to.x},${half.y}`;
    from = to;
    return `${by} ${to.x},${to.y}`;
  });
  const head = direction === "LR" ? [`${last.x - 6},${last.y - 4}`, `${last.x - 6},${last.y + 4}`] : [`${last.x - 4},${last.y - 6}`, `${last.x + 4},${last.y - 6}`];
  return `M${first.x},${first.y}${curves.join("")}M${head[0]} L${last.x},${last.y} L${head[1]}`;
}
