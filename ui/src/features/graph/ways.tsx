import { ViewportPortal } from "@xyflow/react";
import { memo } from "react";
import type { Direction, Layout, Point } from "../../core/layout.js";

/** Ways are all lines of a graph in one picture, over the modules and under the boxes; those from and to the chosen box stand out. */
export const Ways = memo(function Ways({ layout: { width, height, direction, ways }, chosen }: { layout: Layout; chosen: string | undefined }) {
  const lit = ways.filter((w) => w.from === chosen || w.to === chosen);
  return (
    <ViewportPortal>
      <svg aria-hidden width={width} height={height} className="pointer-events-none absolute top-0 left-0 z-1 overflow-visible fill-none">
        <path d={ways.map((w) => path(w.points, direction)).join("")} className="stroke-edge" />
        <path d={lit.map((w) => path(w.points, direction)).join("")} className="stroke-accent stroke-2" />
      </svg>
    </ViewportPortal>
  );
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
  const [left, right] = direction === "LR" ? [`${last.x - 6},${last.y - 4}`, `${last.x - 6},${last.y + 4}`] : [`${last.x - 4},${last.y - 6}`, `${last.x + 4},${last.y - 6}`];
  return `M${first.x},${first.y}${curves.join("")}M${left} L${last.x},${last.y} L${right}`;
}
