import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { hasEnded, type Node } from "../../core/fold.js";
import { clock, date, duration, sentence } from "../../core/format.js";
import { api, ask, devices } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Skeleton } from "../../kit/empty.js";
import { Select } from "../../kit/field.js";
import { Problem } from "../../kit/problem.js";
import { Badge, State, stateName } from "../../kit/state.js";
import { Values } from "../../kit/values.js";
import { t } from "../../strings.js";

type Attempt = Schemas["Attempt"];

const most = 50;

/** useAttempts asks what each attempt of a node was given and how it ended, again whenever one begins or ends; of all rounds. */
function useAttempts(run: string, n: Node) {
  const of = n.at.replace(/~\d+$/, "");
  return useQuery({
    queryKey: ["attempts", run, of, n.at, n.attempt, n.state],
    enabled: n.started !== undefined || n.state === "cached",
    placeholderData: keepPreviousData,
    staleTime: hasEnded(n.state) ? 60_000 : 0,
    queryFn: () => ask(api.GET("/api/v1/runs/{id}/attempts", { params: { path: { id: run }, query: { node: of, limit: most } } })),
  });
}

const nameOf = (a: Attempt, several: boolean): string => {
  const round = /~(\d+)$/.exec(a.at)?.[1];
  const name = a.number ? t.run.attemptNamed(a.number) : a.state === "cached" ? t.run.knownResult : t.run.opened;
  return round !== undefined && several ? t.run.inRound(name, round) : name;
};

/** Inputs are what a node was given, by the last attempt or one that is chosen. */
export function Inputs({ run, node }: { run: string; node: Node }) {
  const found = useAttempts(run, node);
  const [of, setOf] = useState<string>();
  if (found.error !== null) return <Problem error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return found.isPending && found.fetchStatus === "fetching" ? <Skeleton className="h-24" /> : <p className="text-muted">{t.run.inputsLater}</p>;
  const list = found.data.attempts;
  const one = list.find((a) => a.started === of) ?? list.at(-1);
  if (one === undefined) return <p className="text-muted">{t.run.inputsLater}</p>;
  return (
    <div className="grid gap-4">
      {list.length > 1 && (
        <Select label={t.run.inputsOf} value={one.started} onChange={(e) => setOf(e.currentTarget.value)}>
          {list.toReversed().map((a) => (
            <option key={a.started} value={a.started}>
              {`${nameOf(a, true)} · ${stateName(a.state)}`}
            </option>
          ))}
        </Select>
      )}
      {one.problem ? <Problem error={{ title: one.problem }} /> : <Values values={one.inputs} />}
    </div>
  );
}

/** Attempts are all times that a node was begun, the last one first: where, when, for how long, and how each ended. */
export function Attempts({ run, node }: { run: string; node: Node }) {
  const found = useAttempts(run, node);
  const now = useNow(!hasEnded(node.state));
  const known = useQuery(devices).data?.devices ?? [];
  if (found.error !== null) return <Problem error={found.error} onRetry={() => void found.refetch()} />;
  const list = found.data?.attempts ?? [];
  if (list.length === 0) return found.isPending && found.fetchStatus === "fetching" ? <Skeleton className="h-24" /> : <p className="text-muted">{t.run.noAttempts}</p>;
  return (
    <div className="grid gap-2">
      <ol aria-label={t.run.attempts} className="divide-y divide-line">
        {list.toReversed().map((a) => (
          <li key={`${a.at} ${a.number} ${a.started}`} className="grid gap-1 py-3 first:pt-1 last:pb-0">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <span className="font-medium">{nameOf(a, true)}</span>
              <State state={a.state} />
              {a.error && a.error.cause !== "failed" && a.error.cause !== a.state && <Badge>{t.run.causes[a.error.cause] ?? a.error.cause}</Badge>}
              {(a.rung ?? 0) > 0 && <Badge>{t.run.rung(a.rung ?? 0)}</Badge>}
              <span className="ml-auto text-muted">{a.state === "cached" ? "" : duration(((a.ended ? Date.parse(a.ended) : now) - Date.parse(a.started)) / 1000)}</span>
            </div>
            <p className="flex flex-wrap gap-x-3 text-small text-muted">
              <time dateTime={a.started} title={date(a.started)}>
                {clock(a.started)}
              </time>
              {a.agent && (
                <Link to="/machines" search={{ machine: a.agent, ...(a.devices?.[0] === undefined ? {} : { device: a.devices[0] }) }} className="min-w-0 break-words text-accent hover:underline">
                  {t.run.on([a.agent === "local" ? t.home.devices.host : a.agent, ...(a.devices ?? []).map((id) => known.find((d) => d.uuid === id)?.name ?? id)].join(", "))}
                </Link>
              )}
              {a.source && <span className="min-w-0 break-all">{t.run.cached(a.source)}</span>}
            </p>
            {a.error && <p className="break-words text-bad">{sentence(a.error.message)}</p>}
          </li>
        ))}
      </ol>
      {list.length === most && <p className="text-small text-muted">{t.run.attemptsMore(most)}</p>}
    </div>
  );
}
