import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, CircleCheck, CircleX } from "lucide-react";
import { useState } from "react";
import { ago, date } from "../../core/format.js";
import { tasksOn, type Machine } from "../../core/machines.js";
import { useNow } from "../../data/live.js";
import { Button } from "../../kit/button.js";
import { Choice } from "../../kit/choice.js";
import { Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Badge, State } from "../../kit/state.js";
import { t } from "../../strings.js";
import { DeviceCard, Task, type View } from "./device.js";
import { Orders } from "./orders.js";
import { health, nameOf } from "./queries.js";

interface MachineProps {
  machine: Machine;
  /** The device that the page was opened for. */
  device: string | undefined;
  notes: readonly string[];
  /** undefined: there is no list to go back to. */
  onBack: (() => void) | undefined;
}

/** MachineView is one machine: how it is, its accelerators, what it works on and with. */
export function MachineView({ machine: m, device, notes, onBack }: MachineProps) {
  const elsewhere = new Set(m.devices.flatMap((d) => d.tasks ?? []));
  const others = tasksOn(m).filter((task) => !elsewhere.has(task));
  const plugins = m.agent?.plugins ?? [];
  return (
    <article aria-label={nameOf(m)} className="grid min-w-0 grid-cols-1 gap-6">
      <header className="grid grid-cols-1 gap-3">
        {onBack !== undefined && (
          <Button look="quiet" className="-ml-3 justify-self-start md:hidden" onClick={onBack}>
            <ArrowLeft size={16} aria-hidden /> {t.machines.allOfThem}
          </Button>
        )}
        <div className="flex flex-wrap items-start gap-3">
          <div className="grid min-w-0 grow gap-1">
            <h2 className="text-title break-words">{nameOf(m)}</h2>
            <Facts machine={m} />
          </div>
          {m.agent !== undefined && <Orders agent={m.agent} />}
        </div>
        {m.agent?.reason && <p className="rounded-lg bg-warn-tint px-4 py-3 break-words text-warn">{m.agent.reason}</p>}
      </header>
      {m.state !== "offline" && m.state !== "incompatible" && <Health name={m.id} />}
      <Devices machine={m} device={device} notes={notes} />
      {others.length > 0 && (
        <Section title={t.machines.otherTasks}>
          <ul className="card divide-y divide-line overflow-hidden">
            {others.map((task) => (
              <li key={task} className="grid px-4 py-2">
                <Task address={task} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {plugins.length > 0 && (
        <Section title={t.machines.plugins}>
          <ul className="card divide-y divide-line overflow-hidden">
            {plugins.map((p) => (
              <li key={p.name} className="flex flex-wrap items-baseline gap-x-3 gap-y-1 px-4 py-2">
                <span className="font-medium">{p.name}</span>
                <span className="text-muted">{p.version}</span>
                {p.differs !== undefined && p.differs !== "" && <span className="text-warn">{t.machines.differs(p.differs)}</span>}
              </li>
            ))}
          </ul>
        </Section>
      )}
    </article>
  );
}

function Facts({ machine: { agent: a, state } }: { machine: Machine }) {
  const now = useNow(true, 10_000);
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-muted">
      <State state={state === "ready" ? "up" : state} />
      {a !== undefined && (
        <>
          <span>{a.platform}</span>
          <span>{a.version}</span>
          {a.heard !== undefined && state === "offline" ? <span title={date(a.heard)}>{t.machines.heard(ago(a.heard, now))}</span> : <span title={date(a.started)}>{t.machines.started(ago(a.started, now))}</span>}
          {Object.entries(a.labels ?? {}).map(([k, v]) => (
            <Badge key={k}>{`${k} = ${v}`}</Badge>
          ))}
        </>
      )}
    </div>
  );
}

function Health({ name }: { name: string }) {
  const found = useQuery(health(name));
  if (found.data === undefined) return found.error === null ? <Skeleton className="h-12" /> : <Problem error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <ul aria-label={t.machines.health} className="card flex flex-wrap gap-x-6 gap-y-2 px-4 py-3">
      {Object.entries(found.data.checks)
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([what, how]) => (
          <li key={what} className="flex min-w-0 items-start gap-2">
            {how === "ok" ? <CircleCheck size={16} className="mt-[2px] shrink-0 text-good" aria-hidden /> : <CircleX size={16} className="mt-[2px] shrink-0 text-bad" aria-hidden />}
            <span className="min-w-0 break-words">
              <span className="font-medium">{t.machines.checks[what] ?? what}</span> <span className={how === "ok" ? "text-muted" : "text-bad"}>{how === "ok" ? t.machines.well : how}</span>
            </span>
          </li>
        ))}
    </ul>
  );
}

function Devices({ machine: m, device, notes }: { machine: Machine; device: string | undefined; notes: readonly string[] }) {
  const [view, setView] = useState<View>("chart");
  const [range, setRange] = useState<keyof typeof t.machines.ranges>("600");
  const away = m.state === "offline" || m.state === "incompatible";
  return (
    <Section title={t.machines.accelerators}>
      {m.devices.length > 0 && !away && (
        <div className="flex flex-wrap justify-between gap-2">
          <Choice label={t.machines.range} value={range} onChange={setRange} options={(Object.keys(t.machines.ranges) as (keyof typeof t.machines.ranges)[]).map((value) => ({ value, title: t.machines.ranges[value] }))} />
          <Choice
            label={t.machines.view}
            value={view}
            onChange={setView}
            options={[
              { value: "chart", title: t.machines.asChart },
              { value: "table", title: t.machines.asTable },
            ]}
          />
        </div>
      )}
      {m.devices.length === 0 ? (
        <div className="card grid gap-1 px-4 py-3">
          <p>{t.machines.noDevices}</p>
          {notes.map((note) => (
            <p key={note} className="break-words text-muted">
              {note}
            </p>
          ))}
        </div>
      ) : (
        <div className={`grid grid-cols-1 gap-3 ${m.devices.length > 1 ? "xl:grid-cols-2" : ""}`}>
          {m.devices.map((d) => (
            <DeviceCard key={d.uuid} device={d} away={away} view={view} seconds={Number(range)} here={d.uuid === device} />
          ))}
        </div>
      )}
    </Section>
  );
}
