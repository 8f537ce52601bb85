import { useQuery } from "@tanstack/react-query";
import { Maximize, Minus, Plus } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Schemas } from "../../api/client.js";
import { hasEnded, type Event, type Node, type Run } from "../../core/fold.js";
import { duration, stepsOf } from "../../core/format.js";
import { spansOf, ticks, Timeline, type Span } from "../../core/timeline.js";
import { api, ask } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { IconButton } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Problem } from "../../kit/problem.js";
import { Rows } from "../../kit/rows.js";
import { StateIcon, stateName } from "../../kit/state.js";
import { t } from "../../strings.js";

const page = 1000; // events asked for at once
const patience = 250; // ms between two questions
const mostZoom = 64;

/** useTimeline has all that was recorded of a run, and what is recorded since: seq is how far the run has come. */
function useTimeline(id: string, seq: number) {
  const [line] = useState(() => new Timeline());
  const found = useQuery({
    queryKey: ["timeline", id, line],
    gcTime: 0,
    structuralSharing: false,
    queryFn: async () => {
      for (;;) {
        const { events } = (await ask(api.GET("/api/v1/runs/{id}/events", { params: { path: { id }, query: { after: line.seq, limit: page } } }))) as Schemas["EventList"];
        line.apply(events.map((e) => e.data as Event));
        if (events.length < page) return { line };
      }
    },
  });
  const { refetch, data } = found;
  useEffect(() => {
    if (data === undefined || data.line.seq >= seq) return;
    const timer = setTimeout(() => void refetch(), patience);
    return () => clearTimeout(timer);
  }, [seq, data, refetch]);
  return found;
}

/** RunTimeline is what each node did when: its attempts, and what it waited for. */
export function RunTimeline({ run, chosen, onChoose }: { run: Run; chosen: string | undefined; onChoose: (node?: Node) => void }) {
  const goes = !hasEnded(run.state);
  const now = useNow(goes);
  const found = useTimeline(run.id, run.seq);
  const wrap = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState(1);
  const middle = useRef(0.5); // of what is seen, as a part of the whole
  useLayoutEffect(() => {
    const box = wrap.current?.querySelector("[role=listbox]");
    if (box) box.scrollLeft = middle.current * box.scrollWidth - box.clientWidth / 2;
  }, [zoom]);
  const change = (to: number): void => {
    const box = wrap.current?.querySelector("[role=listbox]");
    if (box) middle.current = (box.scrollLeft + box.clientWidth / 2) / box.scrollWidth;
    setZoom(Math.max(1, Math.min(mostZoom, to)));
  };
  if (found.error !== null) return <Problem error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Skeleton className="h-72" />;
  const nodes = run.nodes ?? [];
  if (nodes.length === 0) return <p className="card px-4 py-3 text-muted">{t.run.noNodes}</p>;
  const { line } = found.data;
  const start = Date.parse(run.created);
  const scale: Scale = { start, end: Math.max(start + 10, goes ? now : Date.parse(run.updated)), marks: zoom * (matchMedia("(min-width: 48rem)").matches ? 6 : 2) };
  return (
    <div ref={wrap} className="card overflow-hidden">
      <div className="flex flex-wrap items-center gap-x-4 border-b border-line py-1 pr-1 pl-4 text-small text-muted">
        <Legend />
        <span className="flex shrink-0 max-md:ml-auto">
          <IconButton label={t.timeline.closer} disabled={zoom >= mostZoom} onClick={() => change(zoom * 2)}>
            <Plus size={16} />
          </IconButton>
          <IconButton label={t.timeline.further} disabled={zoom <= 1} onClick={() => change(zoom / 2)}>
            <Minus size={16} />
          </IconButton>
          <IconButton label={t.timeline.all} disabled={zoom <= 1} onClick={() => change(1)}>
            <Maximize size={16} />
          </IconButton>
        </span>
      </div>
      <Rows
        items={nodes}
        id={(n) => n.at}
        label={t.timeline.label}
        height={36}
        chosen={chosen}
        onChoose={onChoose}
        className="max-h-[33rem]"
        width={`${zoom * 100}%`}
        head={<Axis scale={scale} />}
        row={(n, is) => (
          <div className="flex h-full">
            <span className={`${name} gap-2 ${is ? "bg-tint" : "bg-surface"}`} title={n.at}>
              <StateIcon state={n.state} />
              <span className="truncate font-medium">{stepsOf(n.at)}</span>
            </span>
            <Lane scale={scale}>
              {spansOf(line, n).map((s) => (
                <Bar key={`${s.kind} ${s.from} ${s.attempt}`} span={s} scale={scale} />
              ))}
            </Lane>
          </div>
        )}
      />
    </div>
  );
}

const name = "sticky left-0 z-1 flex w-32 shrink-0 items-center border-r border-line px-3 md:w-48";

/** From when to when, in ms, and at most how many marks over all of it. */
interface Scale {
  start: number;
  end: number;
  marks: number;
}

const percent = ({ start, end }: Scale, at: number): string => `${(Math.max(0, Math.min(1, (at - start) / (end - start))) * 100).toFixed(3)}%`;
const marksOf = ({ start, end, marks }: Scale): number[] => ticks((end - start) / 1000, marks);

/** Lane is the time beside a name, with its marks. */
function Lane({ scale, children }: { scale: Scale; children: React.ReactNode }) {
  return (
    <span aria-hidden className="relative mr-6 ml-2 grow">
      {marksOf(scale).map((s) => (
        <span key={s} className="absolute inset-y-0 w-px bg-line" style={{ left: percent(scale, scale.start + s * 1000) }} />
      ))}
      {children}
    </span>
  );
}

function Axis({ scale }: { scale: Scale }) {
  return (
    <div className="flex h-7 border-b border-line bg-surface text-small text-muted">
      <span className={`${name} bg-surface`} />
      <span className="relative mr-6 ml-2 grow">
        {marksOf(scale).filter((s) => s * 1000 < (scale.end - scale.start) * (1 - 0.5 / scale.marks) || s === 0).map((s) => (
          <span key={s} className="absolute top-1 pl-1 whitespace-nowrap" style={{ left: percent(scale, scale.start + s * 1000) }}>
            {s === 0 ? "0" : duration(s)}
          </span>
        ))}
      </span>
    </div>
  );
}

const fills: Record<string, string> = { running: "bg-busy animate-breathe", succeeded: "bg-good", failed: "bg-bad" };
const shapes: Record<Span["kind"], (state: string) => string> = {
  wait: () => "top-1/2 border-t-2 border-dotted border-edge",
  backoff: () => "top-1/2 border-t-2 border-dashed border-warn",
  attempt: (state) => `inset-y-2.5 min-w-1 rounded-sm ${fills[state] ?? "bg-edge"}`,
  gate: () => "inset-y-2.5 min-w-2 rounded-full border-2 border-warn bg-warn-tint",
  module: (state) => `top-1/2 h-1 min-w-1 -translate-y-1/2 rounded-full ${fills[state] ?? "bg-edge"}`,
  moment: () => "hidden",
};

/** Bar is one span: its form says what it is, the shape after it how it ended. */
function Bar({ span: s, scale }: { span: Span; scale: Scale }) {
  const to = s.to ?? scale.end;
  const waits = s.kind === "wait" || s.kind === "backoff";
  const what = s.attempt === undefined ? t.timeline.kinds[s.kind] : t.timeline.attempt(s.attempt);
  const says = t.timeline.span(what, waits ? "" : stateName(s.state), s.kind === "moment" ? "" : duration((to - s.from) / 1000), s.agent === undefined ? "" : t.run.on(s.agent), s.wrong ?? "");
  const [left, end] = [percent(scale, s.from), percent(scale, to)];
  return (
    <>
      <span title={says} className={`absolute ${shapes[s.kind](s.state)}`} style={{ left, width: `calc(${end} - ${left})` }} />
      {!waits && s.to !== undefined && (
        <span title={says} className="absolute top-1/2 ml-1 -translate-y-1/2" style={{ left: end }}>
          <StateIcon state={s.state} size={13} silent />
        </span>
      )}
    </>
  );
}

function Legend() {
  return (
    <span className="flex min-w-0 grow flex-wrap gap-x-4">
      {(["attempt", "wait", "backoff", "gate"] as const).map((kind) => (
        <span key={kind} className="flex items-center gap-2">
          <span aria-hidden className="relative h-9 w-5">
            <span className={`absolute inset-x-0 ${shapes[kind]("succeeded")}`} />
          </span>
          {t.timeline.kinds[kind]}
        </span>
      ))}
    </span>
  );
}
