import { Link } from "@tanstack/react-router";
import type { Schemas } from "../../api/client.js";
import { Section } from "../../kit/page.js";
import { Badge } from "../../kit/state.js";
import { t } from "../../strings.js";

/** Plugins are what brings node types to this host: their versions, and the checksums by which they are known. */
export function Plugins({ plugins }: { plugins: Schemas["Plugin"][] }) {
  return (
    <Section title={t.nodeTypes.plugins}>
      <ul className="card divide-y divide-line">
        {plugins.map((p) => {
          const trouble = p.reason || p.configuration?.[0]?.summary;
          return (
            <li key={`${p.kind}-${p.name}`} className="grid gap-2 px-4 py-3">
              <p className="flex flex-wrap items-center gap-2">
                <span className="font-medium">{p.name}</span>
                {p.version !== undefined && p.version !== "" && <span className="text-muted">{p.version}</span>}
                <Badge>{p.kind}</Badge>
                <span className={trouble ? "text-warn" : "text-muted"}>{p.state}</span>
              </p>
              {trouble !== undefined && trouble !== "" && <p className="break-words text-warn">{trouble}</p>}
              <p className="flex flex-wrap gap-x-3 gap-y-1">
                {p.node_types?.map((name) => (
                  <Link key={name} to="/node-types" search={{ type: name }} className="text-accent hover:underline">
                    {name}
                  </Link>
                ))}
              </p>
              {p.sha256 !== undefined && p.sha256 !== "" && <p className="font-mono text-small break-all text-muted">sha256:{p.sha256}</p>}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
