import { lazy, Suspense } from "react";
import type { Graph as Shape } from "../../core/graph.js";
import { Skeleton } from "../../kit/empty.js";

export interface GraphProps {
  graph: Shape;
  /** The id of the box that is chosen: it is brought into view. */
  selected?: string | undefined;
  /** A box was chosen; undefined: none is any more. */
  onSelect?: ((id: string | undefined) => void) | undefined;
  /** What it is a graph of, for those who do not see it. */
  label: string;
  /** snug: it is no higher than its graph needs at its full size; className then says how high it may be. */
  snug?: boolean;
  /** Its height. */
  className?: string;
}

const Canvas = lazy(() => import("./canvas.js"));

/** Graph draws a pipeline or a run. It is a part of other pages: its code comes when the first one shows it. */
export function Graph(props: GraphProps) {
  return (
    <Suspense fallback={<Skeleton className={props.className ?? "h-96"} />}>
      <Canvas {...props} />
    </Suspense>
  );
}
