import { duration, size } from "../../core/format.js";
import type { Schemas } from "../../api/client.js";
import { Badge } from "../../kit/state.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";

/** Plan is what a run with these values would do, node by node. first: of several, the first would. */
export function Plan({ plan, first = false }: { plan: Schemas["Plan"]; first?: boolean }) {
  return (
    <Section title={first ? t.launch.planFirst : t.launch.plan} aside={plan.work_seconds > 0 && <span className="text-muted">{t.launch.work(duration(plan.work_seconds), plan.complete)}</span>}>
      <ul className="card divide-y divide-line">
        {plan.nodes.map((n) => (
          <li key={n.at} className="grid gap-1 px-4 py-3">
            <span className="flex items-center gap-2">
              <span className="min-w-0 grow truncate font-medium" title={n.at}>
                {n.at.replace(/^node\./, "")}
              </span>
              {n.instances > 1 && <span className="shrink-0 text-small text-muted">{`×${n.instances}`}</span>}
              <Badge>{t.launch.verdict[n.verdict] ?? n.verdict}</Badge>
            </span>
            <span className="text-small break-words text-muted">
              {[
                n.why,
                n.cached !== undefined && n.cached > 0 && n.cached < n.instances ? t.launch.known(n.cached, n.instances) : "",
                n.device?.memory ? t.launch.needs(size(n.device.memory)) : "",
                n.where ? t.launch.on(n.where) : "",
                n.each_seconds ? (n.samples ? t.launch.each : t.launch.declared)(duration(n.each_seconds)) : "",
                n.note ? `${n.case ?? ""}: ${n.note}` : "",
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
            {n.warns && <span className="text-small break-words text-warn">{n.warns}</span>}
            {n.waits && <span className="text-small break-words text-warn">{n.waits}</span>}
          </li>
        ))}
      </ul>
    </Section>
  );
}
