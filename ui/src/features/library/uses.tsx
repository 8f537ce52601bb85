import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { Schemas } from "../../api/client.js";
import type { AssetVersion } from "../../core/assets.js";
import { refuses } from "../../core/launch.js";
import { asArtifact } from "../../core/values.js";
import { Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";
import { pipeline, pipelines } from "./queries.js";

const most = 100; // pipelines that are looked at

/** Uses are the pipelines with a variable that the version fits; each opens its form with it filled in. */
export function Uses({ version: v }: { version: AssetVersion }) {
  const list = useQuery(pipelines);
  const ready = (list.data?.pipelines ?? []).filter((p) => p.state === "ready").slice(0, most);
  const all = useQueries({ queries: ready.map((p) => pipeline(p.name)) });
  const file = asArtifact(v.artifact);
  if (file === undefined) return null;
  const fits = (x: Schemas["Variable"]): boolean => /^(list\()?artifact\)?$/.test(x.type.replace(/\s/g, "")) && refuses(x, { type: file.mediaType, size: file.size }) === undefined;
  const found = all.flatMap(({ data: p }) => {
    const into = (p?.variables ?? []).filter(fits).map((x) => x.name);
    return p === undefined || into.length === 0 ? [] : [{ name: p.name, description: p.description, into }];
  });
  const pending = list.isPending || all.some((one) => one.isPending);
  return (
    <Section title={t.library.useIn}>
      {found.length > 0 && (
        <ul className="card divide-y divide-line overflow-hidden">
          {found.map((p) => (
            <li key={p.name}>
              <Link to="/pipelines/$name" params={{ name: p.name }} search={{ file: file.digest, name: file.name }} className="flex items-center gap-3 px-4 py-3 -outline-offset-2 hover:bg-raised">
                <span className="grid min-w-0 grow">
                  <span className="truncate font-medium" title={p.name}>
                    {p.name}
                  </span>
                  <span className="truncate text-muted">{t.library.into(p.into)}</span>
                </span>
                <ChevronRight size={16} className="shrink-0 text-muted" aria-hidden />
              </Link>
            </li>
          ))}
        </ul>
      )}
      {pending && <Skeleton className="h-14" />}
      {!pending && found.length === 0 && <p className="card px-4 py-3 text-muted">{t.library.nowhere}</p>}
    </Section>
  );
}
