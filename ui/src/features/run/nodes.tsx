import type { Node } from "../../core/fold.js";
import { hasEnded } from "../../core/fold.js";
import { duration } from "../../core/format.js";
import type { Report } from "../../core/link.js";
import { useNow } from "../../data/live.js";
import { Progress } from "../../kit/progress.js";
import { Rows } from "../../kit/rows.js";
import { StateIcon, stateName } from "../../kit/state.js";
import { t } from "../../strings.js";

interface NodeListProps {
  nodes: readonly Node[];
  newest: ReadonlyMap<string, Report>;
  chosen: string | undefined;
  onChoose: (node: Node) => void;
}

const height = 44;

/** NodeList is every node instance of a run with its state, in the pipeline's order. */
export function NodeList({ nodes, newest, chosen, onChoose }: NodeListProps) {
  const now = useNow(nodes.some((n) => n.started && !hasEnded(n.state)));
  if (nodes.length === 0) return <p className="card px-4 py-3 text-muted">{t.run.noNodes}</p>;
  return (
    <Rows
      items={nodes}
      id={(n) => n.at}
      label={t.run.nodes}
      height={height}
      chosen={chosen}
      onChoose={onChoose}
      className="card max-h-[33rem]"
      row={(n) => <Row node={n} report={newest.get(n.at)} now={now} />}
    />
  );
}

/** took is for how long a node has been at it, over all its attempts. */
export function took(n: Node, now: number): string {
  return n.started ? duration(((n.ended ? Date.parse(n.ended) : now) - Date.parse(n.started)) / 1000) : "";
}

function Row({ node: n, report, now }: { node: Node; report: Report | undefined; now: number }) {
  const runs = n.state === "running";
  const fraction = report?.fraction !== undefined && report.fraction >= 0 ? report.fraction : undefined;
  const note = runs ? report?.message || n.type : (n.error?.message ?? n.type);
  return (
    <div className="relative flex h-full items-center gap-3 px-4">
      <StateIcon state={n.state} />
      <span className="min-w-0 grow basis-1/2 truncate font-medium" title={`${n.at}: ${stateName(n.state)}`}>
        {n.at.replace(/^node\./, "")}
      </span>
      <span className={`min-w-0 shrink basis-2/5 truncate text-right text-small ${n.error && n.state === "failed" ? "text-bad" : "text-muted"}`} title={note}>
        {note}
      </span>
      {(n.attempt ?? 0) > 1 && <span className="shrink-0 text-small text-warn">{`×${n.attempt}`}</span>}
      <span className="min-w-14 shrink-0 whitespace-nowrap text-right text-small text-muted">{took(n, now)}</span>
      {runs && (
        <span className="absolute inset-x-0 bottom-0">
          <Progress fraction={fraction} label={n.at} />
        </span>
      )}
    </div>
  );
}
