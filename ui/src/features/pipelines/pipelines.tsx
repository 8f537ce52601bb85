import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { TriangleAlert, Workflow } from "lucide-react";
import type { Schemas } from "../../api/client.js";
import { ago } from "../../core/format.js";
import { pipelines, runsOf } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Badge, StateIcon } from "../../kit/state.js";
import { t } from "../../strings.js";
import { NewPipeline } from "./new-pipeline.js";
import { triggers } from "./queries.js";

/** Pipelines lists what can be run: what is in the host's folders. */
export function Pipelines() {
  const found = useQuery(pipelines);
  const all = useQuery(triggers);
  const list = found.data?.pipelines ?? [];
  return (
    <Page title={t.pipelines.title} actions={<NewPipeline />}>
      {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {all.error !== null && <Problem error={all.error} onRetry={() => void all.refetch()} />}
      {found.isPending && <Skeleton className="h-64" />}
      {found.isSuccess && list.length === 0 && (
        <div className="card">
          <Empty icon={Workflow} title={t.pipelines.empty}>
            <p>{t.pipelines.emptyText}</p>
          </Empty>
        </div>
      )}
      {list.length > 0 && (
        <ul className="card divide-y divide-line overflow-hidden">
          {list.map((p) => (
            <Row key={p.file} pipeline={p} triggers={all.data?.triggers.filter((x) => x.pipeline === p.name) ?? []} />
          ))}
        </ul>
      )}
    </Page>
  );
}

function Row({ pipeline: p, triggers: own }: { pipeline: Schemas["Pipeline"]; triggers: Schemas["Trigger"][] }) {
  const last = useQuery(runsOf(p.name, 3)).data?.runs ?? [];
  const now = useNow(true, 30_000);
  return (
    <li>
      <Link to="/pipelines/$name" params={{ name: p.name }} className="grid grid-cols-1 gap-x-4 gap-y-1 px-4 py-3 -outline-offset-2 hover:bg-raised md:grid-cols-[minmax(0,1fr)_auto]">
        <span className="grid min-w-0">
          <span className="truncate font-medium" title={p.name}>
            {p.name}
          </span>
          <span className={`flex min-w-0 gap-2 ${p.reason ? "text-warn" : "text-muted"}`}>
            {p.reason && <TriangleAlert size={14} className="mt-[3px] shrink-0" aria-hidden />}
            <span className="line-clamp-2 min-w-0 break-words">{p.reason || p.description}</span>
          </span>
        </span>
        <span className="flex flex-wrap items-center gap-3 text-muted">
          {own.map((x) => (
            <Badge key={x.name}>{t.pipelines.trigger(x.kind, x.name)}</Badge>
          ))}
          <span className="flex items-center gap-1">
            {last.map((r) => (
              <StateIcon key={r.id} state={r.interrupted ? "interrupted" : r.state} />
            ))}
          </span>
          {last[0] !== undefined && <time dateTime={last[0].created}>{ago(last[0].created, now)}</time>}
        </span>
      </Link>
    </li>
  );
}
