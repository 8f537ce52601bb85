import { Link } from "@tanstack/react-router";
import { MousePointerClick, X } from "lucide-react";
import type { Node, Run } from "../../core/fold.js";
import { boxOf } from "../../core/graph.js";
import { useAnswer } from "../../data/answer.js";
import { useNow, type LiveRun } from "../../data/live.js";
import { IconButton } from "../../kit/button.js";
import { Empty } from "../../kit/empty.js";
import { Select } from "../../kit/field.js";
import { Problem } from "../../kit/problem.js";
import { Question } from "../../kit/question.js";
import { Badge, State, stateName } from "../../kit/state.js";
import { Tabs } from "../../kit/tabs.js";
import { Values } from "../../kit/values.js";
import { t } from "../../strings.js";
import { Attempts, Inputs } from "./attempts.js";
import { NodeActions } from "./node-actions.js";
import { Explain } from "./explain.js";
import { took } from "./nodes.js";
import { Curves } from "./curves.js";
import { Reports } from "./reports.js";
import { Says } from "./says.js";

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

/** NodePanel is one node instance: how it is, what it gave and was given, its attempts, what it said. */
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
        <Curves run={run} node={node} live={live.reports} />
        {!node.error && !node.ended && !node.ask && <Explain run={run} node={node.at} />}
        <Tabs
          key={node.at}
          label={node.at}
          tabs={[
            { name: "outputs", title: t.run.outputs, content: node.outputs_ref ? <Values values={{ [t.run.tooBig]: { $artifact: node.outputs_ref, name: "outputs.json" } }} /> : <Values values={node.outputs} large /> },
            ...(node.name.startsWith("gate.")
              ? []
              : [
                  { name: "inputs", title: t.run.inputs, content: <Inputs run={run.id} node={node} /> },
                  { name: "attempts", title: t.run.attempts, content: <Attempts run={run.id} node={node} /> },
                ]),
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
