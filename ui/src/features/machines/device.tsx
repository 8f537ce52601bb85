import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Pause, Play } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { clock, size } from "../../core/format.js";
import { sampled, stateOf, type Device, type Point } from "../../core/machines.js";
import { api, ask, queries, useMay } from "../../data/host.js";
import { nodeOf } from "../../data/live.js";
import { Button, IconButton } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Skeleton } from "../../kit/empty.js";
import { Input } from "../../kit/field.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { Badge, State } from "../../kit/state.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { series } from "./queries.js";

const Chart = lazy(() => import("./chart.js"));

export type View = "chart" | "table";

interface DeviceProps {
  device: Device;
  /** away: its machine says nothing now, and what was measured last is not how it is. */
  away: boolean;
  view: View;
  /** How far back is looked, in seconds. */
  seconds: number;
  /** here: it is what the page was opened for. */
  here: boolean;
}

/** DeviceCard is one accelerator: what was measured of it, who has it, and whether it is in use. */
export function DeviceCard({ device: d, away, view, seconds, here }: DeviceProps) {
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    if (here) card.current?.scrollIntoView({ block: "center" });
  }, [here]);
  const trouble = d.ill || (d.held ? t.machines.isHeld(d.held) : "") || d.warning;
  return (
    <article ref={card} aria-label={d.name} className={`card grid min-w-0 grid-cols-1 content-start gap-3 p-4 ${here ? "outline-2 outline-accent" : ""}`}>
      <header className="flex items-start gap-3 pointer-fine:-mt-1">
        <div className="grid min-w-0 grow">
          <h4 className="truncate font-medium" title={d.name}>
            {d.name}
          </h4>
          <p className="truncate text-small text-muted" title={d.uuid}>
            {[d.uuid, d.kind, d.compute, d.driver].filter(Boolean).join(" · ")}
          </p>
        </div>
        {away ? (
          <span className="font-medium">{size(d.memory)}</span>
        ) : (
          <span className="flex items-center gap-1">
            <State state={stateOf(d)} />
            <Hold device={d} />
          </span>
        )}
      </header>
      {trouble !== undefined && trouble !== "" && <p className={`rounded-md px-3 py-2 break-words ${d.ill ? "bg-bad-tint text-bad" : "bg-warn-tint text-warn"}`}>{trouble}</p>}
      {!away && <Figures device={d} />}
      {!away && <Past device={d} view={view} seconds={seconds} />}
      <Uses device={d} />
    </article>
  );
}

function Figures({ device: d }: { device: Device }) {
  const { used, utilisation, temperature, power } = d.reading;
  const rest = [utilisation === undefined ? "" : t.machines.busyNow(utilisation), temperature === undefined ? "" : `${temperature} °C`, power === undefined ? "" : `${Math.round(power)} W`].filter(Boolean);
  return (
    <div className="grid gap-2">
      <p className="flex flex-wrap justify-between gap-x-4">
        <span className="font-medium">{used === undefined ? size(d.memory) : t.home.devices.used(size(used), size(d.memory))}</span>
        <span className="text-muted">{rest.join(" · ")}</span>
      </p>
      {used !== undefined && <Progress fraction={d.memory > 0 ? used / d.memory : 0} label={t.machines.memoryOf(d.name)} />}
      {d.reading.stale && <p className="text-small text-warn">{t.machines.stale(clock(d.reading.at))}</p>}
    </div>
  );
}

function Past({ device: d, view, seconds }: { device: Device; view: View; seconds: number }) {
  const past = useQuery(series(d.uuid, Boolean(d.agent)));
  if (past.data === undefined) return past.error === null ? <Skeleton className="h-40" /> : <Problem error={past.error} onRetry={() => void past.refetch()} />;
  return (
    <>
      {past.error !== null && <Problem error={past.error} />}
      {view === "table" ? (
        <Table device={d} points={past.data} seconds={seconds} />
      ) : (
        <Suspense fallback={<Skeleton className="h-40" />}>
          <Chart device={d} points={past.data} seconds={seconds} />
        </Suspense>
      )}
    </>
  );
}

const rows = 40;

/** Table is the chart in figures. */
function Table({ device: d, points, seconds }: { device: Device; points: Point[]; seconds: number }) {
  const end = Date.parse(points.at(-1)?.at ?? "");
  const shown = sampled(points.filter((p) => Date.parse(p.at) >= end - seconds * 1000), rows);
  const figure = (n: number | undefined, as: (n: number) => string): string => (n === undefined ? "–" : as(n));
  const { time, memory, busy, heat, power } = t.machines.columns;
  return (
    <div tabIndex={0} role="region" aria-label={t.machines.chart(d.name)} className="max-h-40 overflow-auto rounded-md border border-line">
      <table className="w-full text-right text-small">
        <thead className="sticky top-0 bg-raised">
          <tr>
            {[time, memory, busy, heat, power].map((name, i) => (
              <th key={name} scope="col" className={`px-2 py-1 font-medium text-muted ${i === 0 ? "text-left" : ""}`}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((p) => (
            <tr key={p.at} className="border-t border-line">
              <th scope="row" className="px-2 py-1 text-left font-normal">
                {clock(p.at)}
              </th>
              <td className="px-2 py-1">{figure(p.used, size)}</td>
              <td className="px-2 py-1">{figure(p.utilisation, (n) => `${n} %`)}</td>
              <td className="px-2 py-1">{figure(p.temperature, (n) => `${n} °C`)}</td>
              <td className="px-2 py-1">{figure(p.power, (n) => `${Math.round(n)} W`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Uses are the tasks that have some of a device, what stays loaded on it, and whose programs use it beside. */
function Uses({ device: d }: { device: Device }) {
  const leases = new Map((d.leases ?? []).map((l) => [l.task, l]));
  const tasks = d.tasks ?? [];
  const warm = d.warm ?? [];
  const programs = d.reading.processes ?? [];
  if (tasks.length + warm.length + programs.length === 0) return null;
  return (
    <dl className="grid grid-cols-[5.5rem_minmax(0,1fr)] gap-x-3 gap-y-2 border-t border-line pt-3">
      {tasks.length > 0 && (
        <>
          <dt className="text-muted">{t.machines.tasks}</dt>
          <dd className="grid min-w-0 grid-cols-1 gap-2">
            {tasks.map((task) => {
              const l = leases.get(task);
              return (
                <div key={task} className="grid min-w-0">
                  <Task address={task} />
                  {l !== undefined && (
                    <span className="text-small break-words text-muted">{[l.model, l.memory > 0 ? size(l.memory) : t.machines.whole, l.ends !== undefined && Date.parse(l.ends) > Date.parse(d.reading.at) ? t.machines.until(clock(l.ends)) : ""].filter(Boolean).join(" · ")}</span>
                  )}
                </div>
              );
            })}
          </dd>
        </>
      )}
      {warm.length > 0 && (
        <>
          <dt className="text-muted">{t.machines.warm}</dt>
          <dd className="flex min-w-0 flex-wrap gap-1">
            {warm.map((name) => (
              <Badge key={name}>{name}</Badge>
            ))}
          </dd>
        </>
      )}
      {programs.length > 0 && (
        <>
          <dt className="text-muted">{t.machines.programs}</dt>
          <dd className="grid min-w-0 grid-cols-1 gap-1 text-small">
            {programs.slice(0, 6).map((p) => (
              <span key={p.pid} className="flex justify-between gap-3">
                <span className="min-w-0 truncate" title={p.name}>
                  {p.name || t.machines.process(p.pid)}
                </span>
                <span className="shrink-0 text-muted">{p.memory === undefined ? "" : size(p.memory)}</span>
              </span>
            ))}
            {programs.length > 6 && <span className="text-muted">{t.machines.more(programs.length - 6)}</span>}
          </dd>
        </>
      )}
    </dl>
  );
}

/** Task leads to the node of a run that an attempt belongs to. */
export function Task({ address }: { address: string }) {
  return (
    <Link to="/runs/$id" params={{ id: address.split("/")[0] ?? "" }} search={{ node: nodeOf(address) }} title={address} className="truncate font-mono text-small leading-5 text-accent hover:underline">
      {nodeOf(address)}
    </Link>
  );
}

function Hold({ device: d }: { device: Device }) {
  const may = useMay("operator");
  const [asks, setAsks] = useState(false);
  const path = { params: { path: { uuid: d.uuid } } };
  const set = useMutation({
    mutationFn: (why: string | undefined) => ask(why === undefined ? api.POST("/api/v1/devices/{uuid}/release", path) : api.POST("/api/v1/devices/{uuid}/hold", { ...path, body: why === "" ? {} : { reason: why } })),
    onSuccess: (list, why) => {
      setAsks(false);
      toast(why === undefined ? t.machines.released(d.name) : t.machines.holding(d.name), () => set.mutate(why === undefined ? d.held || "" : undefined));
      queries.setQueryData(["devices"], list);
      return queries.invalidateQueries({ queryKey: ["agents"] });
    },
    onError: toastProblem,
  });
  if (!may) return null;
  return (
    <>
      <IconButton label={d.held ? t.machines.release : t.machines.hold} className="-mr-2" disabled={set.isPending} onClick={() => (d.held ? set.mutate(undefined) : setAsks(true))}>
        {d.held ? <Play size={16} /> : <Pause size={16} />}
      </IconButton>
      <Dialog open={asks} onClose={() => setAsks(false)} title={t.machines.holdTitle(d.name)}>
        <form
          className="grid gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            const why = new FormData(e.currentTarget).get("why");
            set.mutate(typeof why === "string" ? why.trim() : "");
          }}
        >
          <p className="text-muted">{t.machines.holdText}</p>
          <Input label={t.machines.reason} name="why" autoFocus maxLength={200} placeholder={t.machines.reasonLike} />
          <div className="flex justify-end gap-2">
            <Button onClick={() => setAsks(false)}>{t.machines.leave}</Button>
            <Button type="submit" look="fill" busy={set.isPending}>
              {t.machines.hold}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
