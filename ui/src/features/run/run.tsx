import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { PackageCheck } from "lucide-react";
import { hasEnded, type Node, type Run } from "../../core/fold.js";
import { date, duration, percent } from "../../core/format.js";
import { progressOf } from "../../core/progress.js";
import { mediaKind, resultsOf } from "../../core/values.js";
import { run as runQuery } from "../../data/host.js";
import { tookSeconds, useNow, useRun, type LiveRun } from "../../data/live.js";
import { buttonClass } from "../../kit/button.js";
import { Choice } from "../../kit/choice.js";
import { Copy } from "../../kit/copy.js";
import { Skeleton } from "../../kit/empty.js";
import { Media } from "../../kit/media.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { State } from "../../kit/state.js";
import { t } from "../../strings.js";
import { Actions } from "./actions.js";
import { RunBill } from "./bill.js";
import { CompareLink } from "./compare-link.js";
import { Explain } from "./explain.js";
import { NodeList } from "./nodes.js";
import { NodePanel, NoNode } from "./node-panel.js";
import { RunGraph } from "./run-graph.js";
import { RunTimeline } from "./run-timeline.js";
import { views, type View } from "./views.js";
import { Values } from "../../kit/values.js";

const route = getRouteApi("/runs/$id");

/** RunPage is one run: how it is, what its nodes do, what it made. It follows the run until that has ended. */
export function RunPage() {
  const { id } = route.useParams();
  const found = useQuery(runQuery(id)); // which turns a beginning of an id, or "last", into the whole one
  if (found.data !== undefined) return <Followed key={found.data.id} first={found.data} />;
  return (
    <Page title={t.run.title}>
      {found.error === null ? (
        <>
          <Skeleton className="h-24" />
          <Skeleton className="h-72" />
        </>
      ) : (
        <Problem error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Page>
  );
}

function Followed({ first }: { first: Run }) {
  const live = useRun(first.id);
  const run = live.run ?? first;
  const { node: chosen, view = "list" } = route.useSearch();
  const go = useNavigate({ from: "/runs/$id" });
  const nodes = run.nodes ?? [];
  const look = (at: string | undefined, as: View): void =>
    void go({ search: { ...(at === undefined ? {} : { node: at }), ...(as === "list" ? {} : { view: as }) }, replace: true, resetScroll: false });
  const choose = (node?: Node): void => look(node?.at, view);
  const node = nodes.find((n) => n.at === chosen);
  const state = run.interrupted ? "interrupted" : run.state;
  return (
    <Page
      title={run.pipeline}
      head={<Facts run={run} state={state} />}
      actions={
        <>
          <CompareLink run={run} />
          {hasEnded(run.state) && <ExportLink id={run.id} />}
          <Actions run={run} />
        </>
      }
    >
      {live.problem !== undefined && <Problem error={live.problem} />}
      <div className="grid gap-3">
        <Overall run={run} live={live} />
        <Explain run={run} />
      </div>
      <Results run={run} />
      <Section title={t.run.nodes} aside={<Choice label={t.run.views.label} value={view} options={views.map((value) => ({ value, title: t.run.views[value] }))} onChange={(as) => look(chosen, as)} />}>
        <div className={`grid grid-cols-1 items-start gap-6 ${view === "list" ? "lg:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]" : node === undefined ? "" : "lg:grid-cols-[minmax(0,1fr)_28rem]"}`}>
          <div className={`min-w-0 ${node === undefined ? "" : "max-lg:hidden"}`}>
            {view === "list" && <NodeList nodes={nodes} newest={live.newest} chosen={chosen} onChoose={choose} />}
            {view === "timeline" && <RunTimeline run={run} chosen={chosen} onChoose={choose} />}
            {view === "graph" && <RunGraph nodes={nodes} newest={live.newest} chosen={node} onChoose={choose} />}
          </div>
          {node === undefined ? view === "list" && <NoNode /> : <NodePanel run={run} node={node} live={live} onChoose={choose} />}
        </div>
      </Section>
      <div className="grid grid-cols-1 items-start gap-6 lg:grid-cols-2">
        <Section title={t.run.inputs}>
          <Values values={run.inputs} />
        </Section>
        <Section title={t.run.outputs}>
          <Values values={run.outputs} />
        </Section>
      </div>
      <RunBill run={run} />
    </Page>
  );
}

/** Results are the files of a run's outputs in their place: the film first and large, the others beside it. What does not play is not large. */
function Results({ run }: { run: Run }) {
  const [first, ...others] = resultsOf(run.outputs);
  if (first === undefined) return null;
  if (mediaKind(first.mediaType) === "file")
    return (
      <Section title={t.run.results}>
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-2 xl:grid-cols-3">
          {[first, ...others].map((a) => (
            <Media key={a.digest} artifact={a} />
          ))}
        </div>
      </Section>
    );
  return (
    <Section title={t.run.results}>
      <div className={`grid grid-cols-1 items-start gap-3 ${others.length > 0 ? "lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]" : "max-w-4xl"}`}>
        <Media artifact={first} />
        {others.length > 0 && (
          <div className="grid gap-3 sm:max-lg:grid-cols-2">
            {others.map((a) => (
              <Media key={a.digest} artifact={a} />
            ))}
          </div>
        )}
      </div>
    </Section>
  );
}

function Facts({ run, state }: { run: Run; state: string }) {
  const now = useNow(!hasEnded(run.state));
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-muted">
      <State state={state} />
      <span title={t.run.elapsed}>{duration(tookSeconds(run, now))}</span>
      <time dateTime={run.created} title={t.run.began}>
        {date(run.created)}
      </time>
      {run.imported && (
        <span title={date(run.imported.at)} className="min-w-0 break-words">
          {t.run.imported(run.imported.host)}
        </span>
      )}
      {run.owner && <span>{`${t.run.owner} ${run.owner}`}</span>}
      <Copy text={run.id} />
    </div>
  );
}

/** ExportLink saves the run as a file. */
function ExportLink({ id }: { id: string }) {
  return (
    <a href={`/api/v1/runs/${id}/archive`} download={`${id}.tar`} className={buttonClass()} title={t.run.exportHint}>
      <PackageCheck size={15} aria-hidden />
      {t.run.export}
    </a>
  );
}

/** Overall is how far the run is. */
function Overall({ run, live }: { run: Run; live: LiveRun }) {
  const { done, all, fraction } = progressOf(run, live.newest);
  const tone = run.state === "succeeded" ? "good" : run.state === "failed" ? "bad" : run.state === "running" ? "busy" : "muted";
  return (
    <div className="grid gap-2">
      <Progress fraction={fraction} label={t.run.progress(done, all)} tone={tone} />
      <p className="flex justify-between text-small text-muted">
        <span>{t.run.progress(done, all)}</span>
        <span>{percent(fraction)}</span>
      </p>
    </div>
  );
}
