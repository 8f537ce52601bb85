import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, ChevronsUp, CircleStop, Ellipsis, GripVertical } from "lucide-react";
import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import type { Schemas } from "../../api/client.js";
import { sentence } from "../../core/format.js";
import { api, ask, queries, runs as runsQuery } from "../../data/host.js";
import { IconButton } from "../../kit/button.js";
import { Menu, type MenuItem } from "../../kit/menu.js";
import { Badge } from "../../kit/state.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

type Queued = Schemas["Queued"];

/** Waiting is the runs that wait. Each is moved by its handle, or by its menu, and cancelled alone. */
export function Waiting({ runs }: { runs: readonly Queued[] }) {
  const known = useQuery(runsQuery("created", 200)).data?.runs;
  const names = new Map(known?.map((r) => [r.id, r.pipeline]));
  const nameOf = (id: string): string => names.get(id) ?? id;
  const [drag, setDrag] = useState<{ run: string; from: number; to: number }>();
  const list = useRef<HTMLOListElement>(null);
  const again = () => Promise.all(["queue", "runs"].map((key) => queries.invalidateQueries({ queryKey: [key] })));

  const move = useMutation({
    mutationFn: ({ from, to }: { from: number; to: number }) => {
      const run = runs[from]?.run ?? "";
      const other = runs[to]?.run ?? "";
      return ask(api.POST("/api/v1/queue/move", { body: to < from ? { run, before: other } : { run, after: other } }));
    },
    onSuccess: again,
    onError: toastProblem,
  });
  const next = useMutation({ mutationFn: (run: string) => ask(api.POST("/api/v1/queue/next", { body: { run } })), onSuccess: again, onError: toastProblem });
  /** back makes the run anew where it stood: one that is resumed would not wait for its turn. */
  const back = useMutation({
    mutationFn: async ({ run, before }: { run: string; before: string | undefined }) => {
      const made = await ask(api.POST("/api/v1/runs", { body: { pipeline: {}, rerun: { of: run } } }));
      if (before !== undefined) await ask(api.POST("/api/v1/queue/move", { body: { run: made.id, before } })).catch(() => undefined); // one of them has begun
    },
    onSuccess: again,
    onError: toastProblem,
  });
  const cancel = useMutation({
    mutationFn: ({ run }: { run: string; before: string | undefined }) => ask(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id: run } }, body: {} })),
    onSuccess: (_, was) => {
      toast(t.queue.cancelled(nameOf(was.run)), () => back.mutate(was));
      return again();
    },
    onError: toastProblem,
  });

  const to = (from: number, place: number): void => {
    if (place >= 0 && place < runs.length && place !== from && !move.isPending) move.mutate({ from, to: place });
  };
  const keys = (from: number) => (e: KeyboardEvent) => {
    const place = { ArrowUp: from - 1, ArrowDown: from + 1, Home: 0, End: runs.length - 1 }[e.key];
    if (place === undefined) return;
    e.preventDefault();
    to(from, place);
  };
  const place = (y: number): number => {
    const rows = [...(list.current?.children ?? [])].map((el) => el.getBoundingClientRect());
    const at = rows.findIndex((r) => y < r.bottom);
    return at < 0 ? rows.length - 1 : at;
  };
  const grip = (run: string, from: number) => ({
    onPointerDown: (e: PointerEvent<HTMLButtonElement>) => {
      e.currentTarget.setPointerCapture(e.pointerId);
      setDrag({ run, from, to: from });
    },
    onPointerMove: (e: PointerEvent) => drag && setDrag({ ...drag, to: place(e.clientY) }),
    onPointerUp: () => {
      setDrag(undefined);
      const now = runs.findIndex((r) => r.run === drag?.run); // the queue may have gone on meanwhile
      if (drag && now >= 0) to(now, drag.to);
    },
    onPointerCancel: () => setDrag(undefined),
  });

  return (
    <>
      <p className="text-small text-muted max-md:sr-only">{t.queue.how}</p>
      <ol ref={list} className="card divide-y divide-line overflow-hidden">
        {runs.map(({ run, why, priority }, i) => {
          const name = nameOf(run);
          const items: MenuItem[] = [
            { title: t.queue.next, icon: ChevronsUp, onSelect: () => next.mutate(run) },
            ...(i > 0 ? [{ title: t.queue.up, icon: ArrowUp, onSelect: () => to(i, i - 1) }] : []),
            ...(i < runs.length - 1 ? [{ title: t.queue.down, icon: ArrowDown, onSelect: () => to(i, i + 1) }] : []),
          ];
          const target = drag !== undefined && drag.to === i && drag.run !== run;
          return (
            <li
              key={run}
              className={`relative flex items-center gap-2 py-2 pr-2 pl-2 ${drag?.run === run ? "bg-tint" : ""} ${target ? `before:absolute before:inset-x-0 before:h-[2px] before:bg-accent ${i < drag.from ? "before:top-0" : "before:bottom-0"}` : ""}`}
            >
              <IconButton label={t.queue.move(name, i + 1, runs.length)} className="cursor-grab touch-none" onKeyDown={keys(i)} {...grip(run, i)}>
                <GripVertical size={16} />
              </IconButton>
              <span className="grid min-w-0 grow gap-x-4 md:grid-cols-[16rem_minmax(0,1fr)] md:items-center">
                <Link to="/runs/$id" params={{ id: run }} className="truncate font-medium hover:underline" title={name}>
                  {name}
                </Link>
                <span className="break-words text-muted">{sentence(why)}</span>
              </span>
              {priority !== 0 && <Badge>{t.queue.priority(priority)}</Badge>}
              <Menu
                trigger={
                  <IconButton label={t.queue.actions(name)}>
                    <Ellipsis size={16} />
                  </IconButton>
                }
                groups={[items, [{ title: t.queue.cancel, icon: CircleStop, danger: true, onSelect: () => cancel.mutate({ run, before: runs[i + 1]?.run }) }]]}
              />
            </li>
          );
        })}
      </ol>
    </>
  );
}
