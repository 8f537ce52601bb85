import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Server } from "lucide-react";
import { useState } from "react";
import { size } from "../../core/format.js";
import { local, memoryOf, needsCare, tasksOn, type Machine } from "../../core/machines.js";
import { useMay } from "../../data/host.js";
import { useWide } from "../../kit/wide.js";
import { Choice } from "../../kit/choice.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { NeedsAdmin } from "../../kit/needs-admin.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { StateIcon } from "../../kit/state.js";
import { t } from "../../strings.js";
import { Join } from "./join.js";
import { MachineView } from "./machine.js";
import { nameOf, useMachines } from "./queries.js";

const many = 6; // machines, from which on they are searched

/** Machines shows what carries out tasks: each machine, and how its accelerators are and were. Which one is looked at is in the address. */
export function Machines() {
  const { machine: chosen, device } = useSearch({ from: "/machines" });
  const go = useNavigate({ from: "/machines" });
  const { machines, error, notes, again } = useMachines();
  const may = useMay("admin");
  const wide = useWide(); // where there is room beside the list, the first is shown
  const one = chosen === undefined ? (wide || machines?.length === 1 ? machines?.[0] : undefined) : machines?.find((m) => m.name === chosen || m.id === chosen);
  return (
    <Page title={t.machines.title} head={machines !== undefined && machines.length > 0 && <Summary machines={machines} />} {...(may ? { actions: <Join /> } : {})}>
      {error !== null && <Problem error={error} onRetry={again} />}
      {machines === undefined && error === null && (
        <div className="grid gap-6 md:grid-cols-[18rem_minmax(0,1fr)]">
          <Skeleton className="h-64" />
          <Skeleton className="h-96" />
        </div>
      )}
      {machines?.length === 0 && (
        <div className="card">
          <Empty icon={Server} title={t.machines.empty}>
            <p>{t.machines.emptyText}</p>
          </Empty>
        </div>
      )}
      {machines !== undefined && machines.length > 0 && (
        <div className={`grid grid-cols-1 items-start gap-6 ${machines.length > 1 ? "md:grid-cols-[18rem_minmax(0,1fr)]" : ""}`}>
          {machines.length > 1 && <List machines={machines} chosen={one} className={chosen === undefined ? "" : "max-md:hidden"} />}
          <div className="min-w-0">
            {one !== undefined ? (
              <MachineView key={one.id} machine={one} device={device} notes={one.id === local ? notes : (one.agent?.notes ?? [])} onBack={machines.length > 1 ? () => void go({ search: {} }) : undefined} />
            ) : (
              chosen !== undefined && (
                <div className="card">
                  <Empty icon={Server} title={t.machines.gone(chosen)}>
                    <p>{t.machines.goneText}</p>
                  </Empty>
                </div>
              )
            )}
          </div>
        </div>
      )}
      {machines !== undefined && !may && <NeedsAdmin what={t.machines.asAdmin} />}
    </Page>
  );
}

function Summary({ machines }: { machines: Machine[] }) {
  const devices = machines.filter((m) => m.state !== "offline").flatMap((m) => m.devices);
  const { used, all } = memoryOf(devices);
  const tasks = new Set(machines.flatMap(tasksOn)).size;
  const parts = [
    t.machines.count(machines.length),
    ...(machines.some((m) => m.state !== "ready") ? [t.machines.ready(machines.filter((m) => m.state === "ready").length)] : []),
    t.machines.devices(devices.length),
    ...(devices.length > 0 ? [used === undefined ? size(all) : t.home.devices.used(size(used), size(all))] : []),
    ...(tasks > 0 ? [t.home.tasks(tasks)] : []),
  ];
  return <p className="text-muted">{parts.join(" · ")}</p>;
}

function List({ machines, chosen, className }: { machines: Machine[]; chosen: Machine | undefined; className: string }) {
  const [typed, setTyped] = useState("");
  const [only, setOnly] = useState<"all" | "care">("all");
  const care = machines.filter(needsCare);
  const words = typed.toLowerCase().split(/\s+/);
  const shown = (only === "care" ? care : machines).filter((m) => {
    const text = [nameOf(m), m.state, ...Object.entries(m.agent?.labels ?? {}).flat(), ...m.devices.flatMap((d) => [d.name, d.uuid])].join(" ").toLowerCase();
    return words.every((w) => text.includes(w));
  });
  return (
    <nav aria-label={t.machines.title} className={`grid grid-cols-1 gap-3 md:sticky md:top-6 ${className}`}>
      {machines.length > many && (
        <>
          <Search label={t.machines.search} value={typed} onChange={setTyped} />
          {care.length > 0 && (
            <Choice
              label={t.machines.which}
              value={only}
              onChange={setOnly}
              options={[
                { value: "all", title: t.machines.all(machines.length) },
                { value: "care", title: t.machines.care(care.length) },
              ]}
            />
          )}
        </>
      )}
      {shown.length === 0 ? (
        <p className="text-muted">{t.machines.none}</p>
      ) : (
        <ul className="card divide-y divide-line overflow-auto md:max-h-[calc(100dvh-11rem)]">
          {shown.map((m) => (
            <li key={m.id}>
              <Row machine={m} here={m.id === chosen?.id} />
            </li>
          ))}
        </ul>
      )}
    </nav>
  );
}

function Row({ machine: m, here }: { machine: Machine; here: boolean }) {
  const { used, all } = memoryOf(m.devices);
  const tasks = tasksOn(m).length;
  const ill = m.state === "ready" && needsCare(m);
  return (
    <Link to="/machines" search={{ machine: m.name }} aria-current={here ? "page" : undefined} className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-2 px-3 py-3 -outline-offset-2 hover:bg-raised md:aria-[current=page]:bg-tint">
      <StateIcon state={ill ? "care" : m.state === "ready" ? "up" : m.state} />
      <span className="truncate font-medium" title={nameOf(m)}>
        {nameOf(m)}
      </span>
      <span className="text-small text-muted">{tasks > 0 ? t.home.tasks(tasks) : ""}</span>
      <span className="col-span-2 col-start-2 flex justify-between gap-3 text-small text-muted">
        <span>{t.machines.devices(m.devices.length)}</span>
        {m.devices.length > 0 && <span>{used === undefined || m.state === "offline" ? size(all) : t.home.devices.used(size(used), size(all))}</span>}
      </span>
      {used !== undefined && m.state !== "offline" && (
        <span className="col-span-2 col-start-2">
          <Progress fraction={all > 0 ? used / all : 0} label={t.machines.memoryOf(nameOf(m))} />
        </span>
      )}
    </Link>
  );
}
