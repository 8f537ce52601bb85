import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Cpu } from "lucide-react";
import { size } from "../../core/format.js";
import { agents, devices } from "../../data/host.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { t } from "../../strings.js";

const shown = 6; // devices: what needs a look first, then what works

/** Fleet is how the machines and their accelerators are. */
export function Fleet() {
  const found = useQuery(devices);
  const others = useQuery(agents).data?.agents ?? [];
  const all = found.data?.devices ?? [];
  const care = (d: (typeof all)[number]): number => (d.ill || d.held || d.warning ? 0 : (d.tasks ?? []).length > 0 ? 1 : 2);
  const list = [...all].sort((a, b) => care(a) - care(b)).slice(0, shown);
  return (
    <Section title={t.home.fleet} aside={<Link to="/machines" className="rounded-sm font-medium text-accent hover:underline">{t.home.allMachines(others.length + 1)}</Link>}>
      {found.error !== null && <Problem error={found.error} />}
      {found.isSuccess && list.length === 0 && <p className="card px-4 py-3 text-muted">{t.home.devices.none}</p>}
      {others.filter((a) => a.state !== "ready").map((a) => (
        <Link key={a.id} to="/machines" search={{ machine: a.name }} className="rounded-lg bg-warn-tint px-4 py-3 break-words text-warn hover:underline">
          {a.name}: {a.reason || t.state[a.state]}
        </Link>
      ))}
      <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
        {list.map((d) => {
          const used = d.reading.used;
          const trouble = d.ill || d.held || d.warning;
          return (
            <li key={d.uuid} className="min-w-0">
              <Link to="/machines" search={{ machine: d.agent || "local", device: d.uuid }} className="card grid h-full content-start gap-3 p-4 hover:border-edge">
                <div className="flex items-center gap-3">
                  <Cpu size={16} className={trouble ? "shrink-0 text-warn" : "shrink-0 text-muted"} aria-hidden />
                  <span className="grid min-w-0 grow">
                    <span className="truncate font-medium" title={d.name}>
                      {d.name}
                    </span>
                    <span className="truncate text-small text-muted">{d.agent || t.home.devices.host}</span>
                  </span>
                  {(d.tasks ?? []).length > 0 && <span className="shrink-0 text-small text-muted">{t.home.tasks(d.tasks?.length ?? 0)}</span>}
                </div>
                {used !== undefined && <Progress fraction={d.memory > 0 ? used / d.memory : 0} label={d.name} />}
                <p className={`text-small ${trouble ? "text-warn" : "text-muted"}`}>{trouble || (used === undefined ? size(d.memory) : t.home.devices.used(size(used), size(d.memory)))}</p>
              </Link>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
