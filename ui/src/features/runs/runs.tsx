import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Columns2, Layers } from "lucide-react";
import { useState } from "react";
import { ago, date, duration } from "../../core/format.js";
import { hasEnded } from "../../core/fold.js";
import { api, ask } from "../../data/host.js";
import { tookSeconds, useNow } from "../../data/live.js";
import { Button, buttonClass } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { State } from "../../kit/state.js";
import { t } from "../../strings.js";

/** Runs lists every run, the newest first. */
export function Runs() {
  const list = useInfiniteQuery({
    queryKey: ["runs", "all"],
    initialPageParam: "",
    queryFn: ({ pageParam: before }) => ask(api.GET("/api/v1/runs", { params: { query: { limit: 50, ...(before ? { before } : {}) } } })),
    getNextPageParam: (page) => page.next || undefined,
  });
  const runs = list.data?.pages.flatMap((page) => page.runs) ?? [];
  const now = useNow(runs.some((r) => !hasEnded(r.state)));
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const choose = (id: string): void => setChosen(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id].slice(-2));
  const [a, b] = chosen.toSorted(); // by their ids, the older first
  return (
    <Page
      title={t.runs.title}
      head={chosen.length === 1 && <p className="text-muted">{t.compare.one}</p>}
      actions={
        a !== undefined &&
        b !== undefined && (
          <Link to="/compare/$a/$b" params={{ a, b }} className={buttonClass("fill")}>
            <Columns2 size={15} aria-hidden />
            {t.compare.both}
          </Link>
        )
      }
    >
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-64" />}
      {list.isSuccess && runs.length === 0 && (
        <div className="card">
          <Empty icon={Layers} title={t.runs.empty}>
            <p>{t.runs.emptyText}</p>
            <Copy text={t.runs.command} />
          </Empty>
        </div>
      )}
      {runs.length > 0 && (
        <ul className="card divide-y divide-line overflow-hidden">
          {runs.map((r) => (
            <li key={r.id} className="flex items-center hover:bg-raised">
              <label className="grid shrink-0 place-items-center self-stretch pr-1 pl-4 pointer-coarse:w-11 pointer-coarse:px-2">
                <input type="checkbox" className="size-4 accent-fill" checked={chosen.includes(r.id)} onChange={() => choose(r.id)} aria-label={t.compare.choose(`${r.pipeline}, ${date(r.created)}`)} />
              </label>
              <Link to="/runs/$id" params={{ id: r.id }} className="grid min-w-0 grow grid-cols-[1fr_auto] items-center gap-x-4 gap-y-1 py-3 pr-4 pl-2 -outline-offset-2 md:h-11 md:grid-cols-[1fr_9rem_5rem_7rem] md:py-0">
                <span className="min-w-0 truncate font-medium" title={r.pipeline}>
                  {r.pipeline}
                </span>
                <State state={r.interrupted ? "interrupted" : r.state} />
                <span className="text-muted md:text-right">{duration(tookSeconds(r, now))}</span>
                <time dateTime={r.created} title={date(r.created)} className="text-right text-muted">
                  {ago(r.created, now)}
                </time>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button className="justify-self-center" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t.runs.more}
        </Button>
      )}
    </Page>
  );
}
