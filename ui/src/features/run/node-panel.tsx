import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { MousePointerClick, X } from "lucide-react";
import type { Node, Run } from "../../core/fold.js";
import { boxOf } from "../../core/graph.js";
import { clock, percent } from "../../core/format.js";
import type { Report } from "../../core/link.js";
import { asArtifact } from "../../core/values.js";
import { useAnswer } from "../../data/answer.js";
import { api, ask } from "../../data/host.js";
import { nodeOf, useNow, type LiveRun } from "../../data/live.js";
import { IconButton } from "../../kit/button.js";
import { Empty } from "../../kit/empty.js";
import { Select } from "../../kit/field.js";
import { Thumbnail } from "../../kit/media.js";
import { Problem } from "../../kit/problem.js";
import { Question } from "../../kit/question.js";
import { Badge, State, stateName } from "../../kit/state.js";
import { Tabs } from "../../kit/tabs.js";
import { t } from "../../strings.js";
import { NodeActions } from "./node-actions.js";
import { Explain } from "./explain.js";
import { took } from "./nodes.js";
import { Says } from "./says.js";
import { Values } from "../../kit/values.js";

/** NoNode stands where the panel will. */
export function NoNode() {
  return (
    <div className="card max-lg:hidden">
      <Empty icon={MousePointerClick} title={t.run.nodes}>
        <p>{t.run.pick}</p>
      </Empty>
    </div>
  );
}

/** NodePanel is one node instance: how it is, what it gave, what it said. */
export function NodePanel({ run, node, live, onChoose }: { run: Run; node: Node; live: LiveRun; onChoose: (node?: Node) => void }) {
  const others = (run.nodes ?? []).filter((n) => boxOf(n) === boxOf(node));
  return (
    <section aria-label={node.at} className="card min-w-0">
      <div className="flex items-center gap-2 border-b border-line py-2 pr-2 pl-4">
        <h3 className="min-w-0 grow truncate text-body" title={node.at}>
          {node.at}
        </h3>
        <IconButton label={t.run.back} onClick={() => onChoose()}>
          <X size={16} />
        </IconButton>
      </div>
      <div className="grid grid-cols-1 gap-4 p-4">
        {others.length > 1 && (
          <Select label={t.run.instance(others.indexOf(node) + 1, others.length)} value={node.at} onChange={(e) => onChoose(others.find((n) => n.at === e.currentTarget.value))}>
            {others.map((n) => (
              <option key={n.at} value={n.at}>
                {`${n.at} · ${stateName(n.state)}`}
              </option>
            ))}
          </Select>
        )}
        <div className="flex flex-wrap items-center gap-3">
          <Head node={node} />
          <NodeActions run={run} node={node} />
        </div>
        {node.error && <Problem error={{ title: node.error.message, ...(node.error.hint ? { fix: node.error.hint } : {}) }} />}
        {node.error?.detail && <pre className="max-h-48 overflow-auto rounded-md bg-raised p-3 font-mono text-small whitespace-pre-wrap">{node.error.detail}</pre>}
        {node.state === "waiting" && node.ask && <Asked key={`${node.at} asks`} run={run} node={node} />}
        <Says node={node} live={live} />
        {!node.error && !node.ended && !node.ask && <Explain run={run} node={node.at} />}
        <Tabs
          key={node.at}
          label={node.at}
          tabs={[
            { name: "outputs", title: t.run.outputs, content: node.outputs_ref ? <Values values={{ [t.run.tooBig]: { $artifact: node.outputs_ref, name: "outputs.json" } }} /> : <Values values={node.outputs} large /> },
            { name: "log", title: t.run.log, content: <Reports run={run} node={node} live={live.reports} /> },
          ]}
        />
      </div>
    </section>
  );
}

function Head({ node: n }: { node: Node }) {
  const now = useNow(Boolean(n.started) && !n.ended);
  return (
    <div className="flex min-w-0 grow flex-wrap items-center gap-x-4 gap-y-2 text-muted">
      <State state={n.state} />
      {n.type && <Badge>{n.type}</Badge>}
      {n.attempt ? <span>{t.run.attempt(n.attempt, n.attempts ?? 1)}</span> : !n.started && n.state !== "cached" && <span>{t.run.noAttempt}</span>}
      {n.started && <span>{took(n, now)}</span>}
      {n.agent && (
        <Link to="/machines" search={{ machine: n.agent, ...(n.devices?.[0] === undefined ? {} : { device: n.devices[0] }) }} className="text-accent hover:underline">
          {t.run.on(n.agent === "local" ? t.home.devices.host : n.agent)}
        </Link>
      )}
      {n.source && <span className="min-w-0 truncate">{t.run.cached(n.source)}</span>}
    </div>
  );
}

function Asked({ run, node }: { run: Run; node: Node }) {
  const answer = useAnswer(run.id, node.at);
  return (
    <div className="rounded-lg bg-warn-tint p-4">
      <Question ask={node.ask} askRef={node.ask_ref} until={node.until} busy={answer.isPending || answer.isSuccess} onAnswer={answer.mutate} />
    </div>
  );
}

const keyOf = (r: Report): string => `${r.time} ${r.kind} ${r.message ?? ""}`;

function Reports({ run, node, live }: { run: Run; node: Node; live: readonly Report[] }) {
  const earlier = useQuery({ queryKey: ["reports", run.id, node.at], queryFn: () => ask(api.GET("/api/v1/runs/{id}/reports", { params: { path: { id: run.id }, query: { node: node.at } } })) });
  if (earlier.error !== null) return <Problem error={earlier.error} onRetry={() => void earlier.refetch()} />;
  const all = new Map([...(earlier.data?.reports ?? []), ...live.filter((r) => nodeOf(r.address) === node.at)].map((r) => [keyOf(r), r]));
  if (all.size === 0) return <p className="text-muted">{t.run.noReports}</p>;
  return (
    <ol aria-label={t.run.log} tabIndex={0} className="grid max-h-80 gap-1 overflow-auto text-small">
      {[...all].map(([key, r]) => {
        const preview = asArtifact(r.preview);
        return (
          <li key={key} className="grid grid-cols-[4.5rem_1fr] gap-2">
            <time dateTime={r.time} className="text-faint">
              {clock(r.time)}
            </time>
            <span className="min-w-0">
              <span className={`break-words whitespace-pre-wrap ${r.level === "error" ? "text-bad" : r.level === "warn" ? "text-warn" : ""}`}>
                {[r.fraction !== undefined && r.fraction > 0 ? percent(r.fraction) : "", r.message ?? ""].filter(Boolean).join("  ")}
              </span>
              {preview !== undefined && (
                <span className="mt-1 block w-48 overflow-hidden rounded-md">
                  <Thumbnail artifact={preview} />
                </span>
              )}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
