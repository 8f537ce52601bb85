import { Link } from "@tanstack/react-router";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { hasEnded, type Run } from "../../core/fold.js";
import { sentence } from "../../core/format.js";
import { api, ask } from "../../data/host.js";
import { nodeOf } from "../../data/live.js";
import { State } from "../../kit/state.js";
import { t } from "../../strings.js";

const shown = 4;

/** Explain says why the run, or a node of it, stands where it stands, and what a person may do about it. */
export function Explain({ run, node }: { run: Run; node?: string }) {
  const goes = !hasEnded(run.state);
  const why = useQuery({
    queryKey: ["explain", run.id, node, run.state],
    placeholderData: keepPreviousData,
    refetchInterval: goes ? 3000 : false,
    queryFn: () => ask(api.GET("/api/v1/runs/{id}/explain", { params: { path: { id: run.id }, query: node === undefined ? {} : { node } } })),
  });
  // That something is done says its state already.
  // And what a node has failed of need not be said of the run again.
  const all = (why.data?.list ?? []).filter((e) => e.state !== "succeeded" && e.state !== "cached");
  const some = all.filter((e) => nodeOf(e.at) !== "" || !all.some((other) => other !== e && other.state === "failed" && e.why.endsWith(other.why)));
  // What the whole run does is told by its nodes, where they say anything.
  const list = some.filter((e) => nodeOf(e.at) !== "" || some.length === 1 || e.state !== "running").slice(0, shown);
  if (list.length === 0) return null;
  return (
    <ul aria-label={t.run.explain} className="card divide-y divide-line">
      {list.map((e) => (
        <li key={e.at} className={`grid gap-x-4 gap-y-1 px-4 py-3 ${node === undefined ? "md:grid-cols-[minmax(11rem,1fr)_minmax(0,4fr)]" : ""}`}>
          <span className={`flex min-w-0 flex-wrap items-center gap-x-3 md:grid md:content-start ${node === undefined ? "" : "sr-only"}`}>
            <State state={e.state} />
            {node === undefined && nodeOf(e.at) !== "" && (
              <Link from="/runs/$id" to="/runs/$id" params={{ id: run.id }} search={(was) => ({ ...was, node: nodeOf(e.at) })} className="min-w-0 truncate font-mono text-small text-accent hover:underline" title={e.at}>
                {nodeOf(e.at)}
              </Link>
            )}
          </span>
          <span className="grid min-w-0 gap-1">
            <span className="break-words">{sentence(e.why)}</span>
            {e.changed && <span className="break-words">{e.changed}</span>}
            {e.state === "waiting" && node === undefined ? (
              <Link from="/runs/$id" to="/runs/$id" params={{ id: run.id }} search={(was) => ({ ...was, node: nodeOf(e.at) })} className="justify-self-start text-accent hover:underline">
                {t.run.answer}
              </Link>
            ) : (
              e.next && <span className="break-words text-muted">{sentence(e.next)}</span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
