import { lazy, Suspense } from "react";
import { curvesOf } from "../../core/curves.js";
import type { Node, Run } from "../../core/fold.js";
import type { Report } from "../../core/link.js";
import { nodeOf } from "../../data/live.js";
import { useEarlier } from "./reports.js";

const Curve = lazy(() => import("../../kit/curve.js"));

/** Curves draws how figures have gone that the node reports: a training's loss. */
export function Curves({ run, node, live }: { run: Run; node: Node; live: readonly Report[] }) {
  const earlier = useEarlier(run, node);
  const curves = curvesOf([...(earlier.data?.reports ?? []), ...live.filter((r) => nodeOf(r.address) === node.at)]);
  if (curves.length === 0) return null;
  return (
    <Suspense>
      {curves.map((c) => (
        <Curve key={c.name} {...c} />
      ))}
    </Suspense>
  );
}
