import { lazy, Suspense } from "react";
import { Skeleton } from "../../kit/empty.js";
import type { GraphProps } from "./props.js";

const Canvas = lazy(() => import("./canvas.js"));

/** Graph draws a pipeline or a run. It is a part of other pages: its code comes when the first one shows it. */
export function Graph(props: GraphProps) {
  return (
    <Suspense fallback={<Skeleton className={props.className ?? "h-96"} />}>
      <Canvas {...props} />
    </Suspense>
  );
}
