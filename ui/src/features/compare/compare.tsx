import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeftRight } from "lucide-react";
import type { ReactNode } from "react";
import { nodePairs, pairsOf, secondsOf, type Pair } from "../../core/compare.js";
import { hasEnded, type Node, type Run } from "../../core/fold.js";
import { date, duration, stepsOf } from "../../core/format.js";
import { run as runQuery } from "../../data/host.js";
import { tookSeconds, useNow } from "../../data/live.js";
import { buttonClass } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { State, StateIcon, stateName } from "../../kit/state.js";
import { Value } from "../../kit/values.js";
import { t } from "../../strings.js";

const route = getRouteApi("/compare/$a/$b");

/** live asks again for a run that goes on. */
const live = (id: string) => ({ ...runQuery(id), refetchInterval: ({ state }: { state: { data?: Run | undefined } }) => (state.data !== undefined && !hasEnded(state.data.state) ? 3000 : false) as number | false });

/** Compare is two runs side by side: what went into them, what came out, and how long each node was at it. */
export function Compare() {
  const { a, b } = route.useParams();
  const [first, second] = [useQuery(live(a)), useQuery(live(b))];
  return (
    <Page
      title={t.compare.title}
      actions={
        <Link to="/compare/$a/$b" params={{ a: b, b: a }} replace className={buttonClass()}>
          <ArrowLeftRight size={15} aria-hidden />
          {t.compare.swap}
        </Link>
      }
    >
      {[first, second].map((found, i) => found.error !== null && <Problem key={i} error={found.error} onRetry={() => void found.refetch()} />)}
      {(first.isPending || second.isPending) && first.error === null && second.error === null && <Skeleton className="h-96" />}
      {first.data !== undefined && second.data !== undefined && <Both a={first.data} b={second.data} />}
    </Page>
  );
}

function Both({ a, b }: { a: Run; b: Run }) {
  const inputs = pairsOf(a.inputs, b.inputs);
  const differ = inputs.filter((p) => !p.same);
  const outputs = pairsOf(a.outputs, b.outputs);
  const nodes = nodePairs(a.nodes ?? [], b.nodes ?? []);
  return (
    <>
      <div className="grid grid-cols-2 gap-3">
        <Head run={a} letter="A" />
        <Head run={b} letter="B" />
      </div>
      {a.id === b.id && <p className="text-muted">{t.compare.oneRun}</p>}
      {a.digest !== b.digest && a.pipeline === b.pipeline && <p className="text-muted">{t.compare.changed}</p>}
      <Section title={t.compare.inputs}>
        {differ.length > 0 && <Table pairs={differ} />}
        {(differ.length < inputs.length || inputs.length === 0) && <p className="text-muted">{t.compare.sameInputs(inputs.length - differ.length, differ.length)}</p>}
      </Section>
      <Section title={t.compare.outputs}>{outputs.length === 0 ? <p className="text-muted">{t.compare.noOutputs}</p> : <Table pairs={outputs} large />}</Section>
      <Section title={t.compare.nodes}>
        <Nodes pairs={nodes} />
      </Section>
    </>
  );
}

function Head({ run, letter }: { run: Run; letter: string }) {
  const now = useNow(!hasEnded(run.state));
  return (
    <Link to="/runs/$id" params={{ id: run.id }} className="card flex min-w-0 gap-3 p-4 hover:bg-raised max-md:p-3">
      <Letter>{letter}</Letter>
      <span className="grid min-w-0 gap-1">
        <span className="truncate font-medium" title={run.pipeline}>
          {run.pipeline}
        </span>
        <span className="flex flex-wrap items-center gap-x-4 gap-y-1 text-muted">
          <State state={run.interrupted ? "interrupted" : run.state} />
          <span>{duration(tookSeconds(run, now))}</span>
          <time dateTime={run.created}>{date(run.created)}</time>
        </span>
      </span>
    </Link>
  );
}

const Letter = ({ children }: { children: ReactNode }) => <span className="grid size-5 shrink-0 place-items-center rounded-sm bg-tint text-small font-medium text-accent">{children}</span>;

/** Table shows values of both runs by name. */
function Table({ pairs, large = false }: { pairs: readonly (Pair<unknown> & { same: boolean })[]; large?: boolean }) {
  return (
    <ul className="card divide-y divide-line">
      {pairs.map((p) => (
        <li key={p.name} className="grid gap-2 p-4 max-md:p-3">
          <h3 className="flex items-center gap-3 font-mono text-small font-normal text-muted">
            <span className="min-w-0 truncate" title={p.name}>
              {p.name}
            </span>
            {p.same && <span className="font-sans">{t.compare.same}</span>}
          </h3>
          <div className="grid grid-cols-2 items-start gap-3 md:gap-4">
            <Side there={"a" in p} value={p.a} large={large} />
            <Side there={"b" in p} value={p.b} large={large} />
          </div>
        </li>
      ))}
    </ul>
  );
}

const Side = ({ there, value, large }: { there: boolean; value: unknown; large: boolean }) => <div className="min-w-0">{there ? <Value value={value} large={large} /> : <span className="text-muted">{t.none}</span>}</div>;

const asks = (n: Node | undefined): boolean => n?.name.startsWith("gate.") ?? false;
const columns = "grid grid-cols-2 items-center gap-x-4 gap-y-1 px-4 md:grid-cols-[minmax(0,3fr)_minmax(0,4fr)_minmax(0,4fr)_7rem]";

/** Nodes are the node instances of both: how they ended and how long they took, on one scale. How long a person took to answer is not measured against it. */
function Nodes({ pairs }: { pairs: readonly Pair<Node>[] }) {
  if (pairs.length === 0) return <p className="card px-4 py-3 text-muted">{t.run.noNodes}</p>;
  const longest = Math.max(0.001, ...pairs.flatMap((p) => [p.a, p.b]).map((n) => (asks(n) ? 0 : (secondsOf(n) ?? 0))));
  return (
    <ul className="card divide-y divide-line overflow-hidden">
      <li aria-hidden className={`${columns} py-2`}>
        <span className="max-md:hidden" />
        <Letter>A</Letter>
        <Letter>B</Letter>
      </li>
      {pairs.map((p) => {
        const [a, b] = [secondsOf(p.a), secondsOf(p.b)];
        const differs = a === undefined || b === undefined ? "" : t.compare.difference(b - a, duration(Math.abs(b - a)));
        return (
          <li key={p.name} className={`${columns} py-2`}>
            <span className="flex min-w-0 items-baseline gap-3 max-md:col-span-2">
              <span className="min-w-0 grow truncate font-medium" title={p.name}>
                {stepsOf(p.name)}
              </span>
              <span className="shrink-0 text-small text-muted md:hidden">{differs}</span>
            </span>
            <Took node={p.a} seconds={a} longest={longest} />
            <Took node={p.b} seconds={b} longest={longest} />
            <span className="text-right text-small text-muted max-md:hidden">{differs}</span>
          </li>
        );
      })}
    </ul>
  );
}

function Took({ node, seconds, longest }: { node: Node | undefined; seconds: number | undefined; longest: number }) {
  if (node === undefined) return <span className="text-small text-muted">{t.compare.absent}</span>;
  return (
    <span className="flex min-w-0 items-center gap-3">
      <StateIcon state={node.state} />
      {seconds === undefined ? (
        <span className="min-w-0 truncate text-muted">{stateName(node.state)}</span>
      ) : (
        <>
          {asks(node) ? (
            <span className="grow max-md:hidden" />
          ) : (
            <svg aria-hidden className="h-1 min-w-0 grow rounded-full max-md:hidden" preserveAspectRatio="none" viewBox="0 0 100 1">
              <rect width="100" height="1" className="fill-raised" />
              <rect width={Math.max(0.5, (100 * seconds) / longest)} height="1" className={node.state === "failed" ? "fill-bad" : "fill-accent"} />
            </svg>
          )}
          <span className="shrink-0 text-right text-small whitespace-nowrap text-muted md:w-20">{duration(seconds)}</span>
        </>
      )}
    </span>
  );
}
