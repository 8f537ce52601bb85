import { useMutation, useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { titleOf } from "../../core/create.js";
import { hasEnded, type Run } from "../../core/fold.js";
import { ago, date, duration } from "../../core/format.js";
import { progressOf } from "../../core/progress.js";
import { resultsOf } from "../../core/values.js";
import { api, ask, link, runsOf } from "../../data/host.js";
import { tookSeconds, useNow, useRun, type LiveRun } from "../../data/live.js";
import { Button, buttonClass } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Media } from "../../kit/media.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { State, StateIcon } from "../../kit/state.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import type { Maker } from "./maker.js";

const page = 12;

/** Films are the runs of all makers, the newest first, each followed while it goes on and played where it is. */
export function Films({ makers, onTake }: { makers: readonly Maker[]; onTake: (from: Maker, inputs: Record<string, unknown>) => void }) {
  const [limit, setLimit] = useState(page);
  const lists = useQueries({ queries: makers.map((m) => runsOf(m.of.name, limit)) });
  const all = lists.flatMap(({ data }, i) => (data?.runs ?? []).map((run) => ({ run, maker: makers[i] as Maker }))).sort((a, b) => (a.run.id < b.run.id ? 1 : -1));
  const error = lists.find((q) => q.error !== null)?.error ?? null;
  return (
    <Section title={t.create.results}>
      {error !== null && <Problem error={error} onRetry={() => lists.forEach((q) => void q.refetch())} />}
      {lists.some((q) => q.isPending) && error === null && <Skeleton className="h-48" />}
      {lists.every((q) => q.isSuccess) && all.length === 0 && <p className="card px-4 py-3 text-muted">{t.create.empty}</p>}
      <ul className="grid grid-cols-1 gap-4 sm:grid-cols-2 xl:grid-cols-3">
        {all.slice(0, limit).map(({ run, maker }) => (
          <Film key={run.id} first={run} maker={maker} onTake={onTake} />
        ))}
      </ul>
      {(all.length > limit || lists.some((q) => q.data?.next)) && (
        <Button className="justify-self-center" busy={lists.some((q) => q.isFetching)} onClick={() => setLimit(limit + page)}>
          {t.create.older}
        </Button>
      )}
    </Section>
  );
}

function Film({ first, maker, onTake }: { first: Run; maker: Maker; onTake: (from: Maker, inputs: Record<string, unknown>) => void }) {
  const live = useRun(first.id);
  const run = live.run ?? first;
  const now = useNow(true, hasEnded(run.state) ? 30_000 : 1000);
  const [film] = resultsOf(run.outputs);
  const title = titleOf(run.inputs, maker.asked) || t.create.untitled;
  const state = run.interrupted ? "interrupted" : run.state;
  const word = useMutation({
    mutationFn: (says: "cancel" | "resume") => {
      const to = { params: { path: { id: run.id } }, body: {} };
      return ask(says === "cancel" ? api.POST("/api/v1/runs/{id}/cancel", to) : api.POST("/api/v1/runs/{id}/resume", to));
    },
    onSuccess: (_, says) => {
      link.again(run.id);
      if (says === "cancel") toast(t.create.cancelled(title), () => word.mutate("resume"));
    },
    onError: toastProblem,
  });
  const asks = run.nodes?.find((n) => n.state === "waiting");
  return (
    <li aria-label={title} className="card grid min-w-0 grid-rows-[auto_1fr_auto] overflow-hidden">
      {film !== undefined && hasEnded(run.state) ? (
        <div className="-m-px mb-0 [&_figure]:rounded-b-none">
          <Media artifact={film} />
        </div>
      ) : (
        <Stage run={run} live={live} state={state} />
      )}
      <div className="grid content-start gap-1 px-3 py-3">
        <Link to="/runs/$id" params={{ id: run.id }} title={title} className="line-clamp-2 rounded-sm font-medium break-words hover:underline">
          {title}
        </Link>
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-muted">
          <State state={asks ? "waiting" : state} />
          <span>{duration(tookSeconds(run, now))}</span>
          <time dateTime={run.created} title={date(run.created)}>
            {ago(run.created, now)}
          </time>
        </p>
      </div>
      <div className="flex flex-wrap gap-1 border-t border-line p-1">
        {asks && (
          <Link to="/runs/$id" params={{ id: run.id }} search={{ node: asks.at }} className={buttonClass("fill")}>
            {t.create.answer}
          </Link>
        )}
        {!hasEnded(run.state) && !run.interrupted && (
          <Button look="quiet" busy={word.isPending} onClick={() => word.mutate("cancel")}>
            {t.create.cancel}
          </Button>
        )}
        {(run.state === "failed" || run.state === "cancelled" || run.interrupted) && (
          <Button look="quiet" busy={word.isPending} onClick={() => word.mutate("resume")}>
            {t.create.retry}
          </Button>
        )}
        {run.inputs !== undefined && (
          <Button
            look="quiet"
            onClick={() => {
              onTake(maker, run.inputs ?? {});
              scrollTo({ top: 0 });
            }}
          >
            {t.create.again}
          </Button>
        )}
        <Link to="/runs/$id" params={{ id: run.id }} className={`${buttonClass("quiet")} ml-auto`}>
          {t.create.open}
        </Link>
      </div>
    </li>
  );
}

/** Stage stands where the film will be: how far it is, and what is being done; or why there is none. */
function Stage({ run, live, state }: { run: Run; live: LiveRun; state: string }) {
  const { done, all, fraction } = progressOf(run, live.newest);
  const says = live.reports.findLast((r) => r.message)?.message;
  const text = run.state === "failed" ? run.error : hasEnded(run.state) ? "" : says || t.run.progress(done, all);
  return (
    <div className="grid aspect-video content-center justify-items-center gap-3 bg-raised px-6 text-center">
      <StateIcon state={state} size={24} silent />
      {text && <p title={text} className={`line-clamp-5 text-small break-words ${run.state === "failed" ? "text-bad" : "text-muted"}`}>{text}</p>}
      {!hasEnded(run.state) && (
        <span className="w-full max-w-56 [&_rect:first-child]:fill-line">
          <Progress fraction={fraction} label={t.run.progress(done, all)} />
        </span>
      )}
    </div>
  );
}
