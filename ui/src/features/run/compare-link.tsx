import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Columns2 } from "lucide-react";
import type { Run } from "../../core/fold.js";
import { api, ask } from "../../data/host.js";
import { buttonClass } from "../../kit/button.js";
import { t } from "../../strings.js";

/** CompareLink leads to the run beside the one that it repeats, else the one before it of its pipeline; it is not there when there is none. */
export function CompareLink({ run }: { run: Run }) {
  const before = useQuery({
    queryKey: ["runs", "before", run.id],
    enabled: !run.parent,
    queryFn: () => ask(api.GET("/api/v1/runs", { params: { query: { pipeline: run.pipeline, before: run.id, limit: 1 } } })),
  });
  const other = run.parent ?? before.data?.runs[0]?.id;
  if (other === undefined) return null;
  return (
    <Link to="/compare/$a/$b" params={{ a: other, b: run.id }} className={buttonClass()} title={run.parent ? t.compare.withParent : t.compare.withBefore}>
      <Columns2 size={15} aria-hidden />
      {t.compare.title}
    </Link>
  );
}
