import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Clapperboard, Hand } from "lucide-react";
import { ago, date, duration } from "../../core/format.js";
import { useBring } from "../../data/bring.js";
import { gates, queue, runs } from "../../data/host.js";
import { tookSeconds, useNow } from "../../data/live.js";
import { buttonClass } from "../../kit/button.js";
import { DropZone } from "../../kit/drop-zone.js";
import { Skeleton } from "../../kit/empty.js";
import { Drop } from "../../kit/file-field.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StateIcon } from "../../kit/state.js";
import { t } from "../../strings.js";
import type { Run } from "../../core/fold.js";
import { FirstSteps } from "./first-steps.js";
import { Fleet } from "./fleet.js";
import { Recent } from "./recent.js";

/** Home shows what goes on, what waits for somebody, and what was made last. A file may be let go anywhere on it. */
export function Home() {
  const newest = useQuery(runs());
  const { bring, now, cancel } = useBring();
  const empty = newest.data?.runs.length === 0;
  return (
    <Drop onFiles={bring}>
      {(over) => (
        <Page
          title={t.home.title}
          actions={
            <Link to="/create" className={buttonClass("fill")}>
              <Clapperboard size={15} aria-hidden />
              {t.nav.create}
            </Link>
          }
        >
          {newest.isPending && (
            <>
              <Skeleton className="h-40" />
              <Skeleton className="h-64" />
            </>
          )}
          {newest.error !== null && <Problem error={newest.error} onRetry={() => void newest.refetch()} />}
          {empty && <FirstSteps />}
          {newest.isSuccess && !empty && (
            <div className="grid gap-6 md:grid-cols-2">
              <Running />
              <Waiting />
            </div>
          )}
          {newest.isSuccess && <DropZone title={t.open.drop} text={t.open.kinds} over={over} now={now} onFile={(f) => bring([f])} onCancel={cancel} />}
          {newest.isSuccess && !empty && <Recent />}
          {newest.isSuccess && <Fleet />}
        </Page>
      )}
    </Drop>
  );
}

const quiet = "card px-4 py-3 text-muted";

function Running() {
  const running = useQuery(runs("running", 6));
  const held = useQuery(queue).data;
  const list = running.data?.runs ?? [];
  const now = useNow(list.length > 0);
  return (
    <Section title={t.home.running} aside={<Link to="/runs" className="rounded-sm font-medium text-accent hover:underline">{t.home.allRuns}</Link>}>
      {running.error !== null && <Problem error={running.error} />}
      {held?.held ? <p className="rounded-lg bg-warn-tint px-4 py-3 text-warn">{t.home.queue.held(held.held)}</p> : held?.paused ? <p className="rounded-lg bg-warn-tint px-4 py-3 text-warn">{t.home.queue.paused}</p> : null}
      {list.length === 0 ? (
        <p className={quiet}>{t.home.quiet}</p>
      ) : (
        <ul className="card divide-y divide-line overflow-hidden">
          {list.map((r) => (
            <RunningRow key={r.id} run={r} now={now} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function RunningRow({ run: r, now }: { run: Run; now: number }) {
  return (
    <li>
      <Link to="/runs/$id" params={{ id: r.id }} className="flex h-11 items-center gap-3 px-4 -outline-offset-2 hover:bg-raised">
        <StateIcon state={r.interrupted ? "interrupted" : r.state} />
        <span className="min-w-0 grow truncate font-medium">{r.pipeline}</span>
        <span className="shrink-0 text-muted">{duration(tookSeconds(r, now))}</span>
      </Link>
    </li>
  );
}

function Waiting() {
  const asked = useQuery(gates);
  const list = asked.data?.gates ?? [];
  const now = useNow(list.length > 0, 30_000);
  return (
    <Section title={t.home.waiting}>
      {asked.error !== null && <Problem error={asked.error} />}
      {list.length === 0 ? (
        <p className={quiet}>{t.home.noQuestions}</p>
      ) : (
        <ul className="card divide-y divide-line overflow-hidden">
          {list.map((g) => (
            <li key={`${g.run}/${g.at}`}>
              <Link to="/runs/$id" params={{ id: g.run }} search={{ node: g.at }} className="flex items-start gap-3 px-4 py-3 -outline-offset-2 hover:bg-raised">
                <Hand size={16} className="mt-[2px] shrink-0 text-warn" aria-hidden />
                <span className="grid min-w-0 grow">
                  <span className="truncate font-medium">{g.ask?.message || t.home.asks(g.pipeline, g.at)}</span>
                  <span className="truncate text-muted">{g.pipeline}</span>
                </span>
                {g.since && (
                  <time dateTime={g.since} title={date(g.since)} className="shrink-0 text-muted">
                    {ago(g.since, now)}
                  </time>
                )}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
