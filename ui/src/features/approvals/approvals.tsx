import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Hand } from "lucide-react";
import type { Schemas } from "../../api/client.js";
import { ago, date } from "../../core/format.js";
import { useAnswer } from "../../data/answer.js";
import { api, ask } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Button } from "../../kit/button.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Question } from "../../kit/question.js";
import { t } from "../../strings.js";

/** Approvals is every question that a run asks a person, to be answered in its place. */
export function Approvals() {
  const list = useInfiniteQuery({
    queryKey: ["gates", "all"],
    initialPageParam: "",
    queryFn: ({ pageParam: before }) => ask(api.GET("/api/v1/gates", { params: { query: { limit: 20, ...(before ? { before } : {}) } } })),
    getNextPageParam: (page) => page.next || undefined,
  });
  const asked = list.data?.pages.flatMap((page) => page.gates) ?? [];
  const now = useNow(asked.length > 0, 30_000);
  return (
    <Page title={t.approvals.title}>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-64" />}
      {list.isSuccess && asked.length === 0 && (
        <div className="card">
          <Empty icon={Hand} title={t.approvals.empty}>
            <p>{t.approvals.emptyText}</p>
          </Empty>
        </div>
      )}
      {asked.length > 0 && (
        <ul className="grid max-w-4xl grid-cols-1 gap-4">
          {asked.map((g) => (
            <Asked key={`${g.run}/${g.at}`} gate={g} now={now} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button className="justify-self-center" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t.approvals.more}
        </Button>
      )}
    </Page>
  );
}

function Asked({ gate: g, now }: { gate: Schemas["Gate"]; now: number }) {
  const answer = useAnswer(g.run, g.at);
  return (
    <li className="card grid min-w-0 grid-cols-1 overflow-hidden">
      <div className="flex min-w-0 items-center gap-3 border-b border-line px-4 py-2">
        <Hand size={16} className="shrink-0 text-warn" aria-hidden />
        <Link to="/runs/$id" params={{ id: g.run }} search={{ node: g.at }} title={`${t.approvals.openRun}: ${g.pipeline}`} className="min-w-0 truncate font-medium text-accent hover:underline">
          {g.pipeline}
        </Link>
        <span className="min-w-0 grow truncate font-mono text-small text-muted" title={g.at}>
          {g.at}
        </span>
        {g.since && (
          <time dateTime={g.since} title={date(g.since)} className="shrink-0 text-muted">
            {ago(g.since, now)}
          </time>
        )}
      </div>
      <div className="p-4">
        <Question ask={g.ask} askRef={g.ask_ref} until={g.until} busy={answer.isPending || answer.isSuccess} onAnswer={answer.mutate} />
      </div>
    </li>
  );
}
