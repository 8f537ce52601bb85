import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Columns2, Layers, SearchX } from "lucide-react";
import { useState } from "react";
import { ago, date, duration } from "../../core/format.js";
import { hasEnded } from "../../core/fold.js";
import { statesOf, type Filter, type When } from "../../core/history.js";
import { api, ask, pipelines } from "../../data/host.js";
import { tookSeconds, useNow } from "../../data/live.js";
import { useSettled } from "../../data/settled.js";
import { Button, buttonClass } from "../../kit/button.js";
import { Choice } from "../../kit/choice.js";
import { Copy } from "../../kit/copy.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search, Select } from "../../kit/field.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { State } from "../../kit/state.js";
import { t } from "../../strings.js";

const route = getRouteApi("/runs");
const page = 50;

/** Runs lists every run, the newest first, or those of them that are looked for. What is looked for is in its address. */
export function Runs() {
  const filter = route.useSearch();
  const go = useNavigate({ from: "/runs" });
  const [typed, setTyped] = useState(filter.q ?? "");
  const q = useSettled(typed.trim());
  const { is = "", of = "", when = "" } = filter;
  const list = useInfiniteQuery({
    queryKey: ["runs", "all", is, of, when, q],
    initialPageParam: "",
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam: before }) =>
      ask(
        api.GET("/api/v1/runs", {
          params: {
            query: {
              limit: page,
              ...(before ? { before } : {}),
              ...(is ? { state: [...statesOf[is]] } : {}),
              ...(of ? { pipeline: of } : {}),
              ...(q ? { q } : {}),
              ...(when ? { since: sinceOf(when) } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (last) => last.next || undefined,
  });
  const known = useQuery(pipelines).data?.pipelines ?? [];
  const runs = list.data?.pages.flatMap((p) => p.runs) ?? [];
  const now = useNow(runs.some((r) => !hasEnded(r.state)));
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const choose = (id: string): void => setChosen(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id].slice(-2));
  const [a, b] = chosen.toSorted(); // by their ids, the older first
  const set = (next: Filter): void => void go({ search: Object.fromEntries(Object.entries({ ...filter, ...next }).filter(([, value]) => value)) as Filter, replace: true });
  const narrowed = Boolean(is || of || when || q);
  const names = [...new Set([...known.map((p) => p.name), ...(of ? [of] : [])])].sort();
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
      <div className="grid grid-cols-2 items-end gap-3 md:grid-cols-[minmax(0,1fr)_12rem_10rem]">
        <Search
          label={t.runs.search}
          className="max-md:col-span-2"
          value={typed}
          onChange={(text) => {
            setTyped(text);
            set({ q: text.trim() });
          }}
        />
        <Select label={t.runs.pipeline} value={of} onChange={(e) => set({ of: e.currentTarget.value })}>
          <option value="">{t.runs.everyPipeline}</option>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
        <Select label={t.runs.when.label} value={when} onChange={(e) => set({ when: e.currentTarget.value as When })}>
          {(["", "day", "week", "month"] as const).map((value) => (
            <option key={value} value={value}>
              {t.runs.when[value]}
            </option>
          ))}
        </Select>
      </div>
      <Choice label={t.runs.states.label} value={is} options={(["", "active", "succeeded", "failed", "cancelled"] as const).map((value) => ({ value, title: t.runs.states[value] }))} onChange={(value) => set({ is: value })} />
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-64" />}
      {list.isSuccess && runs.length === 0 && (
        <div className="card">
          {narrowed ? (
            <Empty icon={SearchX} title={t.runs.nothing}>
              <p>{t.runs.nothingText}</p>
              <Button
                onClick={() => {
                  setTyped("");
                  void go({ search: {}, replace: true });
                }}
              >
                {t.runs.showAll}
              </Button>
            </Empty>
          ) : (
            <Empty icon={Layers} title={t.runs.empty}>
              <p>{t.runs.emptyText}</p>
              <Copy text={t.runs.command} />
            </Empty>
          )}
        </div>
      )}
      {runs.length > 0 && (
        <ul className={`card divide-y divide-line overflow-hidden ${list.isPlaceholderData ? "opacity-60" : ""}`}>
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

const days = { day: 1, week: 7, month: 30 };

const sinceOf = (when: Exclude<When, "">): string => new Date(Date.now() - days[when] * 86_400_000).toISOString();
