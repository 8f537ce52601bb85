import { useQuery } from "@tanstack/react-query";
import type { Node, Run } from "../../core/fold.js";
import { clock, percent } from "../../core/format.js";
import type { Report } from "../../core/link.js";
import { asArtifact } from "../../core/values.js";
import { api, ask } from "../../data/host.js";
import { nodeOf } from "../../data/live.js";
import { Skeleton } from "../../kit/empty.js";
import { Thumbnail } from "../../kit/media.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";

const keyOf = (r: Report): string => `${r.time} ${r.kind} ${r.message ?? ""}`;

/** useEarlier asks for what a node said before this page was open. */
export const useEarlier = (run: Run, node: Node) =>
  useQuery({ queryKey: ["reports", run.id, node.at], queryFn: () => ask(api.GET("/api/v1/runs/{id}/reports", { params: { path: { id: run.id }, query: { node: node.at } } })) });

/** Reports are what a node said last, as far as the host remembers; its log, which is kept, is a link. */
export function Reports({ run, node, live }: { run: Run; node: Node; live: readonly Report[] }) {
  const earlier = useEarlier(run, node);
  if (earlier.error !== null) return <Problem error={earlier.error} onRetry={() => void earlier.refetch()} />;
  if (earlier.data === undefined) return <Skeleton className="h-24" />;
  const all = new Map([...earlier.data.reports, ...live.filter((r) => nodeOf(r.address) === node.at)].filter((r) => r.curve === undefined).map((r) => [keyOf(r), r]));
  const gone = earlier.data.gone ?? 0;
  const log = (
    <a href={`/api/v1/runs/${run.id}/logs?node=${encodeURIComponent(node.at)}`} target="_blank" rel="noreferrer" className="text-accent hover:underline">
      {t.run.logKept}
    </a>
  );
  return (
    <div className="grid gap-2">
      {(gone > 0 || all.size === 0) && (
        <p className="text-muted">
          {gone > 0 ? t.run.reportsGone(gone) : t.run.noReports} {log}
        </p>
      )}
      {all.size > 0 && (
        <ol aria-label={t.run.log} tabIndex={0} className="grid max-h-80 gap-1 overflow-auto text-small">
          {[...all].map(([key, r]) => (
            <Line key={key} report={r} />
          ))}
        </ol>
      )}
      {gone === 0 && all.size > 0 && <p className="text-small">{log}</p>}
    </div>
  );
}

function Line({ report: r }: { report: Report }) {
  const preview = asArtifact(r.preview);
  return (
    <li className="grid grid-cols-[4.5rem_1fr] gap-2">
      <time dateTime={r.time} className="text-faint">
        {clock(r.time)}
      </time>
      <span className="min-w-0">
        <span className={`break-words whitespace-pre-wrap ${r.level === "error" ? "text-bad" : r.level === "warn" ? "text-warn" : ""}`}>
          {[r.fraction !== undefined && r.fraction > 0 ? percent(r.fraction) : "", r.message ?? ""].filter(Boolean).join("  ")}
        </span>
        {preview !== undefined && (
          <span className="mt-1 block w-48 overflow-hidden rounded-md">
            <Thumbnail artifact={preview} />
          </span>
        )}
      </span>
    </li>
  );
}
