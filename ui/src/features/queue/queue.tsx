import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ListOrdered, Pause, Play } from "lucide-react";
import { sentence } from "../../core/format.js";
import { nodeOf } from "../../data/live.js";
import { api, ask, queries } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Waiting } from "./waiting.js";

const shown = 200;

/** QueuePage is what waits and why, in the order in which it begins. */
export function QueuePage() {
  const found = useQuery({ queryKey: ["queue", "all"], refetchInterval: 5000, queryFn: () => ask(api.GET("/api/v1/queue", { params: { query: { limit: shown } } })) });
  const q = found.data;
  const set = useMutation({
    mutationFn: (pause: boolean) => ask(pause ? api.POST("/api/v1/queue/pause") : api.POST("/api/v1/queue/resume")),
    onSuccess: (_, pause) => {
      toast(pause ? t.queue.isPaused : t.queue.isResumed, () => set.mutate(!pause));
      return queries.invalidateQueries({ queryKey: ["queue"] });
    },
    onError: toastProblem,
  });
  const Icon = q?.paused ? Play : Pause;
  return (
    <Page
      title={t.queue.title}
      actions={
        q !== undefined && (
          <Button look={q.paused ? "fill" : "plain"} busy={set.isPending} onClick={() => set.mutate(!q.paused)}>
            <Icon size={15} aria-hidden />
            {q.paused ? t.queue.resume : t.queue.pause}
          </Button>
        )
      }
    >
      {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton className="h-64" />}
      {q?.held ? <p className="rounded-lg bg-warn-tint px-4 py-3 break-words text-warn">{t.home.queue.held(q.held)}</p> : null}
      {q?.paused && <p className="rounded-lg bg-warn-tint px-4 py-3 text-warn">{t.queue.paused}</p>}
      {q !== undefined && (q.unread ?? 0) > 0 && <p className="rounded-lg bg-warn-tint px-4 py-3 text-warn">{t.queue.unread(q.unread ?? 0)}</p>}
      {q !== undefined && q.runs.length === 0 && q.tasks.length === 0 && (
        <div className="card">
          <Empty icon={ListOrdered} title={t.queue.empty}>
            <p>{t.queue.emptyText}</p>
          </Empty>
        </div>
      )}
      {q !== undefined && q.runs.length > 0 && (
        <Section title={t.queue.runs}>
          <Waiting runs={q.runs} />
          {q.total > q.runs.length && <p className="text-muted">{t.queue.moreRuns(q.total - q.runs.length)}</p>}
        </Section>
      )}
      {q !== undefined && q.tasks.length > 0 && (
        <Section title={t.queue.tasks}>
          <ul className="card divide-y divide-line overflow-hidden">
            {q.tasks.map((w) => (
              <li key={w.at} className="grid gap-x-4 gap-y-1 px-4 py-3 md:grid-cols-[16rem_minmax(0,1fr)]">
                <Link to="/runs/$id" params={{ id: w.at.split("/")[0] ?? "" }} search={{ node: nodeOf(w.at) }} className="truncate font-mono text-small leading-5 text-accent hover:underline" title={w.at}>
                  {nodeOf(w.at)}
                </Link>
                <span className="break-words">{sentence(w.why)}</span>
              </li>
            ))}
          </ul>
          {q.tasks_total > q.tasks.length && <p className="text-muted">{t.queue.moreRuns(q.tasks_total - q.tasks.length)}</p>}
        </Section>
      )}
    </Page>
  );
}
